package collector_test

import (
	"context"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func openHistory(t testing.TB, opts collector.HistoryOptions) *collector.History {
	t.Helper()
	if opts.Path == "" {
		opts.Path = t.TempDir()
	}
	h, err := collector.OpenHistory(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// ramp is a series of n samples from start: 0, 1, 2, …
func ramp(start time.Time, step time.Duration, n int, l ...collector.Label) collector.Series {
	s := collector.Series{Labels: l}
	for i := range n {
		s.Times = append(s.Times, start.Add(time.Duration(i)*step).UnixMilli())
		s.Values = append(s.Values, float64(i))
	}
	return s
}

func node(name string) collector.Label { return collector.Label{Name: "node", Value: name} }

var ever = collector.Window{Start: time.Unix(0, 0), End: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}

func TestHistoryGivesBackWhatItWasTold(t *testing.T) {
	for _, tc := range []struct {
		name   string
		series []collector.Series
	}{
		{"recent samples", []collector.Series{ramp(epoch, time.Minute, 60, node("a")), ramp(epoch, time.Minute, 60, node("b"))}},
		{"two weeks at once", []collector.Series{ramp(epoch, time.Minute, 14*1440, node("a")), ramp(epoch, time.Minute, 14*1440, node("b"))}},
		{"old samples", []collector.Series{ramp(epoch.AddDate(-9, 0, 0), time.Hour, 24*60, node("a"))}},
		{"no labels", []collector.Series{ramp(epoch, time.Minute, 3)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := openHistory(t, collector.HistoryOptions{})
			want := 0
			for _, s := range tc.series {
				want += len(s.Times)
			}
			if got, err := h.Append(t.Context(), "power", tc.series); err != nil || got != want {
				t.Fatalf("appended %d (%v), want %d", got, err, want)
			}
			got, err := h.Select(t.Context(), "power", ever)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.series, got); diff != "" {
				t.Error(diff)
			}
			last, ok, err := h.Last(context.Background(), "power")
			end := tc.series[0].Times[len(tc.series[0].Times)-1]
			if err != nil || !ok || last.UnixMilli() != end {
				t.Errorf("last is %v %v %v, want %v", last, ok, err, time.UnixMilli(end))
			}
		})
	}
}

func TestSelectOfIsPartOfSelect(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	all := []collector.Series{ramp(epoch, time.Minute, 3, node("a")), ramp(epoch, time.Minute, 4, node("b")), ramp(epoch, time.Minute, 5, node("c"))}
	if _, err := h.Append(t.Context(), "temperature", all); err != nil {
		t.Fatal(err)
	}
	got, err := h.SelectOf(t.Context(), "temperature", ever, func(l collector.Labels) bool { return l.Value("node") != "b" })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]collector.Series{all[0], all[2]}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotIsReadInParts(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	for day := range 3 { // in several blocks, and in the head
		at := epoch.Add(time.Duration(day) * 24 * time.Hour)
		if _, err := h.Append(t.Context(), "temperature", []collector.Series{ramp(at, time.Minute, 500, node("a")), ramp(at, time.Minute, 700, node("b"))}); err != nil {
			t.Fatal(err)
		}
	}
	w := collector.Window{Start: epoch.Add(time.Hour), End: epoch.Add(50 * time.Hour)}
	want, err := h.Select(t.Context(), "temperature", w)
	if err != nil || len(want) != 2 {
		t.Fatal(want, err)
	}
	s, err := h.Snapshot(collector.Window{Start: epoch, End: epoch.Add(90 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		got, err := s.SelectOf(t.Context(), "temperature", w, func(l collector.Labels) bool { return l.Value("node") == name })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[i:i+1], got); diff != "" {
			t.Error(name, diff)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
