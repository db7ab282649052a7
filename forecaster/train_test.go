package forecaster_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

func TestTrainPromotesTheFirstChampion(t *testing.T) {
	w := newWorld(t, nil, latency())
	w.write(t, "Latency", "service", 3, noon.Add(-4*24*time.Hour), noon, 5*time.Minute, daily)
	run, err := w.Train(t.Context(), "Latency", "cli")
	if err != nil {
		t.Fatal(err)
	}
	if run.State != forecaster.RunPromoted || run.Champion == "" || run.Champion != run.Candidate || run.Progress != 1 ||
		run.Reason != "cli" || !strings.Contains(run.Message, "the first champion") {
		t.Errorf("got %+v, want it promoted", run)
	}
	kept, err := w.ledger.Run(t.Context(), run.ID)
	if err != nil || kept.State != forecaster.RunPromoted || kept.Message != run.Message {
		t.Errorf("got %+v, %v in the ledger", kept, err)
	}
	var stages []string
	last := -1.0
	for _, e := range w.told.kinds(forecaster.RunChanged) {
		if e.Run.Progress < last {
			t.Errorf("progress fell from %v to %v in %s", last, e.Run.Progress, e.Run.Stage)
		}
		last = e.Run.Progress
		if len(stages) == 0 || stages[len(stages)-1] != e.Run.Stage {
			stages = append(stages, e.Run.Stage)
		}
	}
	if got, want := strings.Join(stages, " "), "collect extract backtest fit register promote"; got != want {
		t.Errorf("got stages %q, want %q", got, want)
	}
	if got := w.told.kinds(forecaster.ModelPromoted); len(got) != 1 || got[0].Model != run.Champion {
		t.Errorf("got %+v, want one promotion", got)
	}
	step(t, w, noon)
	got, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00")
	if err != nil || got.Model != run.Champion {
		t.Errorf("got a forecast by %s, %v; want it by the champion", got.Model, err)
	}

	again, err := w.Train(t.Context(), "Latency", "cli")
	if err != nil {
		t.Fatal(err)
	}
	if again.State != forecaster.RunKept || again.Champion != run.Champion || again.Candidate != run.Candidate || !strings.HasPrefix(again.Message, "kept: ") {
		t.Errorf("got %+v on the same history, want the champion kept and the same candidate", again)
	}
}

func TestTrainSaysWhatItLacks(t *testing.T) {
	w := newWorld(t, nil, latency(), down())
	w.write(t, "NodeDown", "node", 3, noon.Add(-10*time.Minute), noon, 5*time.Minute, failing)
	runs, err := w.TrainAll(t.Context(), "cli")
	if !errors.Is(err, models.ErrTooFewRows) || len(runs) != 2 {
		t.Fatalf("got %d runs and %v, want 2 that have too few rows", len(runs), err)
	}
	for _, run := range runs {
		kept, err := w.ledger.Run(t.Context(), run.ID)
		if err != nil || kept.State != forecaster.RunFailed || !strings.Contains(kept.Message, "too few rows") || kept.Finished.IsZero() {
			t.Errorf("got %+v, %v", kept, err)
		}
	}
	if _, err := w.Train(t.Context(), "Nothing", "cli"); !errors.Is(err, forecaster.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestTrainCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, func(o *forecaster.Options) {
		o.Events = func(e forecaster.Event) {
			if e.Run != nil && e.Run.Stage == "backtest" {
				cancel()
			}
		}
	}, latency())
	w.write(t, "Latency", "service", 1, noon.Add(-2*24*time.Hour), noon, 5*time.Minute, daily)
	run, err := w.Train(ctx, "Latency", "cli")
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want it cancelled", err)
	}
	if kept, err := w.ledger.Run(t.Context(), run.ID); err != nil || kept.State != forecaster.RunFailed || kept.Message != "cancelled" {
		t.Errorf("got %+v, %v", kept, err)
	}
}

// TestChallengerMustBeBetter makes naive the champion of a level that follows
// the day: a seasonal model is better, and the gate lets it pass. Then the other
// way round: on a walk at random nothing is clearly better than naive.
func TestChallengerMustBeBetter(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	walk := 1.0
	random := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct {
		value func(int, time.Time) float64
		want  forecaster.RunState
	}{
		"a day that repeats itself": {daily, forecaster.RunPromoted},
		"a walk at random": {func(int, time.Time) float64 {
			walk *= math.Exp(0.01 * random.NormFloat64())
			return walk
		}, forecaster.RunKept},
	} {
		t.Run(name, func(t *testing.T) {
			target := latency()
			target.Objective = nil
			target.Horizons = append(target.Horizons, 6*time.Hour)
			w := newWorld(t, func(o *forecaster.Options) { o.Catalog = nil }, target) // all there are
			w.write(t, "Latency", "service", 2, noon.Add(-8*24*time.Hour), noon, 5*time.Minute, c.value)
			naive := champion(t, w, models.Naive{})
			run, err := w.Train(t.Context(), "Latency", "cli")
			if err != nil {
				t.Fatal(err)
			}
			if run.State != c.want {
				t.Errorf("got %s (%s), want %s", run.State, run.Message, c.want)
			}
			if (run.Champion == naive) != (c.want == forecaster.RunKept) {
				t.Errorf("got champion %s, naive is %s", run.Champion, naive)
			}
			if !strings.Contains(run.Message, "naive") {
				t.Errorf("got %q, want it to name the champion", run.Message)
			}
		})
	}
}

// champion fits a model by a world of its own on the first days and makes it
// the champion of w.
func champion(t *testing.T, w *world, m models.Model) string {
	t.Helper()
	early := noon.Add(-6 * 24 * time.Hour)
	fitted, through := fit(t, w, m, early)
	id, err := w.registry.Put(t.Context(), "Latency", fitted, models.Manifest{Model: m.Name(), Through: through})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.registry.Promote("Latency", id); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestUnreadableChampionIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	w := newWorld(t, nil, latency())
	w.write(t, "Latency", "service", 2, noon.Add(-4*24*time.Hour), noon, 5*time.Minute, daily)
	run, err := w.Train(t.Context(), "Latency", "cli")
	if err != nil {
		t.Fatal(err)
	}
	object := filepath.Join(w.path, "models", "objects", run.Champion+".model")
	if err := os.WriteFile(object, []byte("Latency\nnot a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	step(t, w, noon)
	if s := w.Status(); !s.Degraded || !strings.Contains(s.Problems[0], "the champion cannot serve, a naive model does") {
		t.Errorf("got %+v, want it degraded", s)
	}
	if f, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00"); err != nil || f.Model != "naive" {
		t.Errorf("got a forecast by %s, %v; want it by naive", f.Model, err)
	}
	again, err := w.Train(t.Context(), "Latency", "cli")
	if err != nil || again.State != forecaster.RunPromoted {
		t.Fatalf("got %+v, %v; want a new champion", again, err)
	}
	step(t, w, noon.Add(5*time.Minute))
	if s := w.Status(); s.Degraded {
		t.Errorf("got %+v, want all well", s)
	}
}

// TestChampionOfAnotherSchemaIsReplaced changes the horizons of a target that a
// model serves: naive forecasts go on until a training replaces it.
func TestChampionOfAnotherSchemaIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	w := newWorld(t, nil, down())
	w.write(t, "NodeDown", "node", 10, noon.Add(-4*24*time.Hour), noon, 5*time.Minute, failing)
	first, err := w.Train(t.Context(), "NodeDown", "cli")
	if err != nil {
		t.Fatal(err)
	}
	step(t, w, noon)
	changed := down()
	changed.Horizons = []time.Duration{30 * time.Minute, 2 * time.Hour}
	w.SetTargets([]features.Target{changed})
	step(t, w, noon)
	if s := w.Status(); !s.Degraded || !strings.Contains(s.Problems[0], "until a training has replaced it") || s.Targets[0].Model != "base-rate" || s.Targets[0].Forecasts == 0 {
		t.Errorf("got %+v, want it degraded, with forecasts", s)
	}
	again, err := w.Train(t.Context(), "NodeDown", "schema")
	if err != nil || again.State != forecaster.RunPromoted || again.Champion == first.Champion || !strings.Contains(again.Message, "cannot serve any more") {
		t.Fatalf("got %+v, %v; want it replaced", again, err)
	}
	step(t, w, noon.Add(5*time.Minute))
	if s := w.Status(); s.Degraded || s.Targets[0].Model != again.Champion {
		t.Errorf("got %+v, want all well again", s)
	}
}
