package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// TestIssuedOf reads what was issued of few subjects and of many, and no more
// than is asked for.
func TestIssuedOf(t *testing.T) {
	s := fresh(t)
	const services = 80 // more than are looked up one by one
	for i := range 24 {
		var step []models.Forecast
		for j := range services {
			step = append(step, level("TTFT", fmt.Sprintf("chat-%02d", j), start.Add(time.Duration(i)*5*time.Minute), float64(100*j+i), 0.25, 0.5))
		}
		if err := s.PutForecasts(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	all := forecaster.IssuedQuery{Target: "TTFT", Horizon: 15 * time.Minute, From: start, To: start.Add(24 * time.Hour)}
	for name, c := range map[string]struct {
		change   func(*forecaster.IssuedQuery)
		subjects int
		rows     int // of each
	}{
		"everything":      {func(*forecaster.IssuedQuery) {}, services, 24},
		"one subject":     {func(q *forecaster.IssuedQuery) { q.Search = "CHAT-42" }, 1, 24},
		"ten":             {func(q *forecaster.IssuedQuery) { q.Search = "chat-4" }, 10, 24},
		"no such subject": {func(q *forecaster.IssuedQuery) { q.Search = "embed" }, 0, 0},
		"an hour":         {func(q *forecaster.IssuedQuery) { q.To = start.Add(time.Hour) }, services, 13},
		"another horizon": {func(q *forecaster.IssuedQuery) { q.Horizon = time.Hour }, services, 16}, // one in each 7.5 min
		"no such horizon": {func(q *forecaster.IssuedQuery) { q.Horizon = 2 * time.Hour }, 0, 0},
		"no such target":  {func(q *forecaster.IssuedQuery) { q.Target = "None" }, 0, 0},
		"thinned": {func(q *forecaster.IssuedQuery) {
			wanted := start.Add(time.Hour)
			q.Needs = func(from, to time.Time) bool { return !from.After(wanted) && !to.Before(wanted) }
		}, services, 4},
	} {
		t.Run(name, func(t *testing.T) {
			q := all
			c.change(&q)
			got, last := map[string]int{}, map[string]time.Time{}
			err := s.IssuedOf(t.Context(), q, func(one forecaster.Issued) error {
				if one.Origin.Before(last[one.Subject]) {
					t.Errorf("%s: %s comes after %s", one.Subject, one.Origin, last[one.Subject])
				}
				got[one.Subject], last[one.Subject] = got[one.Subject]+1, one.Origin
				var j int
				if _, err := fmt.Sscanf(one.Subject, "service/ml/chat-%d", &j); err != nil {
					t.Fatal(err)
				}
				median := float64(100*j) + one.Origin.Sub(start).Minutes()/5
				for k, v := range one.Quantiles {
					if want := median + float64(k-models.Median)*0.25; v != want {
						t.Fatalf("%s at %s: quantile %d is %v, want %v", one.Subject, one.Origin, k, v, want)
					}
				}
				if want := map[time.Duration]float64{15 * time.Minute: 0.25, time.Hour: 0.5}[q.Horizon]; one.Risk != want {
					t.Fatalf("got risk %v, want %v", one.Risk, want)
				}
				return nil
			})
			if err != nil || len(got) != c.subjects {
				t.Fatalf("got %d subjects, %v; want %d", len(got), err, c.subjects)
			}
			for sub, rows := range got {
				if rows != c.rows {
					t.Errorf("%s: got %d rows, want %d", sub, rows, c.rows)
				}
			}
		})
	}
	enough := errors.New("enough")
	if err := s.IssuedOf(t.Context(), all, func(forecaster.Issued) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want what yield said", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.IssuedOf(ended, all, func(forecaster.Issued) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestIssuedQuantilesAscend keeps values that float32 rounds over one another.
func TestIssuedQuantilesAscend(t *testing.T) {
	s := fresh(t)
	f := level("TTFT", "chat", start, 0, 0.1)
	for i := range f.Path {
		f.Path[i] = 1 + 1e-9 // float32 makes 1 of it where it is not kept whole
	}
	if err := s.PutForecasts(t.Context(), []models.Forecast{f}); err != nil {
		t.Fatal(err)
	}
	q := forecaster.IssuedQuery{Target: "TTFT", Horizon: 15 * time.Minute, From: start, To: start}
	seen := 0
	err := s.IssuedOf(t.Context(), q, func(one forecaster.Issued) error {
		seen++
		for k := 1; k < len(one.Quantiles); k++ {
			if one.Quantiles[k] < one.Quantiles[k-1] {
				t.Errorf("out of order: %s", strings.Trim(fmt.Sprint(one.Quantiles), "[]"))
			}
		}
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("got %d rows, %v", seen, err)
	}
}
