package models_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// onePanel puts series, one a subject, on the grid of a target.
func onePanel(target *features.Target, series ...[]float64) *features.Panel {
	p := &features.Panel{
		Start: time.Unix(1_700_000_000, 0).UTC(), Interval: target.Interval, Len: len(series[0]), Signals: []string{target.Name},
		Values: series,
	}
	for i := range series {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "service", Name: string(rune('a' + i))})
	}
	return p
}

// learn fits a model on a panel up to a step, and asks it at the last one.
func learn(t testing.TB, m models.Model, target *features.Target, p *features.Panel, through, every int) (models.Fitted, *features.Frame) {
	t.Helper()
	var origins []int
	for i := 1; i <= through; i += every {
		origins = append(origins, i)
	}
	train, err := features.Extract(p, target, features.Options{Origins: origins, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := m.Fit(context.Background(), train, models.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ask, err := features.Extract(p, target, features.Options{Origins: []int{p.Len - 1}})
	if err != nil {
		t.Fatal(err)
	}
	return fitted, ask
}

func middle(out models.Forecast, i int) float64 {
	return out.Path[i*len(models.Quantiles)+models.Median]
}

func TestMediansAreWhatTheNamesSay(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Season, target.Signals = 10, nil
	y := make([]float64, 300)
	for i := range y {
		y[i] = float64(i % 10)
	}
	y[288], y[297] = math.NaN(), 3 // a hole one season back, a wrong value 3 steps ago
	p := onePanel(target, y)
	for _, tc := range []struct {
		model models.Model
		want  func(lead int) float64
	}{
		{models.Naive{}, func(int) float64 { return 9 }},
		{models.SeasonalNaive{}, func(lead int) float64 {
			if lead%10 == 8 { // 297 is the season before 307
				return 3
			}
			return float64((299 + lead) % 10)
		}},
		{models.SeasonalNaive{Season: 500}, func(int) float64 { return 9 }},
	} {
		fitted, ask := learn(t, tc.model, target, p, 250, 3)
		var out models.Forecast
		if err := fitted.Predict(ask, 0, &out); err != nil {
			t.Fatal(err)
		}
		for i, lead := range out.Leads {
			if got, want := middle(out, i), tc.want(lead); got != want {
				t.Errorf("%s at lead %d: got %g, want %g", tc.model.Name(), lead, got, want)
			}
		}
	}
}

// TestIntervalsCover checks, over seeds and scales, that 80 % intervals hold
// about 80 % of a future that is like the past, at short leads and long.
func TestIntervalsCover(t *testing.T) {
	if testing.Short() {
		t.Skip("fits every model twice")
	}
	for _, scale := range []features.Scale{features.ScaleRaw, features.ScaleLog} {
		target := levelTarget(scale)
		target.Signals = nil
		rng := rand.New(rand.NewPCG(5, 2))
		series := make([][]float64, 24)
		for k := range series {
			x := 0.0
			for range 1500 {
				x = 0.97*x + rng.NormFloat64()
				series[k] = append(series[k], float64(k+1)*math.Exp(0.2*x))
			}
		}
		report, err := models.BacktestLevel(context.Background(), onePanel(target, series...), target,
			models.LevelProtocol{Steps: 20, Windows: 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range report.Models {
			if m.Coverage < 0.75 || m.Coverage > 0.85 {
				t.Errorf("%s on scale %s: coverage %.3f, want about 0.8", m.Model, scale, m.Coverage)
			}
		}
	}
}

// TestOldDataWidens: the longer nothing was heard, the wider the forecast.
func TestOldDataWidens(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals = nil
	y := make([]float64, 600)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := 1; i < len(y); i++ {
		y[i] = y[i-1] + rng.NormFloat64()
	}
	p := onePanel(target, y)
	fitted, _ := learn(t, models.Naive{}, target, p, 500, 2)
	before := 0.0
	for _, silent := range []int{0, 4, 9, 14} {
		quiet := append([]float64(nil), y...)
		for i := len(y) - silent; i < len(y); i++ {
			quiet[i] = math.NaN()
		}
		ask, err := features.Extract(onePanel(target, quiet), target, features.Options{Origins: []int{len(y) - 1}})
		if err != nil {
			t.Fatal(err)
		}
		var out models.Forecast
		if err := fitted.Predict(ask, 0, &out); err != nil {
			t.Fatal(err)
		}
		if got, want := middle(out, 0), y[len(y)-1-silent]; got != want {
			t.Errorf("silent for %d: median %g, want the last known %g", silent, got, want)
		}
		if width := out.Path[8] - out.Path[0]; width <= before {
			t.Errorf("silent for %d: width %g, no wider than %g", silent, width, before)
		} else {
			before = width
		}
	}
}

// TestAnyPastHasAnAnswer is the property at the heart: whatever the past, a
// fitted model answers with a well-formed forecast.
func TestAnyPastHasAnAnswer(t *testing.T) {
	for _, scale := range []features.Scale{features.ScaleRaw, features.ScaleLog, features.ScaleLogit, features.ScaleCount} {
		target := levelTarget(scale)
		target.Signals = nil
		target.Objective = &features.Objective{Op: "<", Bound: 0.9}
		p := modeltest.Panel(target, 3, 400, 9)
		fitted := map[string]models.Fitted{}
		for _, m := range models.Catalog(target) {
			fitted[m.Name()], _ = learn(t, m, target, p, 350, 5)
		}
		rapid.Check(t, func(t *rapid.T) {
			past := rapid.SliceOfN(rapid.OneOf(
				rapid.Float64(), rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0, 1, 5, -1}),
				rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64}),
			), 1, 80).Draw(t, "past")
			f, err := features.Extract(onePanel(target, past), target, features.Options{Origins: []int{len(past) - 1}})
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Rows) == 0 { // nothing at the origin
				return
			}
			var out models.Forecast
			for name, m := range fitted {
				if err := m.Predict(f, 0, &out); err != nil {
					for _, v := range past {
						if v-v == 0 {
							t.Fatalf("%s with something known: %v", name, err)
						}
					}
					continue
				}
				if wrong := modeltest.WellFormed(f, 0, &out); wrong != "" {
					t.Fatalf("%s: %s: %v", name, wrong, out.Path)
				}
			}
		})
	}
}

// TestRisksAreCalibrated: over many origins of a level that crosses its bound
// now and then, the mean of the risks is near the share that came true, and
// those that came true had the higher ones.
func TestRisksAreCalibrated(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals, target.For = nil, 2*time.Minute
	target.Objective = &features.Objective{Op: "<", Bound: 2}
	rng := rand.New(rand.NewPCG(3, 3))
	series := make([][]float64, 24)
	for k := range series {
		x := 0.0
		for range 2000 {
			x = 0.98*x + 0.5*rng.NormFloat64()
			series[k] = append(series[k], x)
		}
	}
	p := onePanel(target, series...)
	fitted, _ := learn(t, models.Naive{}, target, p, 1200, 4)
	var origins []int
	for i := 1300; i < 1950; i += 5 {
		origins = append(origins, i)
	}
	test, err := features.Extract(p, target, features.Options{Origins: origins, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	var said, came, whenCame, whenNot, n, yes float64
	var out models.Forecast
	for row := range test.Rows {
		y := test.Label(row, 1)
		if math.IsNaN(y) {
			continue
		}
		if err := fitted.Predict(test, row, &out); err != nil {
			t.Fatal(err)
		}
		risk := out.Risks[1].Probability
		said, came, n = said+risk, came+y, n+1
		if y == 1 {
			whenCame, yes = whenCame+risk, yes+1
		} else {
			whenNot += risk
		}
	}
	if yes < 20 || n-yes < 20 {
		t.Fatalf("%g of %g came true: the test tests nothing", yes, n)
	}
	if math.Abs(said/n-came/n) > 0.03 {
		t.Errorf("mean risk %.3f, came true %.3f", said/n, came/n)
	}
	if whenCame/yes < 1.5*whenNot/(n-yes) {
		t.Errorf("mean risk %.3f before a breach, %.3f before none", whenCame/yes, whenNot/(n-yes))
	}
}
