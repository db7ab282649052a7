package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// CurvesOptions say what a Curves works with. Find is needed.
type CurvesOptions struct {
	// Find returns the curves of a selection; more than was asked for does no
	// harm. Their labels and points are not changed and not kept.
	Find func(ctx context.Context, s *Selection) ([]Curve, error)

	MaxSamples  int           // that one query may hold; default 5,000,000
	Timeout     time.Duration // of one query; default 25s
	Concurrency int           // queries at once, the others wait; default 4
}

// Curves answers PromQL over curves. It is safe for concurrent use.
type Curves struct {
	find   func(ctx context.Context, s *Selection) ([]Curve, error)
	engine *promql.Engine
	turns  chan struct{}
	wait   time.Duration
}

// curveLookback is Prometheus' own.
const curveLookback = 5 * time.Minute

// NewCurves returns a Curves.
func NewCurves(o CurvesOptions) (*Curves, error) {
	if o.Find == nil {
		return nil, errors.New("curves: CurvesOptions.Find is required")
	}
	if o.MaxSamples <= 0 {
		o.MaxSamples = 5_000_000
	}
	if o.Timeout <= 0 {
		o.Timeout = 25 * time.Second
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	return &Curves{find: o.Find, turns: make(chan struct{}, o.Concurrency), wait: o.Timeout,
		engine: promql.NewEngine(promql.EngineOpts{Logger: slog.New(slog.DiscardHandler), MaxSamples: o.MaxSamples, Timeout: o.Timeout,
			LookbackDelta: curveLookback, EnableAtModifier: true, EnableNegativeOffset: true, Parser: newParser(),
			NoStepSubqueryIntervalFn: subqueryStep})}, nil
}

// Answer is the value of a PromQL query.
type Answer struct {
	Kind     string   // matrix, vector, scalar or string
	Series   []Series // of a matrix or vector; of a scalar one without labels; of a string one with its time
	Text     string   // of a string
	Warnings []string
	Infos    []string
}

// QueryError is a query that has no answer. Its kinds are those of Prometheus'
// HTTP API.
type QueryError struct {
	Kind string // bad_data, execution, timeout, canceled or internal
	Err  error
}

// Error implements error.
func (e *QueryError) Error() string { return e.Err.Error() }

// Unwrap implements errors.Is.
func (e *QueryError) Unwrap() error { return e.Err }

// Query answers at one time. Errors are QueryErrors.
func (c *Curves) Query(ctx context.Context, expr string, at time.Time) (Answer, error) {
	q, err := c.engine.NewInstantQuery(ctx, c.queryable(0), nil, expr, at)
	if err != nil {
		return Answer{}, &QueryError{"bad_data", err}
	}
	return c.exec(ctx, q, expr)
}

// QueryRange answers on a grid. Errors are QueryErrors.
func (c *Curves) QueryRange(ctx context.Context, expr string, w Window) (Answer, error) {
	q, err := c.engine.NewRangeQuery(ctx, c.queryable(w.Step), nil, expr, w.Start, w.End, w.Step)
	if err != nil {
		return Answer{}, &QueryError{"bad_data", err}
	}
	return c.exec(ctx, q, expr)
}

// Series lists the series that one of several selectors asks for and that have
// something in a window, each once, without points, at most limit of them; more
// says that there are others. No selector asks for all.
func (c *Curves) Series(ctx context.Context, selectors []string, from, to time.Time, limit int) (out []Series, more bool, err error) {
	sets, err := newParser().ParseMetricSelectors(selectors)
	if err != nil {
		return nil, false, &QueryError{"bad_data", err}
	}
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	seen := map[string]bool{}
	for _, matchers := range sets {
		s := &Selection{From: from, To: to, Bare: true, matchers: matchers}
		if len(selectors) > 0 && s.Accepts("", nil) {
			return nil, false, &QueryError{"bad_data", errors.New("match[] must contain at least one non-empty matcher")}
		}
		found, err := c.find(ctx, s)
		if err != nil {
			return nil, false, failed(unfound(err))
		}
		for i := range found {
			one := &found[i]
			key := one.Name + one.Labels.String()
			if seen[key] || !s.Accepts(one.Name, one.Labels) {
				continue
			}
			if limit > 0 && len(out) == limit {
				return out, true, nil
			}
			seen[key] = true
			out = append(out, Series{Name: one.Name, Labels: one.Labels})
		}
	}
	return out, false, nil
}

func (c *Curves) exec(ctx context.Context, q promql.Query, expr string) (Answer, error) {
	defer q.Close()
	waiting, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-waiting.Done():
		return Answer{}, failed(fmt.Errorf("waiting for other queries: %w", waiting.Err()))
	}
	res := q.Exec(ctx)
	if res.Err != nil {
		return Answer{}, failed(res.Err)
	}
	answer := Answer{Kind: string(res.Value.Type())}
	answer.Warnings, answer.Infos = res.Warnings.AsStrings(expr, 10, 10)
	if text, ok := res.Value.(promql.String); ok {
		answer.Text, answer.Series = text.V, []Series{{Times: []int64{text.T}}}
		return answer, nil
	}
	var err error
	if answer.Series, err = convert(res.Value); err != nil {
		return Answer{}, &QueryError{"execution", err}
	}
	return answer, nil
}

// unfound says that it is Find that fails, and not the query, unless Find says
// otherwise or was interrupted.
func unfound(err error) error {
	var known *QueryError
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &QueryError{"internal", err}
}

// failed says of what kind an error of the engine is.
func failed(err error) error {
	var (
		known    *QueryError
		timeout  promql.ErrQueryTimeout
		canceled promql.ErrQueryCanceled
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return &QueryError{"timeout", err}
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return &QueryError{"canceled", err}
	}
	return &QueryError{"execution", err}
}

// queryable knows the step of its query, which tells a selector's own grid from
// that of a subquery.
func (c *Curves) queryable(step time.Duration) storage.Queryable {
	return storage.QueryableFunc(func(mint, maxt int64) (storage.Querier, error) {
		return &curveQuerier{c, mint, maxt, step.Milliseconds()}, nil
	})
}

type curveQuerier struct {
	c                *Curves
	mint, maxt, step int64
}

func (q *curveQuerier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	g := grid{from: q.mint, to: q.maxt, first: q.mint, every: curveLookback.Milliseconds()}
	if hints != nil {
		g = gridOf(hints.Start, hints.End, hints.Step, hints.Range, q.step, curveLookback)
	}
	s := &Selection{From: time.UnixMilli(g.from), To: time.UnixMilli(g.to), matchers: matchers, grid: g}
	curves, err := q.c.find(ctx, s)
	if err != nil {
		return storage.ErrSeriesSet(unfound(err))
	}
	builder := labels.NewScratchBuilder(8)
	found := make([]storage.Series, 0, len(curves))
	for i := range curves {
		one := &curves[i]
		if len(one.Times) == 0 || !s.Accepts(one.Name, one.Labels) {
			continue
		}
		found = append(found, &storage.SeriesEntry{Lset: lsetOf(&builder, one.Name, one.Labels),
			SampleIteratorFn: func(it chunkenc.Iterator) chunkenc.Iterator { return one.iterator(g, it) }})
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &memorySet{found: found, i: -1}
}

func (q *curveQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, fmt.Errorf("label values: %w", errUnused)
}

func (q *curveQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, fmt.Errorf("label names: %w", errUnused)
}

func (q *curveQuerier) Close() error { return nil }
