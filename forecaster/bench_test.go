package forecaster_test

import (
	"testing"
	"time"
)

// BenchmarkStep is one step of 1,000 subjects with 4 signals at a sample a
// minute: read, extract, predict by a trained champion, publish, score.
func BenchmarkStep(b *testing.B) {
	for _, kind := range []string{"level", "event"} {
		b.Run(kind, func(b *testing.B) {
			target := latency()
			if kind == "event" {
				target = down()
			}
			target.Interval, target.Horizons = time.Minute, []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}
			target.Signals = []string{"one", "two", "three"}
			w := newWorld(b, nil, target)
			const subjects, reach = 1000, 26 * time.Hour
			for k, signal := range append([]string{target.Name}, target.Signals...) {
				w.write(b, signal, target.Subject.Labels[0], subjects, noon.Add(-reach), noon.Add(time.Hour), time.Minute, func(s int, at time.Time) float64 {
					if k == 0 && kind == "event" {
						return failing(s, at)
					}
					return daily(s, at)
				})
			}
			if run, err := w.Train(b.Context(), target.Name, "cli"); err != nil {
				b.Fatal(err)
			} else {
				b.Log(run.Message)
			}
			step(b, w, noon)
			at := noon
			for b.Loop() {
				at = at.Add(time.Minute)
				step(b, w, at)
			}
			made := w.Status().Targets[0].Forecasts
			b.ReportMetric(float64(made*b.N)/b.Elapsed().Seconds(), "forecasts/s")
		})
	}
}
