package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/collector"
)

// Sink takes what the cluster exposes, a batch of series of one metric at a
// time. It does not keep the slices. collector.History is one.
type Sink interface {
	Append(ctx context.Context, metric string, series []collector.Series) (int, error)
}

// stale is the value by which Prometheus marks a series that ended.
var stale = math.Float64frombits(0x7ff0000000000002)

// column is one series while it is being recorded.
type column struct {
	labels collector.Labels
	times  []int64
	values []float64
	live   bool // the last thing recorded was a sample
	closed bool
}

// put records a sample.
func (c *column) put(t int64, v float64) {
	c.times, c.values, c.live = append(c.times, t), append(c.values, v), true
}

// miss records that a scrape did not bring the series, once.
func (c *column) miss(t int64) {
	if c.live {
		c.times, c.values, c.live = append(c.times, t), append(c.values, stale), false
	}
}

// recorder collects columns by metric until they are flushed into a Sink.
type recorder struct {
	metrics []*metric // in order of first appearance
	byName  map[string]*metric
}

type metric struct {
	name    string
	columns []*column
}

// column opens a series. Pairs are label names and values; empty values are
// left out, as Prometheus does.
func (r *recorder) column(name string, base collector.Labels, pairs ...string) *column {
	labels := slices.Clone(base)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			labels = append(labels, collector.Label{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	slices.SortFunc(labels, func(a, b collector.Label) int { return strings.Compare(a.Name, b.Name) })
	m, ok := r.byName[name]
	if !ok {
		m = &metric{name: name}
		r.metrics, r.byName[name] = append(r.metrics, m), m
	}
	c := &column{labels: labels}
	m.columns = append(m.columns, c)
	return c
}

// end closes series whose pod or label set is gone.
func (r *recorder) end(t int64, columns ...*column) {
	for _, c := range columns {
		if c != nil {
			c.miss(t)
			c.closed = true
		}
	}
}

// flush appends every shards-th metric from the shard-th on to sink and forgets
// it; it returns the number of samples that the sink took. Different shards may
// be flushed at the same time.
func (r *recorder) flush(ctx context.Context, sink Sink, shard, shards int) (int, error) {
	total := 0
	var batch []collector.Series
	for i := shard; i < len(r.metrics); i += shards {
		m := r.metrics[i]
		batch = batch[:0]
		for _, c := range m.columns {
			if len(c.times) > 0 {
				batch = append(batch, collector.Series{Labels: c.labels, Times: c.times, Values: c.values})
			}
		}
		if len(batch) > 0 {
			n, err := sink.Append(ctx, m.name, batch)
			total += n
			if err != nil {
				return total, fmt.Errorf("append %s: %w", m.name, err)
			}
		}
		m.columns = slices.DeleteFunc(m.columns, func(c *column) bool {
			c.times, c.values = c.times[:0], c.values[:0]
			return c.closed
		})
	}
	return total, nil
}
