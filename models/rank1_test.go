package models_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// localExperts are the level models that look at one series at a time.
func localExperts(t testing.TB, target *features.Target) []models.Model {
	t.Helper()
	var all []models.Model
	for _, name := range []string{"smoothing", "theta", "rank1-ridge"} {
		m, err := models.ByName(target, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// hourly is a target with a season of 24 steps, forecast 1…24 steps ahead.
func hourly() *features.Target {
	target := levelTarget(features.ScaleRaw)
	target.Interval, target.Season, target.Signals = time.Hour, 24, nil
	target.Horizons = []time.Duration{24 * time.Hour}
	return target
}

// missesAt is the mean absolute error of medians over all leads, from the
// origins after through.
func missesAt(t *testing.T, m models.Model, target *features.Target, y []float64, through int, origins ...int) float64 {
	t.Helper()
	p := onePanel(target, y)
	fitted, _ := learn(t, m, target, p, through, 3)
	ask, err := features.Extract(p, target, features.Options{Origins: origins})
	if err != nil {
		t.Fatal(err)
	}
	var sum, n float64
	var out models.Forecast
	for row := range ask.Rows {
		if err := fitted.Predict(ask, row, &out); err != nil {
			t.Fatal(err)
		}
		for i, lead := range out.Leads {
			if at := ask.Rows[row].Origin + lead; at < len(y) {
				sum, n = sum+math.Abs(middle(out, i)-y[at]), n+1
			}
		}
	}
	return sum / n
}

// TestLocalExpertsKnowToySeries: what is as regular as this has to be forecast
// nearly without error by those who look for it.
func TestLocalExpertsKnowToySeries(t *testing.T) {
	const steps = 168 * 6
	target := hourly()
	rng := rand.New(rand.NewPCG(7, 7))
	series := map[string][]float64{}
	for i := range steps {
		phase := float64(i%24) / 24 * 2 * math.Pi
		day := i / 24 % 7
		week := 10 + 5*math.Sin(phase)
		if day >= 5 {
			week = 0
		}
		level := 50.0
		if i >= 700 {
			level = 90
		}
		add := func(name string, v float64) { series[name] = append(series[name], v) }
		add("day", 100+10*math.Sin(phase))
		add("week", week)
		add("shifted day", level+10*math.Sin(phase))
		add("line", 3*float64(i))
		add("noise", 20+rng.NormFloat64())
		add("constant", 7)
	}
	for _, tc := range []struct {
		series, model string
		most          float64 // of naive's error
	}{
		{"day", "theta", 0.02}, {"day", "rank1-ridge", 0.05},
		{"week", "theta", 0.15}, {"week", "rank1-ridge", 0.15},
		{"shifted day", "theta", 0.2}, {"shifted day", "rank1-ridge", 0.4},
		{"line", "smoothing", 0.3}, {"line", "theta", 0.7},
		{"noise", "smoothing", 0.8}, {"noise", "theta", 0.8}, {"noise", "rank1-ridge", 0.8},
		{"constant", "smoothing", 0}, {"constant", "theta", 0}, {"constant", "rank1-ridge", 0},
	} {
		t.Run(tc.series+"/"+tc.model, func(t *testing.T) {
			m, err := models.ByName(target, tc.model)
			if err != nil {
				t.Fatal(err)
			}
			y := series[tc.series]
			origins := []int{840, 845, 851, 858, 866, 875, 885, 896, 908, 921, 935, 950}
			got := missesAt(t, m, target, y, 800, origins...)
			naive := missesAt(t, models.Naive{}, target, y, 800, origins...)
			if got > tc.most*naive+1e-9 {
				t.Errorf("mean error %.4g, want at most %g of naive's %.4g", got, tc.most, naive)
			}
		})
	}
}

// TestLocalExpertsKnowNoUnit: what is told of a·y + b is a times what is told of
// y, plus b, whatever comes after the origin.
func TestLocalExpertsKnowNoUnit(t *testing.T) {
	target := hourly()
	rng := rand.New(rand.NewPCG(2, 9))
	train := make([]float64, 600)
	for i := range train {
		train[i] = 10*math.Sin(float64(i)*2*math.Pi/24) + rng.NormFloat64()
	}
	for _, m := range localExperts(t, target) {
		fitted, _ := learn(t, m, target, onePanel(target, train), 570, 3)
		rapid.Check(t, func(t *rapid.T) {
			y := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-10, 10), rapid.Just(math.NaN())), 3, 400).Draw(t, "past")
			a, b := rapid.Float64Range(0.1, 50).Draw(t, "a"), rapid.Float64Range(-100, 100).Draw(t, "b")
			y[0] = 1
			known := len(y)
			moved := make([]float64, len(y), len(y)+5)
			for i, v := range y {
				moved[i] = a*v + b
			}
			moved = append(moved, 1e6, -1e6, 0, math.NaN(), 3)
			told := forecastAt(t, fitted, target, y, known-1)
			of := forecastAt(t, fitted, target, moved, known-1)
			for i := range told.Leads {
				if got, want := middle(of, i), a*middle(told, i)+b; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
					t.Fatalf("%s at lead %d: %g, want %g·%g + %g = %g", m.Name(), told.Leads[i], got, a, middle(told, i), b, want)
				}
			}
		})
	}
}

func forecastAt(t *rapid.T, fitted models.Fitted, target *features.Target, y []float64, origin int) models.Forecast {
	ask, err := features.Extract(onePanel(target, y), target, features.Options{Origins: []int{origin}})
	if err != nil {
		t.Fatal(err)
	}
	var out models.Forecast
	if err := fitted.Predict(ask, 0, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLocalExpertsFollowALevelShift: a jump of a level that stays is followed,
// also by smoothers to which a
// single jump is an outlier, where the past has had such jumps.
func TestLocalExpertsFollowALevelShift(t *testing.T) {
	target := hourly()
	rng := rand.New(rand.NewPCG(4, 4))
	y := make([]float64, 900)
	for i := range y {
		y[i] = 10 + rng.NormFloat64()
		if i/150%2 == 1 {
			y[i] += 40
		}
	}
	for _, m := range localExperts(t, target) {
		if got := missesAt(t, m, target, y, 700, 850); got > 6 {
			t.Errorf("%s: mean error %.3g 100 steps after a shift of 40, want about 1", m.Name(), got)
		}
	}
}

// BenchmarkLocalExperts forecasts 64 leads from two weeks and from a month of
// minutes.
func BenchmarkLocalExperts(b *testing.B) {
	target := levelTarget(features.ScaleLog)
	target.Season, target.Signals = 1440, nil
	leads := make([]int, 64)
	for i := range leads {
		leads[i] = i + 1
	}
	for _, days := range []int{14, 30} {
		rng := rand.New(rand.NewPCG(1, 1))
		y := make([]float64, days*1440)
		for i := range y {
			y[i] = 100 + 50*math.Sin(float64(i)*2*math.Pi/1440) + 5*rng.NormFloat64()
		}
		p := onePanel(target, y)
		var origins []int
		for i := len(y) / 2; i < len(y)-100; i += len(y) / 300 {
			origins = append(origins, i)
		}
		train, err := features.Extract(p, target, features.Options{Origins: origins, Leads: leads, Labels: true})
		if err != nil {
			b.Fatal(err)
		}
		ask, err := features.Extract(p, target, features.Options{Origins: []int{p.Len - 1}, Leads: leads})
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range localExperts(b, target) {
			fitted, err := m.Fit(context.Background(), train, models.FitOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%d days/%s", days, m.Name()), func(b *testing.B) {
				b.ReportAllocs()
				var out models.Forecast
				for b.Loop() {
					if err := fitted.Predict(ask, 0, &out); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
