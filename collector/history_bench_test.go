package collector_test

import (
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const (
	benchSeries  = 2000
	benchSamples = 110 // 55 minutes at 30 s: all in the head
)

// gpus makes a batch of series as a tick or a backfill brings it.
func gpus(start time.Time, n int) []collector.Series {
	out := make([]collector.Series, benchSeries)
	for i := range out {
		out[i] = ramp(start, 30*time.Second, n, collector.Label{Name: "gpu", Value: fmt.Sprint(i % 8)}, collector.Label{Name: "node", Value: fmt.Sprintf("gpu-%04d", i/8)})
		for k := range out[i].Values {
			out[i].Values[k] = math.Round(500+100*math.Sin(float64(i+k)/7)) / 10
		}
	}
	return out
}

func openTSDB(b *testing.B) *tsdb.DB {
	b.Helper()
	db, err := tsdb.Open(b.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// direct appends as a user of the TSDB would: labels made from what the series
// holds, one reference a series, one transaction a batch.
func direct(b *testing.B, db *tsdb.DB, series []collector.Series) {
	b.Helper()
	app := db.Appender(b.Context())
	builder := labels.NewScratchBuilder(3)
	for i := range series {
		builder.Reset()
		builder.Add(model.MetricNameLabel, "power")
		for _, l := range series[i].Labels {
			builder.Add(l.Name, l.Value)
		}
		lset := builder.Labels()
		var ref storage.SeriesRef
		var err error
		for k, t := range series[i].Times {
			if ref, err = app.Append(ref, lset, t, series[i].Values[k]); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend stores batches of one sample (a tick) and of forty (twenty
// minutes), into History and into the TSDB directly.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 40} {
		batch := gpus(epoch, n)
		next := func() {
			for i := range batch {
				for k := range batch[i].Times {
					batch[i].Times[k] += int64(n) * 30_000
				}
			}
		}
		b.Run(fmt.Sprintf("samples=%d/ours", n), func(b *testing.B) {
			h := openHistory(b, collector.HistoryOptions{})
			b.ReportAllocs()
			for b.Loop() {
				if got, err := h.Append(b.Context(), "power", batch); err != nil || got != benchSeries*n {
					b.Fatal(got, err)
				}
				next()
			}
			b.ReportMetric(float64(b.N)*benchSeries*float64(n)/b.Elapsed().Seconds(), "samples/s")
		})
		b.Run(fmt.Sprintf("samples=%d/tsdb", n), func(b *testing.B) {
			db := openTSDB(b)
			b.ReportAllocs()
			for b.Loop() {
				direct(b, db, batch)
				next()
			}
			b.ReportMetric(float64(b.N)*benchSeries*float64(n)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

// BenchmarkBackfill stores two weeks of 200 series at once.
func BenchmarkBackfill(b *testing.B) {
	batch := gpus(epoch.AddDate(0, 0, -14), 14*2880)[:200]
	total := float64(len(batch) * len(batch[0].Times))
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			h := openHistory(b, collector.HistoryOptions{})
			if _, err := h.Append(b.Context(), "power", batch); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*total/b.Elapsed().Seconds(), "samples/s")
	})
	b.Run("tsdb", func(b *testing.B) {
		for b.Loop() {
			direct(b, openTSDB(b), batch)
		}
		b.ReportMetric(float64(b.N)*total/b.Elapsed().Seconds(), "samples/s")
	})
}

// BenchmarkSelect reads 2,000 series of an hour back, through History and from
// the TSDB directly, as a user of either would.
func BenchmarkSelect(b *testing.B) {
	batch := gpus(epoch, benchSamples)
	window := collector.Window{Start: epoch, End: epoch.Add(2 * time.Hour)}
	check := func(b *testing.B, got []collector.Series) {
		if len(got) != benchSeries || len(got[0].Times) != benchSamples {
			b.Fatal(len(got))
		}
	}
	b.Run("ours", func(b *testing.B) {
		h := openHistory(b, collector.HistoryOptions{})
		if _, err := h.Append(b.Context(), "power", batch); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			got, err := h.Select(b.Context(), "power", window)
			if err != nil {
				b.Fatal(err)
			}
			check(b, got)
		}
		b.ReportMetric(float64(b.N)*benchSeries*benchSamples/b.Elapsed().Seconds(), "samples/s")
	})
	b.Run("tsdb", func(b *testing.B) {
		db := openTSDB(b)
		direct(b, db, batch)
		b.ReportAllocs()
		for b.Loop() {
			q, err := db.Querier(window.Start.UnixMilli(), window.End.UnixMilli())
			if err != nil {
				b.Fatal(err)
			}
			set := q.Select(b.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "power"))
			var got []collector.Series
			var it chunkenc.Iterator
			for set.Next() {
				var s collector.Series
				set.At().Labels().Range(func(l labels.Label) {
					if l.Name != model.MetricNameLabel {
						s.Labels = append(s.Labels, collector.Label{Name: l.Name, Value: l.Value})
					}
				})
				it = set.At().Iterator(it)
				for it.Next() == chunkenc.ValFloat {
					t, v := it.At()
					s.Times, s.Values = append(s.Times, t), append(s.Values, v)
				}
				got = append(got, s)
			}
			if err := set.Err(); err != nil {
				b.Fatal(err)
			}
			check(b, got)
			_ = q.Close()
		}
		b.ReportMetric(float64(b.N)*benchSeries*benchSamples/b.Elapsed().Seconds(), "samples/s")
	})
}
