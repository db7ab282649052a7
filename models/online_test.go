package models_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// forecastOf is a normal forecast of one lead around 0.
func forecastOf(lead int, width float64) models.Forecast {
	out := models.Forecast{Leads: []int{lead}}
	for _, z := range []float64{-1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816} {
		out.Path = append(out.Path, z*width)
	}
	return out
}

// coverageOnline forecasts a normal series whose spread changes, with intervals
// made for a spread of 1, and returns the coverage over the last half.
func coverageOnline(spread func(i int) float64, lead, every, n int, online bool) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	var o models.Online
	inside, scored := 0.0, 0.0
	for i := 0; i < n; i++ {
		out := forecastOf(lead, 1)
		if online {
			o.Adjust(&out, features.ScaleRaw)
		}
		y := rng.NormFloat64() * spread(i)
		o.Observe(i*every, lead, out.Path[0], out.Path[8], y)
		if i >= n/2 {
			scored++
			if out.Path[0] <= y && y <= out.Path[8] {
				inside++
			}
		}
	}
	return inside / scored
}

func TestOnlineHoldsCoverageUnderShift(t *testing.T) {
	doubled := func(i int) float64 {
		if i < 200 {
			return 1
		}
		return 2
	}
	before := coverageOnline(doubled, 4, 4, 2000, false)
	after := coverageOnline(doubled, 4, 4, 2000, true)
	if before > 0.6 {
		t.Fatalf("coverage without it: got %.3f, want a shift that matters", before)
	}
	if math.Abs(after-0.8) > 0.03 {
		t.Errorf("coverage with it: got %.3f, want 0.8 ± 0.03", after)
	}
	halved := coverageOnline(func(int) float64 { return 0.5 }, 4, 4, 2000, true)
	if math.Abs(halved-0.8) > 0.03 {
		t.Errorf("coverage of a calm series: got %.3f, want 0.8 ± 0.03", halved)
	}
}

func TestOnlineCountsOverlapOnce(t *testing.T) {
	var dense, sparse models.Online
	for origin := range 64 { // one surprise that 64 forecasts of 64 steps saw
		dense.Observe(origin, 64, -1, 1, 5)
	}
	sparse.Observe(0, 64, -1, 1, 5)
	dense.Observe(64, 64, -1, 1, 0)
	sparse.Observe(64, 64, -1, 1, 0)
	a, b := forecastOf(64, 1), forecastOf(64, 1)
	dense.Adjust(&a, features.ScaleRaw)
	sparse.Adjust(&b, features.ScaleRaw)
	if got, want := a.Path[8], b.Path[8]; math.Abs(got/want-1) > 0.02 || want <= 1.2816 {
		t.Errorf("upper quantile after one surprise: got %.4f forecast densely, %.4f once, want them alike and wider", got, want)
	}
}

func TestOnlineLeavesWhatItMust(t *testing.T) {
	var o models.Online
	out := forecastOf(3, 1)
	o.Adjust(&out, features.ScaleRaw)
	if out.Path[8] != 1.2816 {
		t.Errorf("without outcomes: got %v, want no change", out.Path)
	}
	o.Observe(1, 3, -1, 1, math.NaN())
	o.Observe(2, 3, -1, 1, 9)
	o.Observe(9, 3, -1, 1, 9)
	for _, scale := range []features.Scale{features.ScaleRaw, features.ScaleLog, features.ScaleCount} {
		out := models.Forecast{Leads: []int{3}, Path: []float64{0, 0, 0, 1, 1, 1, 1, 2, 3}}
		o.Adjust(&out, scale)
		if out.Path[4] != 1 || out.Path[5] != 1 {
			t.Errorf("%s: the median moved: %v", scale, out.Path)
		}
		for k := 1; k < 9; k++ {
			if !(out.Path[k] >= out.Path[k-1]) {
				t.Errorf("%s: not ascending: %v", scale, out.Path)
			}
		}
		if scale != features.ScaleRaw && out.Path[0] < 0 {
			t.Errorf("%s: below zero: %v", scale, out.Path)
		}
	}
}
