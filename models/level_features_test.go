package models_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// wave is a season with noise and a few holes.
func wave(n, season int, noise float64, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 8))
	y := make([]float64, n)
	for i := range y {
		y[i] = 3 + math.Sin(2*math.Pi*float64(i)/float64(season)) + noise*rng.NormFloat64()
		if rng.IntN(40) == 0 {
			y[i] = math.NaN()
		}
	}
	y[n-1] = 3
	return y
}

func seen(t testing.TB, target *features.Target, y []float64, origin, lead int) []float64 {
	t.Helper()
	f, err := features.Extract(onePanel(target, y), target, features.Options{Origins: []int{origin}})
	if err != nil {
		t.Fatal(err)
	}
	return models.LocalFeatures(f, 0, lead)
}

// TestLocalFeaturesKnowNoUnits: a series that is shifted and scaled looks the
// same, whatever it is made of.
func TestLocalFeaturesKnowNoUnits(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals, target.Season = nil, 24
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 400).Draw(t, "n")
		y := wave(n, 24, rapid.Float64Range(0.01, 2).Draw(t, "noise"), rapid.Uint64().Draw(t, "seed"))
		lead := rapid.IntRange(1, 60).Draw(t, "lead")
		factor, shift := rapid.Float64Range(1e-3, 1e6).Draw(t, "factor"), rapid.Float64Range(-1e3, 1e3).Draw(t, "shift")
		moved := make([]float64, n)
		for i, v := range y {
			moved[i] = factor * (v + shift)
		}
		f, err := features.Extract(onePanel(target, y), target, features.Options{Origins: []int{n - 1}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := features.Extract(onePanel(target, moved), target, features.Options{Origins: []int{n - 1}})
		if err != nil {
			t.Fatal(err)
		}
		want, got := models.LocalFeatures(f, 0, lead), models.LocalFeatures(g, 0, lead)
		for j := range want {
			if want[j] != want[j] && got[j] != got[j] {
				continue
			}
			if !(math.Abs(got[j]-want[j]) <= 1e-3*(1+math.Abs(want[j]))) {
				t.Fatalf("column %d: %g, and %g when shifted by %g and scaled by %g", j, want[j], got[j], shift, factor)
			}
		}
	})
}

// TestLocalFeaturesAreBlindToTheFuture: what comes after the origin changes
// nothing, at leads beyond a season too.
func TestLocalFeaturesAreBlindToTheFuture(t *testing.T) {
	target := levelTarget(features.ScaleLog)
	target.Signals, target.Season = nil, 24
	const n, origin = 400, 250
	y := wave(n, 24, 0.3, 1)
	changed := slices.Clone(y)
	for i := origin + 1; i < n; i++ {
		changed[i] = float64(i % 7)
	}
	y[origin], changed[origin] = 3, 3
	for _, lead := range []int{1, 5, 23, 24, 25, 100, 168, 200} {
		want, got := seen(t, target, y, origin, lead), seen(t, target, changed, origin, lead)
		known := 0
		for j := range want {
			if want[j] == want[j] {
				known++
			}
			if want[j] != got[j] && (want[j] == want[j] || got[j] == got[j]) {
				t.Errorf("lead %d: column %d saw the future: %g and %g", lead, j, want[j], got[j])
			}
		}
		if known < 30 {
			t.Errorf("lead %d: only %d columns are known", lead, known)
		}
	}
}

// TestKnotsSpanTheLeads: the first and last lead are knots, neighbours are
// near, and what is linear in log lead is met exactly in between.
func TestKnotsSpanTheLeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leads := rapid.SliceOfN(rapid.SampledFrom([]int{1, 1, 1, 2, 9, 50}), 1, 120).Draw(t, "steps")
		for i := 1; i < len(leads); i++ {
			leads[i] += leads[i-1]
		}
		season := rapid.SampledFrom([]int{1, 10, 144, 1440}).Draw(t, "season")
		knots := models.Knots(leads, season)
		if knots[0] != 0 || knots[len(knots)-1] != len(leads)-1 || !slices.IsSorted(knots) || len(slices.Compact(slices.Clone(knots))) != len(knots) {
			t.Fatalf("knots %v of %d leads", knots, len(leads))
		}
		q := make([]float64, len(leads)*len(models.Quantiles))
		value := func(i, k int) float64 { return float64(k) * (1 + math.Log(float64(leads[i]))) }
		for _, i := range knots {
			for k := range models.Quantiles {
				q[i*len(models.Quantiles)+k] = value(i, k)
			}
		}
		models.BetweenKnots(leads, knots, q)
		for i := range leads {
			for k := range models.Quantiles {
				if got, want := q[i*len(models.Quantiles)+k], value(i, k); math.Abs(got-want) > 1e-9*(1+want) {
					t.Fatalf("lead %d quantile %d: got %g, want %g", leads[i], k, got, want)
				}
			}
		}
		for n := 1; n < len(knots); n++ {
			low, high := knots[n-1], knots[n]
			if high-low > 1 && leads[high] > 2*leads[low] {
				t.Fatalf("leads between knots %d and %d, which are far apart", leads[low], leads[high])
			}
		}
	})
}
