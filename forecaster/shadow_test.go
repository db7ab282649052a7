package forecaster_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// plain is a daily latency without an objective.
func plain() features.Target {
	t := latency()
	t.Objective = nil
	t.Horizons = []time.Duration{15 * time.Minute}
	return t
}

// tried is a world with a champion and a challenger that has passed the gate:
// its run says what became of it.
func tried(t *testing.T, champ, challenger models.Model) (w *world, champID string, run forecaster.Run) {
	t.Helper()
	w = newWorld(t, func(o *forecaster.Options) { o.Shadow = 6 * time.Hour }, plain())
	w.write(t, "Latency", "service", 2, noon.Add(-8*24*time.Hour), noon.Add(30*time.Hour), 5*time.Minute, daily)
	champID = champion(t, w, champ)
	fitted, through := fit(t, w, challenger, noon.Add(-6*24*time.Hour))
	id, err := w.registry.Put(t.Context(), "Latency", fitted, models.Manifest{Model: challenger.Name(), Through: through})
	if err != nil {
		t.Fatal(err)
	}
	run = forecaster.Run{ID: "run", Target: "Latency", State: forecaster.RunKept, Champion: champID, Candidate: id, Message: "promoted: it is better", Started: noon}
	target := plain()
	if err := w.TryInShadow(&target, &run); err != nil {
		t.Fatal(err)
	}
	if err := w.ledger.PutRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return w, champID, run
}

func walk(t *testing.T, w *world, from, to time.Duration) {
	t.Helper()
	for at := noon.Add(from); !at.After(noon.Add(to)); at = at.Add(10 * time.Minute) {
		step(t, w, at)
	}
}

// TestChallengerIsTriedInShadowFirst follows a challenger from the gate through
// a restart to its promotion, and back.
func TestChallengerIsTriedInShadowFirst(t *testing.T) {
	w, champ, run := tried(t, models.WindowQuantile{}, models.Naive{})
	if run.State != forecaster.RunShadow || run.Message != "in shadow for 6h: promoted: it is better" {
		t.Fatalf("got %+v, want the challenger in shadow", run)
	}
	walk(t, w, 0, 3*time.Hour)
	if f, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00"); err != nil || f.Model != champ {
		t.Errorf("got a forecast by %s, %v; want the champion's", f.Model, err)
	}
	if s := w.Status().Targets[0]; s.Shadow != run.Candidate || s.Model != champ {
		t.Errorf("got %+v, want the status to name the shadow", s)
	}

	w.close(t) // a restart: it is tried on
	w = openWorld(t, w.path, func(o *forecaster.Options) { o.Shadow = 6 * time.Hour }, plain())
	other, through := fit(t, w, models.SeasonalNaive{}, noon.Add(-6*24*time.Hour))
	id, err := w.registry.Put(t.Context(), "Latency", other, models.Manifest{Model: "seasonal-naive", Through: through})
	if err != nil {
		t.Fatal(err)
	}
	target, next := plain(), forecaster.Run{Target: "Latency", State: forecaster.RunKept, Candidate: id, Message: "promoted"}
	if err := w.TryInShadow(&target, &next); err != nil || next.State != forecaster.RunKept || !strings.Contains(next.Message, "is being tried in shadow since 2026-03-10T12:00:00Z") {
		t.Errorf("got %+v, %v; want the next challenger not to disturb the shadow", next, err)
	}
	walk(t, w, 3*time.Hour, 7*time.Hour)
	if id, err := w.registry.Champion("Latency"); err != nil || id != run.Candidate {
		t.Fatalf("got champion %s, %v; want the shadow promoted", id, err)
	}
	decided, err := w.ledger.Run(t.Context(), run.ID)
	if err != nil || decided.State != forecaster.RunPromoted || decided.Champion != run.Candidate || !strings.HasPrefix(decided.Message, "promoted: in shadow its loss was -") {
		t.Errorf("got %+v, %v; want the run to tell how it ended", decided, err)
	}
	if got := w.told.kinds(forecaster.ModelPromoted); len(got) != 1 || got[0].Model != run.Candidate {
		t.Errorf("got %+v, want one promotion", got)
	}
	cards, err := w.ledger.Scorecards(t.Context(), "Latency")
	if err != nil {
		t.Fatal(err)
	}
	var served, shadow forecaster.Scorecard
	for _, c := range cards {
		switch {
		case c.Shadow && c.Model == run.Candidate:
			shadow = c
		case !c.Shadow && c.Model == champ:
			served = c
		}
	}
	if served.Forecasts == 0 || shadow.Forecasts == 0 || !(shadow.Pinball < served.Pinball) || !(shadow.Skill > served.Skill) {
		t.Errorf("got %+v\nand %+v, want both scored, the shadow better", served, shadow)
	}
	if back, err := w.registry.Rollback("Latency"); err != nil || back != champ {
		t.Errorf("got %s, %v; want to be back at the champion", back, err)
	}
	step(t, w, noon.Add(8*time.Hour))
	if f, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00"); err != nil || f.Model != champ {
		t.Errorf("got a forecast by %s, %v; want it by the old champion", f.Model, err)
	}
}

func TestWorseShadowIsDropped(t *testing.T) {
	w, champ, run := tried(t, models.Naive{}, models.WindowQuantile{})
	walk(t, w, 0, 7*time.Hour)
	if held, err := w.registry.Shadow("Latency"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("got %+v, %v; want it dropped", held, err)
	}
	if id, err := w.registry.Champion("Latency"); err != nil || id != champ {
		t.Errorf("got champion %s, %v; want %s", id, err, champ)
	}
	if decided, err := w.ledger.Run(t.Context(), run.ID); err != nil || decided.State != forecaster.RunKept || !strings.HasPrefix(decided.Message, "dropped: in shadow its loss was +") {
		t.Errorf("got %+v, %v; want the run to tell how it ended", decided, err)
	}
}

// TestShadowOfWhichNothingMaturesIsDropped stops the samples when the trial
// begins.
func TestShadowOfWhichNothingMaturesIsDropped(t *testing.T) {
	w, champ, _ := tried(t, models.Naive{}, models.WindowQuantile{})
	step(t, w, noon.Add(30*time.Minute))
	step(t, w, noon.Add(20*time.Hour))
	if _, err := w.registry.Shadow("Latency"); err != nil {
		t.Errorf("got %v, want it to wait a while", err)
	}
	if err := w.Step(t.Context(), noon.Add(40*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.registry.Shadow("Latency"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("got %v, want it dropped", err)
	}
	if id, err := w.registry.Champion("Latency"); err != nil || id != champ {
		t.Errorf("got champion %s, %v; want %s", id, err, champ)
	}
}

func TestCompareShadow(t *testing.T) {
	turns := func(n int, champion, shadow float64, covered int) (out []forecaster.Turn) {
		for i := range n {
			at := noon.Add(time.Duration(i) * time.Hour)
			out = append(out, forecaster.Turn{Horizon: time.Hour, Origin: at, Model: "c", Forecasts: 10, Levels: 10, Covered: 8, Loss: 10 * champion},
				forecaster.Turn{Horizon: time.Hour, Origin: at, Model: "s", Shadow: true, Forecasts: 10, Levels: 10, Covered: covered, Loss: 10 * shadow})
		}
		return out
	}
	for name, c := range map[string]struct {
		turns        []forecaster.Turn
		pass, enough bool
		says         string
	}{
		"better":                 {turns(20, 1, 0.8, 8), true, true, "promoted: in shadow its loss was -20.0%"},
		"the same":               {turns(20, 1, 1, 8), true, true, "+0.0%"},
		"worse":                  {turns(20, 1, 1.1, 8), false, true, "dropped: in shadow its loss was +10.0%"},
		"better, but too narrow": {turns(20, 1, 0.9, 6), false, true, "its coverage is off by 0.200"},
		"too little":             {turns(9, 1, 0.5, 8), false, false, ""},
		"nothing":                {nil, false, false, ""},
		"neither ever errs":      {turns(20, 0, 0, 8), true, true, "promoted"},
		"only the champion errs": {turns(20, 1, 0, 8), true, true, "promoted"},
		"only the shadow errs":   {turns(20, 0, 1, 8), false, true, "dropped"},
	} {
		t.Run(name, func(t *testing.T) {
			pass, message, enough := forecaster.CompareShadow(c.turns, "c", "s")
			if pass != c.pass || enough != c.enough || !strings.Contains(message, c.says) || strings.Contains(message, "NaN") {
				t.Errorf("got %v, %q, %v", pass, message, enough)
			}
		})
	}
}

// TestDecayAsksOnceADay lets the loop run over a champion whose training window
// looked otherwise: one training is asked for, and not again within the day,
// nor after a restart.
func TestDecayAsksOnceADay(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir := t.TempDir()
	var asked []forecaster.Run
	for round := range 2 {
		now := noon.Add(time.Duration(round) * 13 * time.Hour)
		w := openWorld(t, dir, func(o *forecaster.Options) {
			o.Schedule, o.Tick, o.Interval = forecaster.ScheduleOff, time.Millisecond, time.Hour
			o.Now = func() time.Time { return now }
		}, versioned())
		if round == 0 {
			w.write(t, "Latency", "service", 3, noon.Add(-8*24*time.Hour), noon.Add(24*time.Hour), 5*time.Minute, daily)
			w.write(t, "driver_version", "service", 3, noon.Add(-3*24*time.Hour), noon.Add(24*time.Hour), 5*time.Minute,
				func(_ int, at time.Time) float64 {
					if at.After(noon.Add(-2 * time.Hour)) {
						return 551
					}
					return 550
				})
			champion(t, w, models.Naive{})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := w.Run(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		runs, err := w.ledger.Runs(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		asked = runs
		w.close(t)
	}
	if len(asked) != 1 || !strings.HasPrefix(asked[0].Reason, "decay: version: driver_version has changed on 3 of 3 subjects") {
		t.Errorf("got %+v, want one training, asked for by the new driver", asked)
	}
}

func versioned() features.Target {
	t := plain()
	t.Signals = []string{"driver_version"}
	return t
}

// TestBudgetSetsTheThreshold is the rule for targets with a risk, a budget, and
// both.
func TestBudgetSetsTheThreshold(t *testing.T) {
	day := features.Budget{Count: 2, Per: 24 * time.Hour}
	for name, c := range map[string]struct {
		warn     features.Warn
		budgeted float64
		want     float64
		because  string
	}{
		"neither":                      {features.Warn{}, 0.4, 0.7, ""},
		"a risk alone":                 {features.Warn{Risk: 0.5}, 0.8, 0.5, ""},
		"a budget alone":               {features.Warn{Budget: day}, 0.41, 0.41, "the budget of 2/day"},
		"both, the budget is stricter": {features.Warn{Risk: 0.3, Budget: day}, 0.41, 0.41, "the budget of 2/day"},
		"both, the risk is stricter":   {features.Warn{Risk: 0.5, Budget: day}, 0.41, 0.5, ""},
		"nothing was found":            {features.Warn{Budget: day}, 0, 0.7, ""},
		"not even the highest fits":    {features.Warn{Budget: day}, 1.5, 1, "the budget of 2/day"},
		"not a number":                 {features.Warn{Budget: day}, math.NaN(), 0.7, ""},
	} {
		got, because := forecaster.Limit(&features.Target{Warn: c.warn}, c.budgeted)
		if got != c.want || because != c.because {
			t.Errorf("%s: got %v from %q, want %v from %q", name, got, because, c.want, c.because)
		}
	}
}

// TestBudgetIsUsedAndTold trains an event with a budget and reads the threshold
// where people do.
func TestBudgetIsUsedAndTold(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	target := down()
	target.Warn = features.Warn{Budget: features.Budget{Count: 1, Per: 24 * time.Hour}}
	w := newWorld(t, nil, target)
	w.write(t, "NodeDown", "node", 10, noon.Add(-6*24*time.Hour), noon, 5*time.Minute, failing)
	run, err := w.Train(t.Context(), "NodeDown", "cli")
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.registry.Manifest(run.Champion)
	if err != nil || !(m.Threshold > 0) || len(m.Population) == 0 {
		t.Fatalf("got a threshold of %v and %d summaries, %v", m.Threshold, len(m.Population), err)
	}
	step(t, w, noon)
	if s := w.Status().Targets[0]; s.Threshold != math.Min(1, m.Threshold) || s.Because != "the budget of 1/day" {
		t.Errorf("got %+v, want the budget's threshold %v", s, m.Threshold)
	}
	for _, n := range w.told.notified {
		for _, one := range n {
			if one.Threshold != m.Threshold || !strings.HasSuffix(one.Annotations["threshold"], "from the budget of 1/day") {
				t.Errorf("got %+v", one)
			}
		}
	}
}

// TestScaledLossIsFairToSmallSubjects has one subject a thousand times as large
// as the others: it counts as one.
func TestScaledLossIsFairToSmallSubjects(t *testing.T) {
	target := plain()
	p := &features.Panel{Start: noon, Interval: target.Interval, Len: 40, Signals: []string{"Latency"}}
	var rows []models.LevelRow
	for s, unit := range []float64{1, 1, 1000} {
		sub := collector.Subject{Kind: "service", Name: name("service", s)}
		p.Subjects = append(p.Subjects, sub)
		y := make([]float64, 40)
		for i := range y {
			y[i] = unit * (10 + math.Mod(float64(i), 2))
		}
		p.Values = append(p.Values, y)
		for model, off := range map[string][]float64{"good for the small": {0, 0, 2}, "good for the large": {2, 2, 0}} {
			for _, lead := range []int{1, 6} {
				for _, q := range models.Quantiles {
					rows = append(rows, models.LevelRow{Subject: sub.String(), Origin: noon, Step: lead, Model: model, Quantile: q,
						Value: unit * (10 + off[s] + q - 0.5), Actual: unit * 10})
				}
			}
		}
	}
	loss, miscalibrated := forecaster.Account(&target, p, rows)
	if !(loss["good for the small"] < loss["good for the large"]) {
		t.Errorf("got %v, want two small subjects to outvote a large one", loss)
	}
	if got := miscalibrated["good for the small"]; len(got) != 1 || math.Abs(got[0]-(0.8-2.0/3)) > 1e-12 {
		t.Errorf("got %v off, want a coverage of two thirds", got)
	}
}

// TestShadowIsAFileInTheRegistry asks for shadows that are not there.
func TestShadowIsAFileInTheRegistry(t *testing.T) {
	w := newWorld(t, nil, plain())
	if _, err := w.registry.Shadow("Latency"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if err := w.registry.StartShadow("Latency", strings.Repeat("0", 64), noon); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("got %v for a model that is not there", err)
	}
	found, err := filepath.Glob(filepath.Join(w.path, "models", "targets", "*"))
	if err != nil || len(found) != 0 {
		t.Errorf("got %v, %v; want nothing to be written", found, err)
	}
}

// TestScoresAreFairToSubjectsOfAnySize has a service a thousand times as slow,
// and one that always stood at 0: the skill of naive over itself is 0 all the
// same, and every outcome has a weight that is a number.
func TestScoresAreFairToSubjectsOfAnySize(t *testing.T) {
	w := newWorld(t, nil, plain())
	w.write(t, "Latency", "service", 3, noon.Add(-3*24*time.Hour), noon.Add(2*time.Hour), 5*time.Minute, func(s int, at time.Time) float64 {
		switch {
		case s == 1:
			return 1000 * daily(s, at)
		case s == 2 && at.Before(noon.Add(50*time.Minute)):
			return 0
		}
		return daily(s, at)
	})
	for at := noon; !at.After(noon.Add(2 * time.Hour)); at = at.Add(5 * time.Minute) {
		step(t, w, at)
	}
	cards, err := w.ledger.Scorecards(t.Context(), "Latency")
	if err != nil || len(cards) != 1 {
		t.Fatalf("got %+v, %v; want one card", cards, err)
	}
	if c := cards[0]; c.Model != "naive" || !(math.Abs(c.Skill) < 0.1) || !(c.Pinball > 1) {
		t.Errorf("got %+v, want naive to be about as good as naive", c)
	}
	turns, err := w.ledger.Turns(t.Context(), "Latency", noon)
	if err != nil || len(turns) == 0 {
		t.Fatal(turns, err)
	}
	for _, u := range turns {
		if u.Forecasts != 3 || !(u.Naive/3 < 1e4) {
			t.Errorf("got %+v, want three losses of ordinary size", u)
		}
	}
}
