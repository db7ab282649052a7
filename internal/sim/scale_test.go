package sim_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

func TestScale(t *testing.T) {
	s, err := sim.NewScale(100, "temperature", "fault_event")
	if err != nil {
		t.Fatal(err)
	}
	day := collector.Window{Start: start, End: start.Add(24 * time.Hour), Step: 5 * time.Minute}
	ask := func(expr string, w collector.Window) []collector.Series {
		t.Helper()
		got, err := s.QueryRange(t.Context(), expr, w)
		if err != nil {
			t.Fatal(err)
		}
		return got.Series
	}
	whole := ask("temperature", day)
	if len(whole) != 100 || len(whole[0].Times) != day.Len() {
		t.Fatalf("got %d series of %d points", len(whole), len(whole[0].Times))
	}
	spec := collector.SubjectSpec{Kind: "gpu", Labels: []string{"node", "gpu"}}
	subjects := map[collector.Subject]bool{}
	part := ask("temperature", collector.Window{Start: day.Start.Add(time.Hour), End: day.End, Step: day.Step})
	for i, one := range whole {
		sub, ok := spec.Subject(one.Labels)
		if !ok {
			t.Fatalf("labels %v name no GPU", one.Labels)
		}
		subjects[sub] = true
		for k, v := range part[i].Values {
			if v != one.Values[k+12] {
				t.Fatalf("%s: another window has other values", sub)
			}
			if v < 15 || v > 85 {
				t.Fatalf("%s: got %v", sub, v)
			}
		}
	}
	if len(subjects) != 100 {
		t.Errorf("got %d subjects, want 100", len(subjects))
	}
	bad, total := 0.0, 0.0
	for _, one := range ask("fault_event", day) {
		for _, v := range one.Values {
			bad += v
			total++
		}
	}
	if share := bad / total; share == 0 || share > 0.02 {
		t.Errorf("events %v of the time", share)
	}
	if _, err := s.QueryRange(t.Context(), "rate(temperature[5m])", day); err == nil {
		t.Error("an expression was answered")
	}
	for _, n := range []int{0, -1} {
		if _, err := sim.NewScale(n, "x"); err == nil {
			t.Errorf("%d GPUs are allowed", n)
		}
	}
}
