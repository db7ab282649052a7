package models_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

func TestPlattFindsTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var scores, labels []float64
	for range 20_000 {
		s, y := 3*rng.NormFloat64(), 0.0
		if rng.Float64() < 1/(1+math.Exp(-(0.7*s-2))) {
			y = 1
		}
		scores, labels = append(scores, s), append(labels, y)
	}
	apply := models.Platt(scores, labels)
	for s := -6.0; s <= 6; s++ {
		if got, want := apply(s), 1/(1+math.Exp(-(0.7*s-2))); math.Abs(got-want) > 0.02 {
			t.Errorf("at %v: got %v, want %v", s, got, want)
		}
	}
}

func TestPlattOfDegenerateInput(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		scores, labels []float64
		want           float64 // at every score
	}{
		"nothing":            {nil, nil, 0.5},
		"only unknown":       {[]float64{1, nan}, []float64{nan, 1}, 0.5},
		"no event":           {[]float64{1, 2, 3}, []float64{0, 0, 0}, 1.0 / 5},
		"events only":        {[]float64{1, 2, 3}, []float64{1, 1, 1}, 4.0 / 5},
		"one score":          {[]float64{2, 2, 2, 2}, []float64{1, 0, 0, 0}, 2.0 / 6},
		"scores that oppose": {[]float64{1, 2, 3, 4}, []float64{1, 1, 0, 0}, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range []float64{-100, 0, 100} {
				if got := models.Platt(c.scores, c.labels)(s); math.Abs(got-c.want) > 1e-12 {
					t.Errorf("at %v: got %v, want %v", s, got, c.want)
				}
			}
		})
	}
	separable := models.Platt([]float64{1, 2, 3, 4}, []float64{0, 0, 1, 1})
	if low, high := separable(1), separable(4); !(low > 0 && high < 1 && low < high) {
		t.Errorf("separable scores: got %v and %v", low, high)
	}
}

// TestIsotonicAgainstBruteForce uses the max–min formula: the fit at i is
// max over j ≤ i of min over k ≥ i of mean(y[j..k]).
func TestIsotonicAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 20).Draw(t, "y")
		got := models.Isotonic(y)
		for i := range y {
			want := math.Inf(-1)
			for j := 0; j <= i; j++ {
				low := math.Inf(1)
				for k := i; k < len(y); k++ {
					low = min(low, mean(y[j:k+1]))
				}
				want = max(want, low)
			}
			if math.Abs(got[i]-want) > 1e-9 {
				t.Fatalf("at %d: got %v, want %v", i, got[i], want)
			}
		}
	})
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func TestCalibrationKeepsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n := rapid.SampledFrom([]int{10, 300, 9000}).Draw(t, "rows") // Platt, Platt, isotonic
		slope := rapid.Float64Range(-2, 2).Draw(t, "slope")
		var scores, labels []float64
		for range n {
			s, y := rng.NormFloat64(), 0.0
			if rng.Float64() < 1/(1+math.Exp(-slope*s)) {
				y = 1
			}
			scores, labels = append(scores, s), append(labels, y)
		}
		apply := models.Calibrate(scores, labels)
		before := 0.0
		for s := -5.0; s <= 5; s += 0.1 {
			p := apply(s)
			if !(p >= before && p > 0 && p < 1) {
				t.Fatalf("at %v: %v after %v", s, p, before)
			}
			before = p
		}
		if e := models.CalibrationError(applied(apply, scores), labels); n == 9000 && slope > 0.5 && e > 0.02 {
			t.Errorf("calibration error %v in sample", e)
		}
	})
}

func applied(apply func(float64) float64, scores []float64) []float64 {
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = apply(s)
	}
	return out
}

func TestLookBackAgreesWithOnsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 1}), 1, 80).Draw(t, "series")
		y[0], y[len(y)-1] = 0, 0 // each run is seen to begin and to end
		hold := rapid.IntRange(0, 4).Draw(t, "hold")
		target := &features.Target{Event: "e", Interval: time.Minute, For: time.Duration(hold) * time.Minute}
		onsets := features.Onsets(y, hold)
		since, count := models.LookBack(y, target)
		if count != len(onsets) {
			t.Fatalf("%d events, features see %d", count, len(onsets))
		}
		want := -1
		if count > 0 {
			end := onsets[count-1]
			end += slices.Index(y[end:], 0) - 1
			want = len(y) - 1 - end
		}
		if since != want {
			t.Fatalf("since %d, want %d", since, want)
		}
	})
}

func TestSamplingIsUndone(t *testing.T) {
	k := knownHazard(1, 12_000, 0.0005)
	for h := range k.frame.Target.Horizons {
		var events, n float64
		for row := range k.frame.Rows {
			events += k.frame.Label(row, h)
			n++
		}
		for _, limit := range []int{1000, 5000, 50_000} {
			got, rows, err := models.CaseControlRate(k.frame, h, limit)
			if err != nil {
				t.Fatal(err)
			}
			if want := events / n; rows > limit || math.Abs(got-want) > 0.02*want {
				t.Errorf("horizon %d from %d rows: rate %v, want %v", h, rows, got, want)
			}
		}
	}
}

// TestCalibrationUndoesWhatIsWrong wants scores that are too sure, or shifted,
// to be put right on rows never seen, and right ones left alone.
func TestCalibrationUndoesWhatIsWrong(t *testing.T) {
	draw := func(seed uint64, slope, shift float64) (scores, labels []float64) {
		rng := rand.New(rand.NewPCG(seed, 4))
		for range 6000 {
			z, y := 1.5*rng.NormFloat64()-2, 0.0
			if rng.Float64() < 1/(1+math.Exp(-z)) {
				y = 1
			}
			scores, labels = append(scores, slope*z+shift), append(labels, y)
		}
		return scores, labels
	}
	for name, c := range map[string]struct{ slope, shift float64 }{
		"right": {1, 0}, "too sure": {2.5, 0}, "too timid": {0.5, 0}, "too high": {1, 1.5}, "too low and too sure": {2, -2},
	} {
		t.Run(name, func(t *testing.T) {
			apply := models.Calibrate(draw(1, c.slope, c.shift))
			scores, labels := draw(2, c.slope, c.shift)
			if e := models.CalibrationError(applied(apply, scores), labels); e > 0.02 {
				t.Errorf("calibration error %v, want at most 0.02", e)
			}
		})
	}
}

// TestFewEventsMoveLittle wants calibration drawn to what the model says where
// hardly anything is known.
func TestFewEventsMoveLittle(t *testing.T) {
	apply := models.Calibrate([]float64{-3, -3, -2, -3, -3, -4, -3, -3}, []float64{0, 0, 1, 0, 0, 0, 0, 0})
	for s := -5.0; s <= 0; s++ {
		if got, want := apply(s), 1/(1+math.Exp(-s)); got < want/2.5 || got > 2.5*want {
			t.Errorf("at %v: got %v, want about %v", s, got, want)
		}
	}
}

// TestOneEventCountsOnce wants the rows that tell of one event to be one
// observation, however many there are.
func TestOneEventCountsOnce(t *testing.T) {
	p, target := clustered(5, 1000, 5)
	for s := range p.Subjects {
		clear(p.Series(0, s))
		p.Series(0, s)[300] = 1
		p.Series(0, s)[301+30] = 1
		p.Series(0, s)[900] = 1
	}
	f, err := features.Extract(p, target, features.Options{Origins: features.Origins(p, time.Hour, time.Time{}, time.Time{}), Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	// At 24 h each of the three is told of by 24 rows; at 72 h the second comes
	// so soon after the first that 30 are left for it.
	for h, want := range []float64{3.0 / (3 * 24), 3.0 / (72 + 30 + 72)} {
		if got, err := models.Share(f, h); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("horizon %d: got %v %v, want %v", h, got, err, want)
		}
	}
}
