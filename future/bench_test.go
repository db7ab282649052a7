package future_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/future"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// BenchmarkRange asks for a day of predictions, past or to come, of 1,000
// subjects, in 5 minute steps; of 10,000 only an hour of the past is there.
func BenchmarkRange(b *testing.B) {
	for _, subjects := range []int{1000, 10_000} {
		o := filledOutlook(b, subjects, map[int]time.Duration{1000: 24 * time.Hour, 10_000: time.Hour}[subjects])
		day := 24 * time.Hour
		for _, c := range []struct {
			name, expr string
			from       time.Duration
			series     int
		}{
			{"all/past", `TTFT:predicted{ml_forecast="yhat"}`, -day, subjects},
			{"all/ahead", `TTFT:predicted{ml_forecast="yhat"}`, 0, subjects},
			{"one/past", `TTFT:predicted{service="s0042"}`, -day, 3},
			{"one/ahead", `TTFT:predicted{service="s0042"}`, 0, 3},
			{"risk/past", `topk(10, driftcast_risk_ratio{horizon="1h"})`, -day, 10},
		} {
			b.Run(fmt.Sprintf("%d/%s", subjects, c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w := collector.Window{Start: origin.Add(c.from), End: origin.Add(c.from + day), Step: 5 * time.Minute}
					got, err := o.QueryRange(b.Context(), c.expr, w)
					if err != nil || len(got.Series) < c.series {
						b.Fatalf("%d series, %v", len(got.Series), err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("%d/labels", subjects), func(b *testing.B) {
			for b.Loop() {
				if found, _, err := o.Series(b.Context(), nil, origin, origin, 0); err != nil || len(found) != subjects*(3+9+3) {
					b.Fatal(len(found), err)
				}
			}
		})
	}
}

// filledOutlook has had a forecast every 5 minutes for a while; its store is real.
func filledOutlook(b *testing.B, subjects int, since time.Duration) *future.Outlook {
	s, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "driftcast.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	leads := features.DefaultLeads(&latency)
	all := make([]models.Forecast, subjects)
	for i := range all {
		sub := collector.Subject{Kind: "service", Namespace: "ml", Name: fmt.Sprintf("s%04d", i)}
		all[i] = level(latency, sub, origin, leads, func(lead int) float64 { return float64(lead + i) }, 0.1, 0.2, 0.3)
	}
	for at := origin.Add(-since); !at.After(origin); at = at.Add(5 * time.Minute) {
		for i := range all {
			all[i].Origin = at
		}
		if err := s.PutForecasts(b.Context(), all); err != nil {
			b.Fatal(err)
		}
	}
	return outlook(b, s, origin, nil)
}
