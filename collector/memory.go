package collector

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// Memory is a History that is never stored: samples in slices, answered by the
// same PromQL engine. Fill it first; then it is safe for concurrent use.
type Memory struct {
	signals map[string][]memorySeries
	eval    *evaluator
}

type memorySeries struct {
	Series
	lset labels.Labels
}

// NewMemory returns an empty Memory. Lookback is how far back PromQL looks for
// the newest sample; 0 is 5m. With data on a grid, one interval is best: a
// missing sample is then missing.
func NewMemory(lookback time.Duration) *Memory {
	if lookback <= 0 {
		lookback = 5 * time.Minute
	}
	m := &Memory{signals: map[string][]memorySeries{}}
	queryable := storage.QueryableFunc(func(mint, maxt int64) (storage.Querier, error) {
		return &memoryQuerier{m, mint, maxt}, nil
	})
	m.eval = newEvaluator(queryable, lookback, slog.New(slog.DiscardHandler), nil)
	return m
}

// Add puts in series of a signal, which are kept, not copied. Label sets must
// differ from those already there, and times must ascend.
func (m *Memory) Add(signal string, series ...Series) error {
	if err := validate(signal, series); err != nil {
		return err
	}
	builder := labels.NewScratchBuilder(8)
	for _, s := range series {
		m.signals[signal] = append(m.signals[signal], memorySeries{s, lsetOf(&builder, signal, s.Labels)})
	}
	slices.SortFunc(m.signals[signal], func(a, b memorySeries) int { return labels.Compare(a.lset, b.lset) })
	return nil
}

// Select works as that of History; what it returns are views.
func (m *Memory) Select(_ context.Context, signal string, w Window) ([]Series, error) {
	var out []Series
	for _, s := range m.signals[signal] {
		if cut := s.between(milliseconds(w.Start), milliseconds(w.End)); len(cut.Times) > 0 {
			out = append(out, cut)
		}
	}
	return out, nil
}

// between returns a view of the samples in [mint, maxt].
func (s Series) between(mint, maxt int64) Series {
	from, _ := slices.BinarySearch(s.Times, mint)
	to, found := slices.BinarySearch(s.Times, maxt)
	if found {
		to++
	}
	to = max(from, to)
	s.Times, s.Values = s.Times[from:to:to], s.Values[from:to:to]
	return s
}

// QueryRange answers PromQL; it makes Memory a Source.
func (m *Memory) QueryRange(ctx context.Context, expr string, w Window) (Result, error) {
	return m.eval.queryRange(ctx, expr, w)
}

// Query answers PromQL at one time.
func (m *Memory) Query(ctx context.Context, expr string, at time.Time) (Result, error) {
	return m.eval.query(ctx, expr, at)
}

// Signals lists what Memory holds, sorted by name.
func (m *Memory) Signals(context.Context) ([]Stored, error) {
	var out []Stored
	for name, all := range m.signals {
		one := Stored{Name: name, Series: len(all)}
		for _, s := range all {
			if len(s.Times) == 0 {
				continue
			}
			first, last := time.UnixMilli(s.Times[0]).UTC(), time.UnixMilli(s.Times[len(s.Times)-1]).UTC()
			if one.First.IsZero() || first.Before(one.First) {
				one.First = first
			}
			if last.After(one.Last) {
				one.Last = last
			}
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Stored) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

type memoryQuerier struct {
	m          *Memory
	mint, maxt int64
}

func (q *memoryQuerier) Select(_ context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	mint, maxt := q.mint, q.maxt
	if hints != nil {
		mint, maxt = hints.Start, hints.End
	}
	var found []storage.Series
	for _, s := range q.m.named(matchers) {
		if matches(s.lset, matchers) {
			if cut := s.between(mint, maxt); len(cut.Times) > 0 {
				found = append(found, &storage.SeriesEntry{Lset: s.lset, SampleIteratorFn: cut.iterator})
			}
		}
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &memorySet{found: found, i: -1}
}

type memorySet struct {
	found []storage.Series
	i     int
}

func (s *memorySet) Next() bool                        { s.i++; return s.i < len(s.found) }
func (s *memorySet) At() storage.Series                { return s.found[s.i] }
func (s *memorySet) Err() error                        { return nil }
func (s *memorySet) Warnings() annotations.Annotations { return nil }

// named returns the series whose name the matchers allow.
func (m *Memory) named(matchers []*labels.Matcher) (out []memorySeries) {
	for _, match := range matchers {
		if match.Name == model.MetricNameLabel && match.Type == labels.MatchEqual {
			return m.signals[match.Value]
		}
	}
	for _, all := range m.signals {
		out = append(out, all...)
	}
	return out
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

func (q *memoryQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, fmt.Errorf("label values: %w", errUnused)
}

func (q *memoryQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, fmt.Errorf("label names: %w", errUnused)
}

func (q *memoryQuerier) Close() error { return nil }

var errUnused = fmt.Errorf("not asked for by the PromQL engine")

func (s Series) iterator(it chunkenc.Iterator) chunkenc.Iterator {
	if reused, ok := it.(*floatIterator); ok {
		*reused = floatIterator{s: s, i: -1}
		return reused
	}
	return &floatIterator{s: s, i: -1}
}

// floatIterator walks a series as the engine wants it.
type floatIterator struct {
	floatOnly
	s Series
	i int
}

func (it *floatIterator) Next() chunkenc.ValueType {
	if it.i < len(it.s.Times) {
		it.i++
	}
	return it.kind()
}

// unixMilli is spelled so because vet takes Seek(int64) for that of io.Seeker.
type unixMilli = int64

func (it *floatIterator) Seek(t unixMilli) chunkenc.ValueType {
	from := max(it.i, 0)
	if from < len(it.s.Times) && (it.i < 0 || it.s.Times[from] < t) {
		from += sort.Search(len(it.s.Times)-from, func(k int) bool { return it.s.Times[from+k] >= t })
	}
	it.i = from
	return it.kind()
}

func (it *floatIterator) kind() chunkenc.ValueType {
	if it.i < len(it.s.Times) {
		return chunkenc.ValFloat
	}
	return chunkenc.ValNone
}

func (it *floatIterator) At() (int64, float64) { return it.s.Times[it.i], it.s.Values[it.i] }
func (it *floatIterator) AtT() int64           { return it.s.Times[it.i] }
