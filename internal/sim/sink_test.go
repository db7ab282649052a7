package sim_test

import (
	"context"
	"math"
	"slices"
	"strconv"
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
	only   map[string]bool // metrics to keep; nil: all
	marks  int             // samples, stale markers included
}

func newMemory() *memory { return &memory{series: map[string]*collector.Series{}} }

func (m *memory) Append(_ context.Context, metric string, series []collector.Series) (int, error) {
	n := 0
	if m.only != nil && !m.only[metric] {
		return 0, nil
	}
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

// track is what a condition or a quantity was at each scrape, by Unix ms.
type track struct {
	times  []int64
	values []float64
}

// onsets counts how often the samples of the metric's series begin to satisfy
// a condition, and the share of samples that do; series that share the values
// of the labels named are one.
func (m *memory) onsets(metric string, is func(v float64) bool, by []string, pairs ...string) (int, float64) {
	merged := map[string]*track{}
	m.each(metric, func(s *collector.Series) {
		key := ""
		for _, l := range by {
			key += s.Labels[1:].Value(l) + "/"
		}
		if merged[key] == nil {
			merged[key] = &track{}
		}
		merged[key].times = append(merged[key].times, s.Times...)
		merged[key].values = append(merged[key].values, s.Values...)
	}, pairs...)
	return onsets(merged, is)
}

func onsets(tracks map[string]*track, is func(v float64) bool) (count int, share float64) {
	total, during := 0, 0
	for _, tr := range tracks {
		state := map[int64]bool{}
		var times []int64
		for i, t := range tr.times {
			if math.IsNaN(tr.values[i]) {
				continue
			}
			if on, seen := state[t]; !seen {
				times = append(times, t)
				state[t] = is(tr.values[i])
			} else if !on {
				state[t] = is(tr.values[i])
			}
		}
		slices.Sort(times)
		was := true
		for _, t := range times {
			now := state[t]
			if now {
				during++
			}
			if now && !was {
				count++
			}
			was = now
			total++
		}
	}
	return count, float64(during) / float64(max(1, total))
}

func parse(le string) float64 {
	v, err := strconv.ParseFloat(le, 64)
	if err != nil {
		return math.NaN()
	}
	return v
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
