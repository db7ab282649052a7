package models_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// localModel is the learned model of that name.
func localModel(t testing.TB, target *features.Target, name string) models.Model {
	t.Helper()
	m, err := models.ByName(target, name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// localModels are the models on local features; the network only where there
// is time.
func localModels() []string {
	if testing.Short() {
		return []string{"boosted-quantiles"}
	}
	return []string{"boosted-quantiles", "quantile-network"}
}

// plateaus is high for a quarter of every season and low otherwise, of a unit
// of its own for each subject, with noise.
func plateaus(subjects, n, season int, noise float64) [][]float64 {
	rng := rand.New(rand.NewPCG(4, 2))
	series := make([][]float64, subjects)
	for s := range series {
		unit := math.Pow(10, float64(s))
		for i := range n {
			v := 5.0
			if phase := i % season; phase >= season/2 && phase < season*3/4 {
				v = 8
			}
			series[s] = append(series[s], unit*(v+noise*rng.NormFloat64()))
		}
	}
	return series
}

func localTarget() *features.Target {
	target := levelTarget(features.ScaleRaw)
	target.Signals, target.Season, target.Horizons = nil, 48, []time.Duration{5 * time.Minute, 24 * time.Minute}
	return target
}

// score is the pinball loss of a model against that of the window quantile.
func score(t testing.TB, m models.Model, target *features.Target, series [][]float64) float64 {
	t.Helper()
	report, err := models.RollingLevel(context.Background(), onePanel(target, series...), target,
		models.RollingProtocol{Every: 7 * time.Minute, Models: []models.Model{m}})
	if err != nil {
		t.Fatal(err)
	}
	loss := make(map[string]float64)
	for _, s := range report.Models {
		loss[s.Model] = s.WQL
	}
	return loss[m.Name()] / loss["window-quantile"]
}

// TestSeasonsAreLearnedAndNoiseIsNot: steps that follow a season are foreseen
// for subjects of very different size; where there is only noise, the window
// stands or nearly so.
func TestSeasonsAreLearnedAndNoiseIsNot(t *testing.T) {
	target := localTarget()
	for _, name := range localModels() {
		m := localModel(t, target, name)
		if got := score(t, m, target, plateaus(2, 600, 48, 0.2)); got > 0.6 {
			t.Errorf("%s: %.3f of the window's loss on steps that follow the season, want less than 0.6", name, got)
		}
		noise := make([][]float64, 2)
		rng := rand.New(rand.NewPCG(1, 3))
		for s := range noise {
			for range 600 {
				noise[s] = append(noise[s], rng.NormFloat64())
			}
		}
		if got := score(t, m, target, noise); got > 1.03 {
			t.Errorf("%s: %.3f of the window's loss on noise, want no more than the window's", name, got)
		}
	}
}

// TestUnitsDoNotMatter: what is 1024 times as large is forecast 1024 times as
// large, to the last bit.
func TestUnitsDoNotMatter(t *testing.T) {
	target := localTarget()
	series := plateaus(2, 500, 48, 0.2)
	large := plateaus(2, 500, 48, 0.2)
	for _, y := range large {
		for i := range y {
			y[i] *= 1024
		}
	}
	for _, name := range localModels() {
		m := localModel(t, target, name)
		fitted, ask := learn(t, m, target, onePanel(target, series...), 450, 5)
		fittedLarge, askLarge := learn(t, m, target, onePanel(target, large...), 450, 5)
		var out, outLarge models.Forecast
		for row := range ask.Rows {
			if err := fitted.Predict(ask, row, &out); err != nil {
				t.Fatal(err)
			}
			if err := fittedLarge.Predict(askLarge, row, &outLarge); err != nil {
				t.Fatal(err)
			}
			for i, v := range out.Path {
				if got := outLarge.Path[i]; math.Abs(got-1024*v) > 1e-9*math.Abs(got) {
					t.Fatalf("%s: %g, but %g in units of 1/1024", name, v, got)
				}
			}
		}
	}
}

// TestProcessorsDoNotMatter: a fit has the same bytes on one processor and on
// several.
func TestProcessorsDoNotMatter(t *testing.T) {
	target := localTarget()
	p := onePanel(target, plateaus(2, 400, 48, 0.2)...)
	for _, name := range localModels() {
		m := localModel(t, target, name)
		marshal := func(processors int) []byte {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			fitted, _ := learn(t, m, target, p, 350, 5)
			data, err := fitted.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		if !bytes.Equal(marshal(1), marshal(3)) {
			t.Errorf("%s: another fit on three processors than on one", name)
		}
	}
}

// TestTreesSayWhatMovedThem: the drivers add up to the median, and where the
// season is all there is to know, it comes first.
func TestTreesSayWhatMovedThem(t *testing.T) {
	target := localTarget()
	target.Units = map[string]string{"Latency": "s"}
	y := plateaus(1, 48*16+20, 48, 0.2) // ends before a plateau
	fitted, ask := learn(t, localModel(t, target, "boosted-quantiles"), target, onePanel(target, y...), 48*15, 2)
	sum, want := models.ExplainedShare(fitted, ask, 0)
	if math.Abs(sum-want) > 1e-6*(1+math.Abs(want)) || want == 0 {
		t.Errorf("drivers add up to %g, want %g", sum, want)
	}
	drivers := fitted.(models.Explainer).Explain(ask, 0, nil)
	if len(drivers) == 0 || drivers[0].Column != "season" && drivers[0].Column != "phase" {
		t.Fatalf("drivers %+v, want the season first", drivers)
	}
	for _, d := range drivers {
		if d.Text == "" || d.Column == "" {
			t.Errorf("a driver without words: %+v", d)
		}
	}
}

// BenchmarkLocalPath is one forecast of 64 steps × 9 quantiles, features and
// conformal intervals included.
func BenchmarkLocalPath(b *testing.B) {
	target := localTarget()
	target.Season = 1440
	p := onePanel(target, plateaus(4, 4000, 1440, 0.2)...)
	for _, name := range localModels() {
		b.Run(name, func(b *testing.B) {
			fitted, _ := learn(b, localModel(b, target, name), target, p, 3900, 4)
			leads := make([]int, 64)
			for i := range leads {
				leads[i] = i + 1
			}
			ask, err := features.Extract(p, target, features.Options{Origins: []int{3950}, Leads: leads})
			if err != nil {
				b.Fatal(err)
			}
			var out models.Forecast
			b.ReportAllocs()
			for b.Loop() {
				if err := fitted.Predict(ask, 0, &out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
