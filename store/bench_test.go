package store_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// BenchmarkPutForecasts puts a step of 10,000 subjects, in chunks of 1,000: of a
// level with 96 leads, and of an event.
func BenchmarkPutForecasts(b *testing.B) {
	for _, leads := range []int{96, 0} {
		b.Run(fmt.Sprintf("leads=%d", leads), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "driftcast.db")
			s := open(b, path)
			fs := make([]models.Forecast, 10_000)
			for i := range fs {
				fs[i] = models.Forecast{Target: "T", Subject: collector.Subject{Kind: "gpu", Name: fmt.Sprintf("node-%d:%d", i/8, i%8)}, Model: "m", Interval: time.Minute}
				for lead := range leads {
					fs[i].Leads = append(fs[i].Leads, 15*(lead+1))
				}
				for range leads * len(models.Quantiles) {
					fs[i].Path = append(fs[i].Path, 1)
				}
				for _, h := range []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
					fs[i].Risks = append(fs[i].Risks, models.Risk{Horizon: h, Probability: 0.01})
				}
			}
			at := start
			for b.Loop() {
				at = at.Add(time.Minute)
				for i := range fs {
					fs[i].Origin = at
				}
				for i := 0; i < len(fs); i += 1000 {
					if err := s.PutForecasts(b.Context(), fs[i:i+1000]); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/step")
			if info, err := os.Stat(path); err == nil {
				b.ReportMetric(float64(info.Size())/1e6/float64(b.N), "MB/step")
			}
		})
	}
}

func filled(b *testing.B) *store.Store {
	s := fresh(b)
	var fs []models.Forecast
	for i := range 10_000 {
		fs = append(fs, level("T", fmt.Sprintf("s%05d", i), start, 1, float64(i%997)/997, float64(i%991)/991))
	}
	if err := s.PutForecasts(b.Context(), fs); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkForecasts lists the first page of 10,000 forecasts.
func BenchmarkForecasts(b *testing.B) {
	s := filled(b)
	for name, q := range map[string]forecaster.ForecastQuery{"highest": {}, "horizon": {Horizon: time.Hour}, "search": {Search: "s0999"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Forecasts(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOutcomes matures what 10,000 subjects were told at one origin.
func BenchmarkOutcomes(b *testing.B) {
	s := fresh(b)
	at := start
	for b.Loop() {
		b.StopTimer()
		at = at.Add(10 * time.Minute)
		var fs []models.Forecast
		for i := range 10_000 {
			fs = append(fs, level("T", fmt.Sprintf("s%05d", i), at, 1, 0.5))
		}
		if err := s.PutForecasts(b.Context(), fs); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		due, err := s.Due(b.Context(), "T", at.Add(time.Hour), 20_000)
		if err != nil || len(due) != 10_000 {
			b.Fatal(len(due), err)
		}
		for i := range due {
			due[i].Actual, due[i].Naive, due[i].Happened, due[i].Matured = 1, 1, math.NaN(), at
		}
		if err := s.PutOutcomes(b.Context(), due); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecord is what a correction costs: one synced commit.
func BenchmarkRecord(b *testing.B) {
	s := fresh(b)
	i := 0
	for b.Loop() {
		i++
		if _, err := s.Record(b.Context(), "me", "propose", cordon(fmt.Sprint(i), "")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuditOf shows one correction's rows out of 100,000: asked for by the
// correction, and found by walking all pages, as it was done before.
func BenchmarkAuditOf(b *testing.B) {
	s := fresh(b)
	const rows = 100_000
	body, err := json.Marshal(map[string]any{"Seq": 0, "At": start, "Actor": "driftcast", "Action": "propose", "Correction": cordon("", "")})
	if err != nil {
		b.Fatal(err)
	}
	// 20,000 corrections of five rows each; hashes do not matter here.
	if err := s.Exec(b.Context(), `WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?)
		INSERT INTO audit SELECT seq, '', '', json_set(?, '$.Seq', seq, '$.Correction.ID', 'c' || (seq % 20000)) FROM n`, rows, string(body)); err != nil {
		b.Fatal(err)
	}
	walk := func() (found []forecaster.AuditEntry, err error) {
		for after := int64(0); after < rows; after += 1000 {
			page, err := s.Audit(b.Context(), after, 1000)
			if err != nil {
				return nil, err
			}
			found = append(found, slices.DeleteFunc(page, func(e forecaster.AuditEntry) bool { return e.Correction.ID != "c777" })...)
		}
		return found, nil
	}
	for name, of := range map[string]func() ([]forecaster.AuditEntry, error){
		"asked":  func() ([]forecaster.AuditEntry, error) { return s.AuditOf(b.Context(), "c777", 0, 1000) },
		"walked": walk,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if found, err := of(); err != nil || len(found) != 5 {
					b.Fatal(len(found), err)
				}
			}
		})
	}
}
