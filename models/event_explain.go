package models

import (
	"cmp"
	"math"
	"slices"
	"strings"

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
	number := quantity(value, c.Unit)
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
