package models_test

import (
	"context"
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// BenchmarkPredict forecasts 64 leads × 9 quantiles a series, the row that
// BENCHMARKS.md wants 20,000 of a second and core.
func BenchmarkPredict(b *testing.B) {
	for _, scale := range []features.Scale{features.ScaleRaw, features.ScaleLog, features.ScaleLogit} {
		target := levelTarget(scale)
		target.Objective = &features.Objective{Op: "<", Bound: 0.9}
		p := modeltest.Panel(target, 16, 2000, 1)
		leads := make([]int, 64)
		for i := range leads {
			leads[i] = i + 1
		}
		var origins []int
		for i := 300; i < 1500; i += 20 {
			origins = append(origins, i)
		}
		train, err := features.Extract(p, target, features.Options{Origins: origins, Leads: leads, Labels: true})
		if err != nil {
			b.Fatal(err)
		}
		ask, err := features.Extract(p, target, features.Options{Origins: []int{p.Len - 1}, Leads: leads})
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range models.Catalog(target) {
			b.Run(string(scale)+"/"+m.Name(), func(b *testing.B) {
				fitted, err := m.Fit(context.Background(), train, models.FitOptions{Seed: 1})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				var out models.Forecast
				for b.Loop() {
					for row := range ask.Rows {
						if err := fitted.Predict(ask, row, &out); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.N*len(ask.Rows))/b.Elapsed().Seconds(), "series/s")
			})
		}
	}
}
