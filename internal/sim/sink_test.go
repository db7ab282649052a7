package sim_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

// start is a Monday.
var start = time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC)

// memory is a Sink that keeps everything; order keeps the series in order of
// first appearance.
type memory struct {
	series map[string]*collector.Series
	order  []string
	marks  int // samples, stale markers included
}

func newMemory() *memory { return &memory{series: map[string]*collector.Series{}} }

func (m *memory) Append(_ context.Context, metric string, series []collector.Series) (int, error) {
	n := 0
	for _, s := range series {
		id := identity(metric, s.Labels)
		one, ok := m.series[id]
		if !ok {
			one = &collector.Series{Labels: append(collector.Labels{{Name: "__name__", Value: metric}}, s.Labels...)}
			m.series[id] = one
			m.order = append(m.order, id)
		}
		one.Times = append(one.Times, s.Times...)
		one.Values = append(one.Values, s.Values...)
		n += len(s.Times)
	}
	m.marks += n
	return n, nil
}

func identity(metric string, labels collector.Labels) string {
	var b strings.Builder
	b.WriteString(metric)
	for _, l := range labels {
		b.WriteByte('[')
		b.WriteString(l.Name)
		b.WriteByte('=')
		b.WriteString(l.Value)
	}
	return b.String()
}

// each visits the series of a metric whose labels have all the pairs given.
func (m *memory) each(metric string, visit func(s *collector.Series), pairs ...string) {
	for _, id := range m.order {
		s := m.series[id]
		if s.Labels[0].Value != metric {
			continue
		}
		ok := true
		for i := 0; i+1 < len(pairs); i += 2 {
			ok = ok && s.Labels[1:].Value(pairs[i]) == pairs[i+1]
		}
		if ok {
			visit(s)
		}
	}
}

// onsets counts how often the samples of the metric's series begin to satisfy
// a condition, merging the series that share the values of the labels named.
func (m *memory) onsets(metric string, is func(v float64) bool, by []string, pairs ...string) int {
	merged := map[string]map[int64]bool{}
	m.each(metric, func(s *collector.Series) {
		key := ""
		for _, l := range by {
			key += s.Labels[1:].Value(l) + "/"
		}
		if merged[key] == nil {
			merged[key] = map[int64]bool{}
		}
		for i, t := range s.Times {
			if !math.IsNaN(s.Values[i]) {
				merged[key][t] = merged[key][t] || is(s.Values[i])
			}
		}
	}, pairs...)
	count := 0
	for _, at := range merged {
		times := make([]int64, 0, len(at))
		for t := range at {
			times = append(times, t)
		}
		slices.Sort(times)
		for i := 1; i < len(times); i++ {
			if at[times[i]] && !at[times[i-1]] {
				count++
			}
		}
	}
	return count
}

func advance(t testing.TB, c *sim.Cluster, to time.Time) *memory {
	t.Helper()
	m := newMemory()
	if _, err := c.Advance(t.Context(), to, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func newCluster(t testing.TB, o sim.Options) *sim.Cluster {
	t.Helper()
	if o.Start.IsZero() {
		o.Start = start
	}
	c, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (m *memory) metrics() []string {
	var names []string
	for _, id := range m.order {
		if name, _, _ := strings.Cut(id, "["); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
