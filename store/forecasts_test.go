package store_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

var horizons = []time.Duration{15 * time.Minute, time.Hour}

// level is a forecast of one step ahead of each horizon, around value.
func level(target, name string, origin time.Time, value float64, risks ...float64) models.Forecast {
	f := models.Forecast{Target: target, Subject: collector.Subject{Kind: "service", Namespace: "ml", Name: name}, Model: "m1",
		Origin: origin, Interval: 5 * time.Minute, Leads: []int{3, 12}}
	for range f.Leads {
		for k := range models.Quantiles {
			f.Path = append(f.Path, value+float64(k-models.Median)*0.25)
		}
	}
	for i, p := range risks {
		f.Risks = append(f.Risks, models.Risk{Horizon: horizons[i], Probability: p})
	}
	return f
}

func TestForecastComesBackAsItWasPut(t *testing.T) {
	s := fresh(t)
	want := level("TTFT", "chat", start, 1.5, 0.25, 0.5)
	want.Drivers = []models.Driver{{Column: "queue", Value: 3, Contribution: -0.5, Text: "queue +3"}, {Column: "gap", Value: math.NaN(), Contribution: 1}}
	bare := models.Forecast{Target: "Down", Subject: collector.Subject{Kind: "node", Name: "n1"}, Model: "base-rate", Origin: start, Interval: time.Minute}
	if err := s.PutForecasts(t.Context(), []models.Forecast{want, bare}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []models.Forecast{want, bare} {
		got, err := s.Forecast(t.Context(), want.Target, want.Subject.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	if _, err := s.Forecast(t.Context(), "TTFT", "node/none"); !errors.Is(err, forecaster.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestPutForecastsKeepsTheLatest(t *testing.T) {
	s := fresh(t)
	for i := range 3 {
		f := level("TTFT", "chat", start.Add(time.Duration(i)*time.Minute), float64(i), 0.1*float64(i))
		if err := s.PutForecasts(t.Context(), []models.Forecast{f}); err != nil {
			t.Fatal(err)
		}
	}
	got, next, err := s.Forecasts(t.Context(), forecaster.ForecastQuery{})
	if err != nil || next != "" || len(got) != 1 || got[0].Path[models.Median] != 2 {
		t.Errorf("got %v, %q, %v; want the third alone", got, next, err)
	}
}

func TestForecastsSelect(t *testing.T) {
	s := fresh(t)
	noRisk := level("Power", "chat", start, 300)
	node := level("Down", "", start, 0, 0.3, 0.9)
	node.Subject = collector.Subject{Kind: "node", Name: "gpu-17"}
	gone := level("TTFT", "gone", start.Add(-2*time.Hour), 1, 1, 1)
	all := []models.Forecast{gone, level("TTFT", "chat", start, 1, 0.1, 0.6), level("TTFT", "embed", start, 1, 0.2, 0.2), noRisk, node}
	if err := s.PutForecasts(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		query forecaster.ForecastQuery
		want  []string
	}{
		"all, highest risk first":      {forecaster.ForecastQuery{}, []string{"Down gpu-17", "TTFT chat", "TTFT embed", "Power chat"}},
		"by the risk at a horizon":     {forecaster.ForecastQuery{Horizon: horizons[0]}, []string{"Down gpu-17", "TTFT embed", "TTFT chat", "Power chat"}},
		"a horizon that nobody has":    {forecaster.ForecastQuery{Horizon: time.Minute, MinRisk: 0.1}, nil},
		"at least a risk":              {forecaster.ForecastQuery{MinRisk: 0.5}, []string{"Down gpu-17", "TTFT chat"}},
		"at least a risk at a horizon": {forecaster.ForecastQuery{MinRisk: 0.2, Horizon: horizons[0]}, []string{"Down gpu-17", "TTFT embed"}},
		"one target":                   {forecaster.ForecastQuery{Target: "TTFT"}, []string{"TTFT chat", "TTFT embed"}},
		"one kind":                     {forecaster.ForecastQuery{Kind: "node"}, []string{"Down gpu-17"}},
		"part of a subject":            {forecaster.ForecastQuery{Search: "ML/C"}, []string{"TTFT chat", "Power chat"}},
		"by subject":                   {forecaster.ForecastQuery{Sort: "subject"}, []string{"Down gpu-17", "TTFT chat", "Power chat", "TTFT embed"}},
		"by target":                    {forecaster.ForecastQuery{Sort: "target"}, []string{"Down gpu-17", "Power chat", "TTFT chat", "TTFT embed"}},
	} {
		t.Run(name, func(t *testing.T) {
			for limit := range 4 { // pages of each size give the same list
				query := c.query
				query.Limit = limit
				var got []string
				for {
					page, next, err := s.Forecasts(t.Context(), query)
					if err != nil {
						t.Fatal(err)
					}
					for _, f := range page {
						got = append(got, f.Target+" "+f.Subject.Name)
					}
					if query.Cursor = next; next == "" {
						break
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("pages of %d: got %v, want %v", limit, got, c.want)
				}
			}
		})
	}
	if _, err := s.Forecast(t.Context(), "TTFT", gone.Subject.String()); err != nil {
		t.Errorf("a vanished subject is not found by name: %v", err)
	}
}

func TestForecastsRefuseNonsense(t *testing.T) {
	s := fresh(t)
	if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "a", start, 1, 0.1), level("T", "b", start, 1, 0.1)}); err != nil {
		t.Fatal(err)
	}
	_, next, err := s.Forecasts(t.Context(), forecaster.ForecastQuery{Limit: 1})
	if err != nil || next == "" {
		t.Fatalf("got cursor %q, %v", next, err)
	}
	for name, q := range map[string]forecaster.ForecastQuery{
		"a sort that is none":      {Sort: "colour"},
		"a cursor that is none":    {Cursor: "???"},
		"a cursor of another sort": {Cursor: next, Sort: "subject"},
	} {
		if _, _, err := s.Forecasts(t.Context(), q); !errors.Is(err, forecaster.ErrQuery) {
			t.Errorf("%s: got %v, want ErrQuery", name, err)
		}
	}
}

// TestPagesHoldEveryForecastOnce is the property that paging must have, whatever
// the risks: equal ones, ones that differ in the last bit, none at all.
func TestPagesHoldEveryForecastOnce(t *testing.T) {
	s := fresh(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		target := fmt.Sprintf("T%d", run)
		risks := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]float64{0, 0.1, 0.1 + 1e-17, math.Nextafter(0.5, 1), 0.5, 1, math.NaN()}), rapid.Float64Range(0, 1)), 1, 30).Draw(r, "risks")
		var all []models.Forecast
		for i, p := range risks {
			all = append(all, level(target, fmt.Sprintf("s%02d", i), start, 1, p))
		}
		if err := s.PutForecasts(t.Context(), all); err != nil {
			r.Fatal(err)
		}
		query := forecaster.ForecastQuery{Target: target, Limit: rapid.IntRange(1, 12).Draw(r, "limit"),
			Sort:    rapid.SampledFrom([]string{"", "risk", "subject", "target"}).Draw(r, "sort"),
			Horizon: rapid.SampledFrom([]time.Duration{0, horizons[0]}).Draw(r, "horizon")}
		seen, last := map[string]int{}, math.Inf(1)
		for {
			page, next, err := s.Forecasts(t.Context(), query)
			if err != nil {
				r.Fatal(err)
			}
			for _, f := range page {
				seen[f.Subject.Name]++
				risk := -1.0
				if len(f.Risks) > 0 {
					risk = f.Risks[0].Probability
				}
				if sorted := query.Sort == "" || query.Sort == "risk"; sorted && risk > last {
					r.Fatalf("risk %v comes after %v", risk, last)
				}
				last = risk
			}
			if query.Cursor = next; next == "" {
				break
			}
		}
		for i := range risks {
			if n := seen[fmt.Sprintf("s%02d", i)]; n != 1 {
				r.Fatalf("forecast %d of %d was listed %d times", i, len(risks), n)
			}
		}
	})
}

func TestBadSubjectsAreNotStored(t *testing.T) {
	s := fresh(t)
	bad := level("T", "a", start, 1, 0.1)
	bad.Leads = append(bad.Leads, 99) // a path that is shorter than its leads
	bad.Risks[0].Horizon = 99 * bad.Interval
	err := s.PutForecasts(t.Context(), []models.Forecast{bad})
	if err == nil || !strings.Contains(err.Error(), "path") {
		t.Errorf("got %v, want an error about the path", err)
	}
}
