package future_test

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/future"
	"github.com/driftcast/driftcast/models"
)

var (
	origin  = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	latency = features.Target{Name: "TTFT", Interval: time.Minute, Subject: collector.SubjectSpec{Kind: "service", Labels: []string{"namespace", "service"}},
		Level: "x", Objective: &features.Objective{Op: "<", Bound: 2}, Horizons: []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}}
	power = features.Target{Name: "Power", Interval: time.Minute, Subject: collector.SubjectSpec{Kind: "gpu", Labels: []string{"instance", "gpu"}},
		Level: "x", Horizons: []time.Duration{time.Hour}}
	down = features.Target{Name: "Down", Interval: time.Minute, Subject: collector.SubjectSpec{Kind: "node", Labels: []string{"instance"}},
		Event: "up == 0", Horizons: []time.Duration{time.Hour}}
	chat = collector.Subject{Kind: "service", Namespace: "ml", Name: "chat"}
	node = collector.Subject{Kind: "node", Name: "gpu-17:9100"}
	gpu3 = collector.Subject{Kind: "gpu", Name: "gpu-17:9100:3"}
)

// level is a forecast whose median is at(lead), with quantiles 0.1 apart.
func level(t features.Target, sub collector.Subject, at time.Time, leads []int, median func(lead int) float64, risks ...float64) models.Forecast {
	f := models.Forecast{Target: t.Name, Subject: sub, Origin: at, Interval: t.Interval, Leads: leads}
	for _, lead := range leads {
		for k := range models.Quantiles {
			f.Path = append(f.Path, median(lead)+0.1*float64(k-models.Median))
		}
	}
	for i, p := range risks {
		f.Risks = append(f.Risks, models.Risk{Horizon: t.Horizons[i], Probability: p})
	}
	return f
}

// fakeStore keeps forecasts as store.Store does, and counts what is read.
type fakeStore struct {
	latest []models.Forecast
	issued map[string][]forecaster.Issued // by target and horizon
	pages  int
	search []string
}

func (s *fakeStore) Forecasts(_ context.Context, q forecaster.ForecastQuery) ([]models.Forecast, string, error) {
	s.pages++
	s.search = append(s.search, q.Search)
	var out []models.Forecast
	for _, f := range s.latest {
		if f.Target == q.Target && strings.Contains(f.Subject.String(), q.Search) {
			out = append(out, f)
		}
	}
	return out, "", nil
}

func (s *fakeStore) IssuedOf(_ context.Context, q forecaster.IssuedQuery, yield func(forecaster.Issued) error) error {
	for _, one := range s.issued[q.Target+q.Horizon.String()] {
		if !strings.Contains(one.Subject, q.Search) || one.Origin.Before(q.From) || one.Origin.After(q.To) {
			continue
		}
		if err := yield(one); err != nil {
			return err
		}
	}
	return nil
}

// say remembers what a forecast said at its target's horizons.
func (s *fakeStore) say(t features.Target, sub collector.Subject, at time.Time, horizon time.Duration, median, risk float64) {
	one := forecaster.Issued{Subject: sub.String(), Origin: at, Risk: risk}
	for k := range one.Quantiles {
		one.Quantiles[k] = median + 0.1*float64(k-models.Median)
	}
	if s.issued == nil {
		s.issued = map[string][]forecaster.Issued{}
	}
	key := t.Name + horizon.String()
	s.issued[key] = append(s.issued[key], one)
}

// history knows label sets alone.
type history []collector.Labels

func (h history) SelectOf(_ context.Context, _ string, _ collector.Window, keep func(collector.Labels) bool) ([]collector.Series, error) {
	for _, l := range h {
		keep(l)
	}
	return nil, nil
}

func outlook(t testing.TB, s future.Store, now time.Time, change func(*future.Options)) *future.Outlook {
	t.Helper()
	o := future.Options{Store: s, Now: func() time.Time { return now },
		Targets: func() []features.Target { return []features.Target{latency, power, down} }}
	if change != nil {
		change(&o)
	}
	out, err := future.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ask answers at one time, a series a line: {labels} value.
func ask(t testing.TB, o *future.Outlook, expr string, at time.Time) string {
	t.Helper()
	got, err := o.Query(t.Context(), expr, at)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range got.Series {
		lines = append(lines, fmt.Sprintf("%s%s %.4g", s.Name, s.Labels, s.Values[0]))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// number is the one value of an answer; NaN where there is none.
func number(t testing.TB, o *future.Outlook, expr string, at time.Time) float64 {
	t.Helper()
	got, err := o.Query(t.Context(), expr, at)
	if err != nil {
		t.Fatal(err)
	}
	switch len(got.Series) {
	case 0:
		return math.NaN()
	case 1:
		return got.Series[0].Values[0]
	}
	t.Fatalf("%s: got %d series, want one", expr, len(got.Series))
	return 0
}
