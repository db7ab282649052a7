package collector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/google/go-cmp/cmp"
)

// source answers with the value of the time in minutes for every node, at every
// point asked for, and remembers what it was asked.
type source struct {
	mu       sync.Mutex
	asked    []string
	nodes    []string
	extra    []collector.Label
	warnings []string
	err      map[string]error
}

func (s *source) QueryRange(_ context.Context, expr string, w collector.Window) (collector.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf("%s %s–%s", expr, w.Start.UTC().Format("02T15:04"), w.End.UTC().Format("02T15:04")))
	if err := s.err[expr]; err != nil {
		return collector.Result{}, err
	}
	r := collector.Result{Warnings: s.warnings}
	for _, n := range s.nodes {
		one := collector.Series{Labels: append(collector.Labels{{Name: "job", Value: "x"}, {Name: "node", Value: n}}, s.extra...)}
		for i := range w.Len() {
			t := w.Start.Add(time.Duration(i) * w.Step)
			one.Times = append(one.Times, t.UnixMilli())
			one.Values = append(one.Values, float64(t.Unix()/60))
		}
		r.Series = append(r.Series, one)
	}
	return r, nil
}

func (s *source) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

var nodes = collector.SubjectSpec{Kind: "node", Labels: []string{"node"}}

func signal(name string) collector.Signal {
	return collector.Signal{Name: name, Expr: name + "_expr", Interval: time.Minute, Subject: nodes}
}

func newCollector(t *testing.T, s collector.Source, h *collector.History, signals ...collector.Signal) *collector.Collector {
	t.Helper()
	c, err := collector.New(collector.Options{
		Source: s, History: h, Signals: func() []collector.Signal { return signals },
		Lookback: 3 * time.Hour, ChunkPoints: 100, Concurrency: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCollectAsksOnlyForWhatIsNew(t *testing.T) {
	dir := t.TempDir()
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := &source{nodes: []string{"a", "b"}}
	c := newCollector(t, s, h, signal("power"))
	for _, step := range []struct {
		name string
		now  time.Time
		want []string
		got  int // samples
	}{
		{"fills back in chunks", epoch.Add(30 * time.Second), []string{"power_expr 31T21:01–31T22:40", "power_expr 31T22:41–01T00:00"}, 360},
		{"nothing is due", epoch.Add(59 * time.Second), nil, 0},
		{"one point", epoch.Add(time.Minute), []string{"power_expr 01T00:01–01T00:01"}, 2},
		{"after a gap", epoch.Add(5*time.Minute + time.Second), []string{"power_expr 01T00:02–01T00:05"}, 8},
		{"the clock went back", epoch, nil, 0},
	} {
		report, err := c.Collect(t.Context(), step.now)
		if err = errors.Join(err, report.Err()); err != nil {
			t.Fatal(step.name, err)
		}
		if diff := cmp.Diff(step.want, s.took()); diff != "" {
			t.Error(step.name, diff)
		}
		if report.Samples() != step.got {
			t.Errorf("%s: %d samples, want %d", step.name, report.Samples(), step.got)
		}
	}

	if err := h.Close(); err != nil { // a restart refetches nothing
		t.Fatal(err)
	}
	h = openHistory(t, collector.HistoryOptions{Path: dir})
	c = newCollector(t, s, h, signal("power"))
	report, err := c.Collect(t.Context(), epoch.Add(6*time.Minute))
	if err = errors.Join(err, report.Err()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"power_expr 01T00:06–01T00:06"}, s.took()); diff != "" {
		t.Error(diff)
	}
	got, err := h.Select(t.Context(), "power", ever)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	first := epoch.Add(30*time.Second - 3*time.Hour).Add(30 * time.Second)
	want := ramp(first, time.Minute, 186, node("a"))
	for i := range want.Values {
		want.Values[i] = float64(want.Times[i] / 60000)
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	stored, err := h.Signals(t.Context())
	if err != nil || len(stored) != 1 || stored[0].Name != "power" {
		t.Errorf("signals are %v %v, want power alone", stored, err)
	}
}

func TestCollectAsksAgainForIncompleteTime(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	s := &source{nodes: []string{"a"}}
	c := newCollector(t, s, h, signal("power"))
	collect := func(now time.Time) collector.SignalReport {
		t.Helper()
		report, err := c.Collect(t.Context(), now)
		if err = errors.Join(err, report.Err()); err != nil {
			t.Fatal(err)
		}
		return report.Signals[0]
	}
	collect(epoch)
	s.took()
	s.warnings = []string{"store is down"}
	r := collect(epoch.Add(2 * time.Minute))
	if len(r.Incomplete) != 1 || r.Samples != 2 || !r.Until.Equal(epoch) {
		t.Errorf("got %+v, want two samples kept and the time left open", r)
	}
	s.warnings, s.nodes = nil, []string{"a", "b"}
	r = collect(epoch.Add(3 * time.Minute))
	if diff := cmp.Diff([]string{"power_expr 01T00:01–01T00:02", "power_expr 01T00:01–01T00:03"}, s.took()); diff != "" {
		t.Error(diff)
	}
	if r.Samples != 1+3 || !r.Until.Equal(epoch.Add(3*time.Minute)) {
		t.Errorf("got %+v, want what was missing", r)
	}
	s.warnings = []string{"store is down"} // for longer than the patience
	collect(epoch.Add(2 * time.Hour))
	s.took()
	collect(epoch.Add(2*time.Hour + time.Minute))
	if diff := cmp.Diff([]string{"power_expr 01T01:01–01T02:01"}, s.took()); diff != "" {
		t.Error(diff)
	}
}

func TestCollectReportsEachSignalByItself(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	s := &source{nodes: []string{"a"}, err: map[string]error{"bad_expr": errors.New("bad_data: nonsense")}}
	pod := signal("pod")
	pod.Subject = collector.SubjectSpec{Kind: "workload", Labels: []string{"namespace", "pod"}}
	c := newCollector(t, s, h, signal("bad"), pod, signal("good"), collector.Signal{Name: "never"})
	report, err := c.Collect(t.Context(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"nonsense", `has no label "namespace"`, "", "interval"} {
		got := fmt.Sprint(report.Signals[i].Err)
		if (want == "") != (report.Signals[i].Err == nil) || !strings.Contains(got, want) {
			t.Errorf("%s: got %v, want %q", report.Signals[i].Signal, got, want)
		}
	}
	if report.Signals[2].Samples != 181 {
		t.Errorf("good has %d samples, want 181", report.Signals[2].Samples)
	}

	s.nodes = []string{"a", "a"}
	report, err = c.Collect(t.Context(), epoch.Add(time.Minute))
	if err != nil || !strings.Contains(fmt.Sprint(report.Signals[2].Err), "aggregate by (node)") {
		t.Errorf("got %v %v, want the remedy", report.Signals[2].Err, err)
	}
}
