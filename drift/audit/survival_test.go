package audit_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/drift/audit"
)

func TestSurvival(t *testing.T) {
	nan := math.NaN()
	for name, test := range map[string]struct {
		happened, open []time.Duration
		median         time.Duration
		day, week      float64
	}{
		"nothing":                      {median: -1, day: nan, week: nan},
		"all within an hour":           {happened: hours(1, 1), median: time.Hour, day: 1, week: 1},
		"nobody was watched for a day": {happened: hours(1), open: hours(2), median: time.Hour, day: nan, week: nan},
		"nothing in a week":            {open: hours(192), median: -1},
		// Freireich et al. 1963, the 6-MP arm, weeks read as hours: S(22) = 0.538, median 23.
		"a known example": {happened: hours(6, 6, 6, 7, 10, 13, 16, 22, 23), open: hours(6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35),
			median: 23 * time.Hour, day: 1 - 0.448, week: nan},
	} {
		got := audit.Estimate(test.happened, test.open)
		if got.Median != test.median || !near(got.Day, test.day) || !near(got.Week, test.week) || got.Known != len(test.happened) || got.Open != len(test.open) {
			t.Errorf("%s: got %+v, want median %s, day %.3f, week %.3f", name, got, test.median, test.day, test.week)
		}
	}
}

func hours(list ...int) (out []time.Duration) {
	for _, h := range list {
		out = append(out, time.Duration(h)*time.Hour)
	}
	return out
}

func near(a, b float64) bool { return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-3 }

// Without anything open, the estimate is the plain quantile; what is open only
// ever makes times longer.
func TestSurvivalIsTheQuantileWhereNothingIsOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := hours(rapid.SliceOfN(rapid.IntRange(1, 1000), 1, 40).Draw(t, "hours")...)
		got := audit.Estimate(plain, nil)
		slices.Sort(plain)
		if want := plain[(len(plain)+1)/2-1]; got.Median != want {
			t.Fatalf("got median %s, want %s of %v", got.Median, want, plain)
		}
		extra := audit.Estimate(plain, hours(rapid.IntRange(1, 1000).Draw(t, "open")))
		if extra.Median >= 0 && extra.Median < got.Median {
			t.Fatalf("one more that is open made the median shorter: %s, was %s", extra.Median, got.Median)
		}
		if extra.Week > got.Week+1e-9 {
			t.Fatalf("one more that is open made the share larger: %v, was %v", extra.Week, got.Week)
		}
	})
}
