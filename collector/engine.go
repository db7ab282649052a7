package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// maxQuerySamples bounds what one PromQL query may hold in memory.
const maxQuerySamples = 100_000_000

// ParseExpr parses a PromQL expression as Prometheus itself does. The error
// names the position and what was expected.
func ParseExpr(expr string) (parser.Expr, error) {
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", expr, err)
	}
	return parsed, nil
}

// subqueryStep is the step of a subquery that names none, in milliseconds: a
// minute, which is Prometheus' own default.
func subqueryStep(int64) int64 { return time.Minute.Milliseconds() }

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// evaluator answers PromQL over samples held here.
type evaluator struct {
	engine *promql.Engine
	data   storage.Queryable
	logger *slog.Logger
}

func newEvaluator(data storage.Queryable, lookback time.Duration, logger *slog.Logger, reg prometheus.Registerer) *evaluator {
	return &evaluator{
		data:   data,
		logger: logger,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger:               logger,
			Reg:                  reg,
			MaxSamples:           maxQuerySamples,
			Timeout:              10 * time.Minute,
			LookbackDelta:        lookback,
			EnableAtModifier:     true,
			EnableNegativeOffset: true,
			Parser:               newParser(),

			NoStepSubqueryIntervalFn: subqueryStep,
		}),
	}
}

func (e *evaluator) queryRange(ctx context.Context, expr string, w Window) (Result, error) {
	if w.Len() == 0 {
		return Result{}, nil
	}
	q, err := e.engine.NewRangeQuery(ctx, e.data, nil, expr, w.Start, w.End, w.Step)
	if err != nil {
		return Result{}, fmt.Errorf("query %q: %w", expr, err)
	}
	return e.exec(ctx, q, expr)
}

func (e *evaluator) query(ctx context.Context, expr string, at time.Time) (Result, error) {
	q, err := e.engine.NewInstantQuery(ctx, e.data, nil, expr, at)
	if err != nil {
		return Result{}, fmt.Errorf("query %q: %w", expr, err)
	}
	return e.exec(ctx, q, expr)
}

func (e *evaluator) exec(ctx context.Context, q promql.Query, expr string) (Result, error) {
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return Result{}, fmt.Errorf("query %q: %w", expr, res.Err)
	}
	// Annotations speak about the expression, never about missing data.
	if warnings, _ := res.Warnings.AsStrings(expr, 3, 0); len(warnings) > 0 {
		e.logger.Debug("query annotated", "component", "history", "expr", expr, "warnings", warnings)
	}
	series, err := convert(res.Value)
	if err != nil {
		return Result{}, fmt.Errorf("query %q: %w", expr, err)
	}
	return Result{Series: series}, nil
}

// convert copies a PromQL value, because the engine takes its own back.
func convert(value parser.Value) ([]Series, error) {
	switch value := value.(type) {
	case promql.Matrix:
		out := make([]Series, 0, len(value))
		for _, s := range value {
			if len(s.Histograms) > 0 {
				return nil, errNativeHistogram
			}
			one := named(s.Metric)
			one.Times, one.Values = make([]int64, len(s.Floats)), make([]float64, len(s.Floats))
			for i, p := range s.Floats {
				one.Times[i], one.Values[i] = p.T, p.F
			}
			out = append(out, one)
		}
		return out, nil
	case promql.Vector:
		out := make([]Series, 0, len(value))
		for _, s := range value {
			if s.H != nil {
				return nil, errNativeHistogram
			}
			one := named(s.Metric)
			one.Times, one.Values = []int64{s.T}, []float64{s.F}
			out = append(out, one)
		}
		return out, nil
	case promql.Scalar:
		return []Series{{Times: []int64{value.T}, Values: []float64{value.V}}}, nil
	default:
		return nil, fmt.Errorf("result is a %s, want numbers", value.Type())
	}
}

var errNativeHistogram = errors.New("result holds native histograms: ask for numbers, e.g. with histogram_quantile")

// named returns a series without samples.
func named(l labels.Labels) (s Series) {
	if n := l.Len(); n > 1 {
		s.Labels = make(Labels, 0, n)
	}
	l.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel {
			s.Name = l.Value
			return
		}
		s.Labels = append(s.Labels, Label{Name: l.Name, Value: l.Value})
	})
	return s
}

// milliseconds returns a time as Unix milliseconds.
func milliseconds(t time.Time) int64 { return t.UnixMilli() }

// allTime is the widest range that the TSDB can be asked for without overflow
// in its own arithmetic.
const (
	minTime = math.MinInt64 / 4
	maxTime = math.MaxInt64 / 4
)
