package shift

import (
	"fmt"
	"math"
)

// near is how far, in logs, a factor may be from one between units.
const near = 0.1

// UnitFactor says in words which change of unit a ratio of levels looks like;
// ok is false where it looks like none. 1/1000 is recognised as 1000 is.
func UnitFactor(ratio float64) (text string, ok bool) {
	if !(ratio > 0) || math.IsInf(ratio, 0) {
		return "", false
	}
	best := near
	for _, u := range []struct {
		factor float64
		text   string
	}{
		{60, "minutes → seconds"}, {100, "share → percent"}, {1000, "s → ms, or k"}, {1024, "KiB → B, or Ki"}, {3600, "hours → seconds"},
		{1e6, "s → µs, or M"}, {1 << 20, "MiB → B, or Mi"}, {1e9, "s → ns, or G"}, {1 << 30, "GiB → B, or Gi"},
	} {
		if off := math.Abs(math.Abs(math.Log(ratio)) - math.Log(u.factor)); off < best {
			sign, direction := "×", u.text
			if ratio < 1 {
				sign, direction = "÷", "the reverse of "+u.text
			}
			best, text, ok = off, fmt.Sprintf("looks like a change of unit: %s%.0f (%s)", sign, u.factor, direction), true
		}
	}
	return text, ok
}
