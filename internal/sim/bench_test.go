package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

// counter is a Sink that only counts.
type counter int

func (c *counter) Append(_ context.Context, _ string, series []collector.Series) (int, error) {
	n := 0
	for _, s := range series {
		n += len(s.Times)
	}
	*c += counter(n)
	return n, nil
}

// BenchmarkAdvance is one day of the demo's cluster at 2 minutes.
func BenchmarkAdvance(b *testing.B) {
	c := newCluster(b, sim.Options{Seed: 1, Interval: 2 * time.Minute})
	var sink counter
	to := start
	b.ReportAllocs()
	for b.Loop() {
		to = to.Add(24 * time.Hour)
		if _, err := c.Advance(b.Context(), to, &sink); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sink)/b.Elapsed().Seconds(), "samples/s")
}

// BenchmarkScale is one grid point of 10,000 GPUs × 10 signals.
func BenchmarkScale(b *testing.B) {
	names := []string{"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9_event"}
	s, err := sim.NewScale(10_000, names...)
	if err != nil {
		b.Fatal(err)
	}
	w := collector.Window{Start: start, End: start, Step: 30 * time.Second}
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range names {
			if _, err := s.QueryRange(b.Context(), name, w); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*10*10_000)/b.Elapsed().Seconds(), "samples/s")
}
