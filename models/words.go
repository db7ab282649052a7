package models

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// quantity writes a value with its unit as people do, with three digits that
// matter: 1h25m0s for 5120 s, 12.4 GiB for 1.33e10 bytes, 123000 for 123456.
func quantity(v float64, unit string) string {
	switch {
	case math.IsInf(v, 0):
	case unit == "s" && math.Abs(v) >= 120 && math.Abs(v) < math.MaxInt64/1e9:
		return spell(time.Duration(v) * time.Second)
	case unit == "h" && v == v && math.Abs(v) < math.MaxInt64/3.6e12:
		return spell(time.Duration(v * float64(time.Hour)).Round(time.Second))
	case unit == "bytes":
		for _, prefix := range []string{"", "Ki", "Mi", "Gi", "Ti"} {
			if math.Abs(v) < 1024 {
				return digits(v) + " " + prefix + "B"
			}
			v /= 1024
		}
		return digits(v) + " PiB"
	}
	if unit == "" || unit == "1" || unit == "ratio" {
		return digits(v)
	}
	return digits(v) + " " + unit
}

// digits writes a number with three digits that matter, without an exponent
// where it would hide more than it saves.
func digits(v float64) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	if abs := math.Abs(v); strings.Contains(text, "e") && abs >= 1 && abs < 1e15 {
		rounded, err := strconv.ParseFloat(text, 64)
		if err == nil {
			return strconv.FormatFloat(rounded, 'f', 0, 64)
		}
	}
	return text
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
