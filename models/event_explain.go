package models

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftcast/driftcast/features"
)

// driversKept is how many drivers a model names.
const driversKept = 5

// strongest appends the driversKept drivers of the largest contributions of
// dst[from:] in place of all of them.
func strongest(dst []Driver, from int) []Driver {
	part := dst[from:]
	slices.SortStableFunc(part, func(a, b Driver) int {
		return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution))
	})
	return dst[:from+min(len(part), driversKept)]
}

// driver words the value of a column, e.g. "row remaps +3 in 6 h".
func driver(c features.Column, value, contribution float64) Driver {
	d := Driver{Column: c.Name, Value: value, Contribution: contribution}
	words := c.Text
	if words == "" {
		words = strings.ReplaceAll(c.Name, "_", " ")
	}
	if math.IsNaN(value) {
		d.Text = words + " missing"
		return d
	}
	number := strconv.FormatFloat(value, 'g', 3, 64)
	if c.Unit != "" && c.Unit != "1" {
		number += " " + c.Unit
	}
	if rest, ok := strings.CutPrefix(words, "change of "); ok {
		if value >= 0 {
			number = "+" + number
		}
		if at := strings.LastIndex(rest, " in "); at >= 0 {
			d.Text = rest[:at] + " " + number + rest[at:]
			return d
		}
		d.Text = rest + " " + number
		return d
	}
	d.Text = words + " " + number
	return d
}

// spell writes a duration as people do: 15m, 6h, 7d, 36h.
func spell(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	if d >= 3*day {
		return strconv.FormatFloat(float64(d)/float64(day), 'f', 1, 64) + "d"
	}
	text := d.Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if rest, ok := strings.CutSuffix(text, zero); ok {
			text = rest + zero[:1]
		}
	}
	return text
}

// percent writes a probability with two digits that matter.
func percent(p float64) string { return strconv.FormatFloat(100*p, 'g', 2, 64) + " %" }
