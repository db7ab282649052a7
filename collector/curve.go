package collector

import (
	"math"
	"sort"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Curve is a series that is known at every moment between its points, such as a
// forecast, and not at samples alone. A point with the value NaN ends what is
// known; it begins again at the next one. Nothing is known before the first
// point and after the last.
type Curve struct {
	Series               // its Name is the metric's; Times ascend strictly
	Hold   bool          // each value stands until the next point; else a straight line leads there
	Every  time.Duration // how far apart samples are where a query wants all of them, as by [1h]; 0: lookback
}

// segment returns the index of the last point that is not after t, found from
// index i on, where it was for an earlier t; -1: there is none.
func (c *Curve) segment(i int, t int64) int {
	from := max(i, 0)
	return from + sort.Search(len(c.Times)-from, func(k int) bool { return c.Times[from+k] > t }) - 1
}

// at returns the value at t, which lies in segment i; ok is false where nothing
// is known. Of two curves whose points lie one over the other, the values do too.
func (c *Curve) at(i int, t int64) (v float64, ok bool) {
	if i < 0 {
		return 0, false
	}
	a := c.Values[i]
	if t == c.Times[i] || math.IsNaN(a) {
		return a, !math.IsNaN(a)
	}
	if i+1 == len(c.Times) {
		return 0, false
	}
	if c.Hold {
		return a, true
	}
	b := c.Values[i+1]
	if math.IsNaN(b) {
		return 0, false
	}
	w := float64(t-c.Times[i]) / float64(c.Times[i+1]-c.Times[i])
	// Products and sums round monotonically, and so does the clamp, which keeps
	// rounding from leaving the line's ends.
	return min(max(a*(1-w)+b*w, min(a, b)), max(a, b)), true
}

// Until ends a curve at t (Unix ms).
func (c *Curve) Until(t int64) {
	i := c.segment(-1, t)
	n := i + 1
	if n == len(c.Times) {
		return
	}
	if v, ok := c.at(i, t); ok && c.Times[i] < t {
		if c.Hold {
			v = math.NaN()
		}
		c.Times, c.Values = append(c.Times[:n:n], t), append(c.Values[:n:n], v)
		return
	}
	c.Times, c.Values = c.Times[:n:n], c.Values[:n:n]
}

// grid is the moments that a selector's samples are wanted at.
type grid struct {
	from, to int64 // Unix ms
	first    int64 // of the query's own steps
	step     int64 // 0: first is the only one
	every    int64 // 0: none but the steps
}

// gridOf says what a selector asks for. The query's own steps are exact; those
// of a subquery are multiples of its step (but for an offset within it), and a
// range wants what there is, which of a curve is every so often.
func gridOf(start, end, step, rng, queryStep int64, lookback time.Duration) grid {
	g := grid{from: start, to: end, first: start + lookback.Milliseconds() - 1, step: step}
	if rng > 0 || step != queryStep {
		g.every = lookback.Milliseconds()
	}
	return g
}

// next returns the first moment of the grid after t.
func (g *grid) next(t int64) int64 {
	best := int64(math.MaxInt64)
	switch {
	case t < g.first:
		best = g.first
	case g.step > 0:
		best = g.first + ((t-g.first)/g.step+1)*g.step
	}
	if g.step > 0 {
		best = min(best, multiple(t, g.step))
	}
	if g.every > 0 {
		best = min(best, multiple(t, g.every))
	}
	return best
}

// multiple returns the first multiple of n after t.
func multiple(t, n int64) int64 {
	q := t / n
	if t%n < 0 {
		q--
	}
	return (q + 1) * n
}

// iterator makes the samples of a curve on a grid. Where knowledge ends it sets
// a staleness mark, so that no value is seen to last longer than it was said to.
func (c *Curve) iterator(g grid, it chunkenc.Iterator) chunkenc.Iterator {
	if g.every > 0 && c.Every > 0 {
		g.every = min(g.every, c.Every.Milliseconds())
	}
	fresh := curveIterator{c: c, g: g, t: g.from - 1, i: -1}
	if reused, ok := it.(*curveIterator); ok {
		*reused = fresh
		return reused
	}
	return &fresh
}

type curveIterator struct {
	floatOnly
	c     *Curve
	g     grid
	t     int64
	v     float64
	i     int  // segment of t
	known bool // the last sample was a value
	done  bool
}

func (it *curveIterator) Next() chunkenc.ValueType {
	if it.done {
		return chunkenc.ValNone
	}
	for t := it.t; ; {
		if t = it.g.next(t); t > it.g.to {
			break
		}
		i := it.c.segment(it.i, t)
		if v, ok := it.c.at(i, t); ok {
			it.t, it.v, it.i, it.known = t, v, i, true
			return chunkenc.ValFloat
		}
		if it.known {
			it.t, it.v, it.known = it.t+1, math.Float64frombits(value.StaleNaN), false
			return chunkenc.ValFloat
		}
		if i+1 >= len(it.c.Times) {
			break
		}
		it.i = i
		t = it.c.Times[i+1] - 1
	}
	it.done = true
	return chunkenc.ValNone
}

func (it *curveIterator) Seek(t unixMilli) chunkenc.ValueType {
	if it.t >= t && it.i >= 0 && !it.done {
		return chunkenc.ValFloat
	}
	if t-1 > it.t { // no mark is needed: nobody saw the value before
		it.t, it.known = t-1, false
	}
	return it.Next()
}

func (it *curveIterator) At() (int64, float64) { return it.t, it.v }
func (it *curveIterator) AtT() int64           { return it.t }

// floatOnly is what an iterator of floats says of the rest.
type floatOnly struct{}

func (floatOnly) AtST() int64 { return 0 }
func (floatOnly) Err() error  { return nil }

func (floatOnly) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	return 0, nil // never: Next says floats
}

func (floatOnly) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return 0, nil // never: Next says floats
}

// Selection is what one selector of a query asks for.
type Selection struct {
	From, To time.Time // samples outside do not matter
	Bare     bool      // only names and labels matter, not the points

	matchers []*labels.Matcher
	grid     grid
}

// Allows says whether the matchers of one label let a value pass; "" is that of
// a label which is not there.
func (s *Selection) Allows(label, value string) bool {
	for _, m := range s.matchers {
		if m.Name == label && !m.Matches(value) {
			return false
		}
	}
	return true
}

// Accepts says whether a series is asked for.
func (s *Selection) Accepts(name string, l Labels) bool {
	for _, m := range s.matchers {
		value := name
		if m.Name != model.MetricNameLabel {
			value = l.Value(m.Name)
		}
		if !m.Matches(value) {
			return false
		}
	}
	return true
}

// Exactly returns the one value that a label must have, "" where it may have
// several.
func (s *Selection) Exactly(label string) string {
	for _, m := range s.matchers {
		if m.Name == label && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// Needs says whether a sample is asked for between two times.
func (s *Selection) Needs(from, to time.Time) bool {
	return s.grid.every > 0 || s.grid.next(from.UnixMilli()-1) <= min(to.UnixMilli(), s.grid.to)
}
