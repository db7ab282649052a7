package forecaster_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// feed collects by making up what has happened since it was last asked.
type feed struct {
	t    testing.TB
	w    *world
	last time.Time
}

func (f *feed) Collect(_ context.Context, now time.Time) error {
	if next := f.last.Add(5 * time.Minute); !next.After(now) {
		f.w.write(f.t, "Latency", "service", 2, next, now, 5*time.Minute, daily)
		f.last = now.Truncate(5 * time.Minute)
	}
	return nil
}

// TestRunStepsTrainsAndRetrains lets a day pass, 300 times as fast as it would:
// forecasts come at every step, a first champion at once, a retraining at 03:00.
func TestRunStepsTrainsAndRetrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		clock := func() time.Time { return noon.Add(300 * time.Since(began)) }
		source := &feed{t: t, last: noon.Add(-3 * 24 * time.Hour)}
		w := newWorld(t, func(o *forecaster.Options) {
			o.Now, o.Tick, o.Interval, o.Collector = clock, 12*time.Second, time.Hour, source
		}, latency())
		source.w = w
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()

		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.Status(); got.Targets[0].Forecasts != 2 || got.NextRetraining != time.Date(2026, 3, 11, 3, 0, 0, 0, time.UTC) {
			t.Errorf("got %+v after the first step, want 2 forecasts and the next retraining at 03:00", got)
		}
		runs, err := w.ledger.Runs(t.Context(), 10)
		if err != nil || len(runs) != 1 || runs[0].Reason != "startup" || runs[0].State != forecaster.RunPromoted {
			t.Errorf("got %+v, %v; want a first champion", runs, err)
		}

		time.Sleep(24 * time.Hour / 300)
		synctest.Wait()
		if got := len(w.told.kinds(forecaster.StepDone)); got != 25 {
			t.Errorf("got %d steps, want 25", got)
		}
		runs, err = w.ledger.Runs(t.Context(), 10)
		if err != nil || len(runs) != 2 || runs[0].Reason != "schedule" || runs[0].Started.Hour() != 3 {
			t.Errorf("got %+v, %v; want one more, on schedule", runs, err)
		}

		run, err := w.Enqueue("Latency", "api")
		if err != nil || run.State != forecaster.RunQueued {
			t.Errorf("got %+v, %v; want it queued", run, err)
		}
		if _, err := w.Enqueue("Nothing", "api"); !errors.Is(err, forecaster.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		synctest.Wait()
		if got, err := w.ledger.Run(t.Context(), run.ID); err != nil || got.Finished.IsZero() || got.Reason != "api" {
			t.Errorf("got %+v, %v; want it finished", got, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("got %v, want nil at the end", err)
		}
	})
}

func TestEnqueueTwiceIsOneRun(t *testing.T) {
	w := newWorld(t, nil, latency())
	first, err := w.Enqueue("Latency", "api")
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Enqueue("Latency", "api")
	if err != nil || second.ID != first.ID {
		t.Errorf("got run %s, %v; want %s again", second.ID, err, first.ID)
	}
	if kept, err := w.ledger.Run(t.Context(), first.ID); err != nil || kept.State != forecaster.RunQueued {
		t.Errorf("got %+v, %v; want it kept as queued", kept, err)
	}
}

func TestRunFailsWhatARestartInterrupted(t *testing.T) {
	w := newWorld(t, nil, latency())
	cut := forecaster.Run{ID: "cut", Target: "Latency", State: forecaster.RunRunning, Started: noon.Add(-time.Hour)}
	if err := w.ledger.PutRun(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := w.ledger.Run(t.Context(), "cut"); err != nil || got.State != forecaster.RunFailed || got.Message != "interrupted by a restart" {
		t.Errorf("got %+v, %v", got, err)
	}
}
