package sim_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClock(t *testing.T) {
	now := time.Unix(1000, 0)
	clock := sim.NewClock(start, 120, func() time.Time { return now })
	if got := clock.Now(); !got.Equal(start) {
		t.Errorf("got %s, want %s", got, start)
	}
	now = now.Add(1500 * time.Millisecond)
	if got, want := clock.Now(), start.Add(3*time.Minute); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRun lets the cluster live by an accelerated clock while others ask and
// correct, until it is told to stop.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, sim.Options{Nodes: 4})
		clock := sim.NewClock(start, 60, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var sink counter
		done := make(chan error)
		go func() { done <- c.Run(ctx, clock, 250*time.Millisecond, &sink) }()
		var others sync.WaitGroup
		for _, name := range c.Nodes() {
			others.Go(func() {
				for range 10 {
					time.Sleep(time.Second)
					if err := errors.Join(c.Cordon(name), c.Taint(name, "k"), c.Uncordon(name), c.Untaint(name, "k")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		others.Wait()
		time.Sleep(time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("got %v, want nil once told to stop", err)
		}
		if got, want := c.Now(), start.Add(11*time.Minute); got.Before(want.Add(-time.Minute)) || got.After(want) {
			t.Errorf("cluster at %s, want about %s", got, want)
		}
		if sink == 0 {
			t.Error("nothing was recorded")
		}
	})
}

// broken is a Sink that fails until it is mended.
type broken struct {
	counter
	err error
}

func (b *broken) Append(ctx context.Context, metric string, series []collector.Series) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return b.counter.Append(ctx, metric, series)
}

func TestSinkFails(t *testing.T) {
	full := errors.New("disk full")
	sink := &broken{err: full}
	c := newCluster(t, sim.Options{Nodes: 4})
	if _, err := c.Advance(t.Context(), start.Add(time.Hour), sink); !errors.Is(err, full) {
		t.Fatalf("got %v, want %v", err, full)
	}
	if err := c.Run(t.Context(), sim.NewClock(start.Add(2*time.Hour), 1, nil), time.Second, sink); !errors.Is(err, full) {
		t.Errorf("run: got %v, want %v", err, full)
	}
	sink.err = nil
	if _, err := c.Advance(t.Context(), start.Add(3*time.Hour), sink); err != nil {
		t.Fatal(err)
	}
	var want counter
	if _, err := newCluster(t, sim.Options{Nodes: 4}).Advance(t.Context(), start.Add(3*time.Hour), &want); err != nil {
		t.Fatal(err)
	}
	if sink.counter != want {
		t.Errorf("got %d samples, want %d: what failed is kept", sink.counter, want)
	}
}
