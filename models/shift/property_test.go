package shift_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/models/shift"
)

// TestUnitsDoNotMatter: a latency in another unit is as much slower, and its
// levels are in that unit.
func TestUnitsDoNotMatter(t *testing.T) {
	s := world{n: 30 * hours, seed: 3, shift: from(29*hours, 0, 1.5)}.series()
	want := shift.Detect(s, shift.Options{})
	if want.Kind != shift.Regressed {
		t.Fatalf("got %+v", want)
	}
	rapid.Check(t, func(t *rapid.T) {
		factor := math.Exp(rapid.Float64Range(-12, 12).Draw(t, "log factor"))
		scaled := s
		scaled.Latency = slices.Clone(s.Latency)
		for i := range scaled.Latency {
			scaled.Latency[i] *= factor
		}
		got := shift.Detect(scaled, shift.Options{})
		if got.Kind != want.Kind || !got.Onset.Equal(want.Onset) || !close(got.Effect, want.Effect) || !close(got.Before, want.Before*factor) || !close(got.After, want.After*factor) {
			t.Fatalf("by %g: got %+v, want %+v", factor, got, want)
		}
	})
}

// TestDistancesOfMovedSamples: none of the comparison depends on where zero is or
// how large a unit is, but Wasserstein, which is in the unit; nothing depends on the
// order of subjects, and a sample is no distance from itself.
func TestDistancesOfMovedSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := func(name string) []float64 {
			list := rapid.SliceOfN(rapid.IntRange(-50, 50), 20, 80).Draw(t, name)
			out := make([]float64, len(list))
			for i, v := range list {
				out[i] = float64(v)
			}
			return out
		}
		a, b := sample("baseline"), sample("recent")
		move := func(v []float64) []float64 {
			out := make([]float64, len(v))
			for i := range v {
				out[i] = 4*v[i] + 1024 // exact
			}
			return out
		}
		c, m, same := shift.Compare(a, b), shift.Compare(move(a), move(b)), shift.Compare(a, a)
		if c.KS != m.KS || c.KSP != m.KSP || !close(c.PSI, m.PSI) || !close(m.Wasserstein, 4*c.Wasserstein) || (c.Normalised == c.Normalised && !close(c.Normalised, m.Normalised)) {
			t.Fatalf("got %+v, moved %+v", c, m)
		}
		if c.KS < 0 || c.KS > 1 || c.KSP < 0 || c.KSP > 1 || c.PSI < 0 || c.Wasserstein < 0 {
			t.Fatalf("got %+v", c)
		}
		if same.KS != 0 || same.KSP != 1 || same.PSI != 0 || same.Wasserstein != 0 {
			t.Fatalf("a sample differs from itself: %+v", same)
		}
		if back := shift.Compare(b, a); back.KS != c.KS || !close(back.Wasserstein, c.Wasserstein) {
			t.Fatalf("got %+v one way and %+v the other", c, back)
		}
	})
}

func close(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))+1e-12 }

// TestPValuesAreHonestUnderAutocorrelation: of samples of one law, each minute
// much like the one before, hardly more than the share that is promised is called
// different; and it is where independence is taken for granted.
func TestPValuesAreHonestUnderAutocorrelation(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	draw := func(n int) []float64 {
		out, v := make([]float64, n), rng.NormFloat64()
		for i := range out {
			v = 0.9*v + math.Sqrt(1-0.81)*rng.NormFloat64()
			out[i] = v
		}
		return out
	}
	const trials = 100
	wrong := 0
	for range trials {
		if shift.Compare(draw(1000), draw(360)).KSP < 0.05 {
			wrong++
		}
	}
	if share := float64(wrong) / trials; share > 0.1 {
		t.Errorf("%.0f %% of equal samples differ at p < 0.05", 100*share)
	}
}

// TestDrift tells what drifts from what only wanders.
func TestDrift(t *testing.T) {
	for name, c := range map[string]struct {
		make func(i int, noise float64) float64
		want shift.DriftKind
	}{
		"nothing":                {func(_ int, e float64) float64 { return 5 + e }, shift.Same},
		"a step":                 {func(i int, e float64) float64 { return 5 + e + step(i, 3) }, shift.Drifted},
		"wider":                  {func(i int, e float64) float64 { return 5 + e*(1+step(i, 6)) }, shift.Drifted},
		"a day like others":      {func(i int, e float64) float64 { return 5 + 4*math.Sin(2*math.Pi*float64(i)/days) + e }, shift.Same},
		"a day unlike others":    {func(i int, e float64) float64 { return 5 + 4*math.Sin(2*math.Pi*float64(i)/days) + e + step(i, 3) }, shift.Drifted},
		"seconds to ms":          {func(i int, e float64) float64 { return (5 + 0.2*e) * (1 + step(i, 999)) }, shift.Rescaled},
		"bytes to KiB":           {func(i int, e float64) float64 { return (5e6 + 1e5*e) / (1 + step(i, 1023)) }, shift.Rescaled},
		"a constant":             {func(int, float64) float64 { return 3 }, shift.Same},
		"a constant and another": {func(i int, _ float64) float64 { return 3 + step(i, 1) }, shift.Drifted},
		"nothing recent":         {func(i int, e float64) float64 { return e + step(i, math.NaN()) }, shift.Unclear},
	} {
		rng := rand.New(rand.NewPCG(9, 9))
		values := make([]float64, 7*days+6*hours)
		for i := range values {
			values[i] = c.make(i, rng.NormFloat64())
		}
		got, kind, why := shift.Drift(values, 60e9, shift.DriftOptions{})
		if kind != c.want {
			t.Errorf("%s: got %s (%s), want %s: %+v", name, kind, why, c.want, got)
		}
	}
}

// step is the height in the last six hours, and 0 before.
func step(i int, height float64) float64 {
	if i >= 7*days {
		return height
	}
	return 0
}
