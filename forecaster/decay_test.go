package forecaster_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// matured makes the turns of a model whose loss is a share of naive's, noisy,
// autocorrelated and worse by day, for so many days; from the day `worse` on it
// is so many times as much. Six subjects, a turn every 5 minutes.
func matured(days, worse int, times float64, seed uint64) []forecaster.Turn {
	random := rand.New(rand.NewPCG(seed, 3))
	var out []forecaster.Turn
	wander := 0.0
	for i := range days * 288 {
		at := noon.Add(time.Duration(i) * 5 * time.Minute)
		wander = 0.95*wander + 0.1*random.NormFloat64()
		ratio := 0.7 * math.Exp(wander+0.15*math.Sin(2*math.Pi*float64(i)/288))
		if i >= worse*288 {
			ratio *= times
		}
		t := forecaster.Turn{Horizon: 15 * time.Minute, Origin: at, Model: "m", Forecasts: 6, Levels: 6}
		for range 6 {
			naive := math.Exp(0.3 * random.NormFloat64())
			t.Naive += naive
			t.Loss += naive * ratio * math.Exp(0.3*random.NormFloat64())
			if random.Float64() < 0.8 {
				t.Covered++
			}
		}
		out = append(out, t)
	}
	return out
}

// TestLossDecayOnAStableSeries counts false alarms: the rate is printed.
func TestLossDecayOnAStableSeries(t *testing.T) {
	const days, series = 14, 60
	alarms := 0
	for seed := range uint64(series) {
		if _, asked := forecaster.LossDecay(matured(days, days, 1, seed)); asked {
			alarms++
		}
	}
	t.Logf("%d of %d stable series of %d days asked for a training: one in %.0f days", alarms, series, days, days*series/math.Max(1, float64(alarms)))
	if alarms > series/10 {
		t.Errorf("got %d of %d stable series to ask, want at most a tenth", alarms, series)
	}
}

// TestLossDecayOnAShiftedSeries doubles the loss after a week: it must be seen
// within two days, that is 576 matured origins, and mostly within one.
func TestLossDecayOnAShiftedSeries(t *testing.T) {
	var waited []int
	for seed := range uint64(20) {
		turns := matured(9, 7, 2, seed)
		found := -1
		for n := 7 * 288; n <= len(turns); n += 12 {
			if d, asked := forecaster.LossDecay(turns[:n]); asked {
				if d.Kind != "loss" || !strings.Contains(d.Text, "of naive's loss at 15m") {
					t.Errorf("got %+v", d)
				}
				found = n - 7*288
				break
			}
		}
		if found < 0 {
			t.Errorf("seed %d: not seen within 576 origins", seed)
		}
		waited = append(waited, found)
	}
	slices.Sort(waited)
	if median := waited[len(waited)/2]; median > 288 {
		t.Errorf("got a median of %d origins, want 288 at most", median)
	}
	t.Logf("a doubled loss is seen after so many matured origins: %v", waited)
}

func TestDecaySaysNothingOfLittle(t *testing.T) {
	turns := matured(1, 0, 9, 1)[:200]
	if d, asked := forecaster.LossDecay(turns); asked {
		t.Errorf("got %+v of 17 hours", d)
	}
	if d, asked := forecaster.LossDecay(nil); asked {
		t.Errorf("got %+v of nothing", d)
	}
	perfect := matured(5, 0, 1, 1)
	for i := range perfect {
		perfect[i].Naive, perfect[i].Loss = 0, 0
	}
	if d, asked := forecaster.LossDecay(perfect); asked {
		t.Errorf("got %+v where naive never errs", d)
	}
}

func TestCoverageDecay(t *testing.T) {
	cover := func(share float64, together bool, seed uint64) []forecaster.Turn {
		random := rand.New(rand.NewPCG(seed, 4))
		turns := matured(7, 7, 1, seed)
		for i := range turns {
			turns[i].Covered = 0
			all := random.Float64() < share
			for range turns[i].Levels {
				if together && all || !together && random.Float64() < share {
					turns[i].Covered++
				}
			}
		}
		return turns
	}
	for name, c := range map[string]struct {
		share, expected float64
		together, asks  bool
	}{
		"as it should be":                 {0.8, 0.8, false, false},
		"all subjects fail together":      {0.8, 0.8, true, false},
		"far too narrow":                  {0.5, 0.8, false, true},
		"too narrow, subjects together":   {0.5, 0.8, true, true},
		"wide, as it was in the backtest": {0.97, 0.98, false, false},
		"a week of never leaving it":      {1, math.NaN(), false, false}, // all or nothing: as many trials as blocks
		"always within, as ever":          {1, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			for seed := range uint64(10) {
				if _, yes := forecaster.CoverageDecay(cover(c.share, c.together, seed), c.expected); yes {
					asked++
				}
			}
			if want := map[bool]int{true: 10}[c.asks]; asked != want {
				t.Errorf("got %d of 10 to ask, want %d", asked, want)
			}
		})
	}
}

func TestCalibrationDecay(t *testing.T) {
	for name, c := range map[string]struct {
		said, true float64
		asks       bool
	}{
		"honest":            {0.05, 0.05, false},
		"twice as often":    {0.05, 0.15, true},
		"hardly ever":       {0.2, 0.02, true},
		"rare and a little": {0.001, 0.0012, false},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(9, 9))
			var turns []forecaster.Turn
			for i := range 10 * 24 {
				u := forecaster.Turn{Horizon: time.Hour, Origin: noon.Add(time.Duration(i) * time.Hour), Events: 20, Risk: 20 * c.said}
				for range 20 {
					if random.Float64() < c.true {
						u.Happened++
					}
				}
				turns = append(turns, u)
			}
			if d, asks := forecaster.CalibrationDecay(turns); asks != c.asks {
				t.Errorf("got %v (%+v), want %v", asks, d, c.asks)
			}
		})
	}
}

// rowsOf is a frame of two columns over days, whose values are level(day) plus
// noise.
func rowsOf(days int, level func(day int) float64, seed uint64) *features.Frame {
	random := rand.New(rand.NewPCG(seed, 5))
	f := &features.Frame{Target: &features.Target{Name: "T"}, Columns: []features.Column{{Name: "a", Signal: "a"}, {Name: "hour"}, {Name: "b", Signal: "b"}},
		Panel: &features.Panel{Start: noon.Truncate(24 * time.Hour), Interval: time.Hour, Len: days * 24, Subjects: make([]collector.Subject, 8)}}
	for i := range days * 24 {
		for s := range 8 {
			f.Rows = append(f.Rows, features.Row{Subject: s, Origin: i})
			b := random.NormFloat64()
			if random.Float64() < 0.1 {
				b = math.NaN()
			}
			f.X = append(f.X, level(i/24)+random.NormFloat64(), float64(i%24), b)
		}
	}
	return f
}

func TestPopulationDecay(t *testing.T) {
	drifting := func(day int) float64 { return 0.3 * math.Sin(float64(day)) }
	summaries := models.Summarise(rowsOf(14, drifting, 1))
	if len(summaries) != 2 || summaries[0].Column != "a" || summaries[1].Missing < 0.05 {
		t.Fatalf("got %+v, want the columns of signals", summaries)
	}
	ask := func(f *features.Frame) (forecaster.Decay, bool) {
		tallies := []*models.Tally{models.NewTally(&summaries[0]), models.NewTally(&summaries[1])}
		for row := range f.Rows {
			tallies[0].Add(f.Features(row)[0])
			tallies[1].Add(f.Features(row)[2])
		}
		return forecaster.PopulationDecay(summaries, tallies)
	}
	alarms := 0
	for day := range 60 {
		if _, asks := ask(rowsOf(1, func(int) float64 { return drifting(day) }, uint64(day)+100)); asks {
			alarms++
		}
	}
	t.Logf("%d of 60 ordinary days asked for a training", alarms)
	if alarms > 1 {
		t.Errorf("got %d of 60 ordinary days to ask", alarms)
	}
	if d, asks := ask(rowsOf(1, func(int) float64 { return 2.5 }, 7)); !asks || !strings.Contains(d.Text, "most of all a") {
		t.Errorf("got %+v, %v; want a day far off to ask", d, asks)
	}
	if d, asks := ask(rowsOf(1, func(int) float64 { return math.NaN() }, 7)); !asks {
		t.Errorf("got %+v, want a column that vanished to ask", d)
	}
}

func TestVersionDecay(t *testing.T) {
	p := &features.Panel{Start: noon, Interval: time.Hour, Len: 6, Signals: []string{"Down", "driver_version", "load"}, Subjects: make([]collector.Subject, 4)}
	steady, moves := []float64{5, 5, 5, 5, 5, 5}, []float64{5, 5, 5, 6, 6, math.NaN()}
	of := func(version ...[]float64) *features.Panel {
		q := *p
		q.Values = append([][]float64{moves, moves, moves, moves}, version...)
		q.Values = append(q.Values, moves, moves, moves, moves)
		return &q
	}
	for name, c := range map[string]struct {
		panel *features.Panel
		since time.Time
		asks  bool
	}{
		"nothing changed":               {of(steady, steady, steady, steady), noon, false},
		"one of four changed":           {of(steady, moves, steady, steady), noon, true},
		"it had changed before the fit": {of(moves, moves, moves, moves), noon.Add(4 * time.Hour), false},
		"all changed":                   {of(moves, moves, moves, moves), noon.Add(2 * time.Hour), true},
	} {
		if d, asks := forecaster.VersionDecay(c.panel, c.since); asks != c.asks {
			t.Errorf("%s: got %v (%+v), want %v", name, asks, d, c.asks)
		}
	}
}

// TestPageHinkleyNeverAlarmsBelowItsSlack is what the sum is made for.
func TestPageHinkleyNeverAlarmsBelowItsSlack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := forecaster.PageHinkley{Slack: 0.5, Alarm: 5}
		for _, z := range rapid.SliceOf(rapid.Float64Range(-3, 0.5)).Draw(r, "z") {
			if p.Add(z) {
				r.Fatal("an alarm without a rise")
			}
		}
		if p.Add(math.NaN()) {
			r.Fatal("an alarm of nothing")
		}
		for range 12 {
			p.Add(1.5)
		}
		if !p.Add(1.5) {
			r.Fatal("no alarm after a rise")
		}
	})
}
