package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/collector"
)

func TestPiecewiseIsTheSameAnswer(t *testing.T) {
	m := collector.NewMemory(time.Minute)
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i, name := range []string{"a", "b", "c"} { // b comes late, c goes early
		s := collector.Series{Labels: collector.Labels{{Name: "pod", Value: name}}}
		for k := range 120 {
			if (name == "b" && k < 50) || (name == "c" && k > 60) {
				continue
			}
			s.Times, s.Values = append(s.Times, start.Add(time.Duration(k)*time.Minute).UnixMilli()), append(s.Values, float64(i*1000+k))
		}
		if err := m.Add("up", s); err != nil {
			t.Fatal(err)
		}
	}
	w := collector.Window{Start: start, End: start.Add(2 * time.Hour), Step: 2 * time.Minute}
	for _, expr := range []string{"up", "max_over_time(up[10m])", "sum(up)"} {
		want, err := m.QueryRange(t.Context(), expr, w)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range []time.Duration{time.Second, 7 * time.Minute, time.Hour, 24 * time.Hour} {
			got, err := piecewise{m, piece}.QueryRange(t.Context(), expr, w)
			if err != nil {
				t.Fatal(err)
			}
			byLabels := cmp.Transformer("byLabels", func(series []collector.Series) map[string]collector.Series {
				out := map[string]collector.Series{}
				for _, s := range series {
					out[(s.Name + s.Labels.String())] = s
				}
				return out
			})
			if diff := cmp.Diff(want.Series, got.Series, byLabels); diff != "" {
				t.Errorf("%s by %s: %s", expr, piece, diff)
			}
		}
	}
}
