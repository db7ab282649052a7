package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// source is a series in History: whose it is and how it is thinned out.
type source struct {
	name     string
	unit     string
	interval time.Duration
	spec     collector.SubjectSpec
	fold     string // last_over_time, or max_over_time so that a short event is not lost
}

// sourceOf is where the past of a target is.
func (s *Server) sourceOf(t features.Target) source {
	from := source{name: t.Name, unit: s.unit(t.Name), interval: t.Interval, spec: t.Subject, fold: "last_over_time"}
	if t.IsEvent() {
		from.fold = "max_over_time"
	}
	return from
}

// unit is the unit of a target's level, where its own signal says one.
func (s *Server) unit(name string) string {
	for _, signal := range s.o.Signals() {
		if signal.Name == name {
			return signal.Unit
		}
	}
	return ""
}

// maxPoints bounds the values of one series in an answer, as Prometheus does.
const maxPoints = 11_000

// window lays a grid over from…to that ends at to. A step of 0 is the smallest
// multiple of the interval that keeps the grid within points.
func (f source) window(from, to time.Time, step time.Duration, points int) (collector.Window, error) {
	span := to.Sub(from)
	interval := max(f.interval, time.Second)
	if span < 0 {
		return collector.Window{}, badParameter("from", "it is after the end, %s", to.UTC().Format(time.RFC3339))
	}
	if step == 0 {
		want := span / time.Duration(points)
		step = max(1, (want+interval-1)/interval) * interval
	}
	n := span / step
	if n >= maxPoints {
		return collector.Window{}, badParameter("step", "that would be %d values; at most %d are given", n+1, maxPoints)
	}
	return collector.Window{Start: to.Add(-n * step), End: to, Step: step}, nil
}

// past reads the values of subjects on a grid. Each is filled with null where
// nothing is known, and begins with its first known value.
func (s *Server) past(ctx context.Context, f source, subjects []collector.Subject, w collector.Window) (map[collector.Subject]gen.Points, error) {
	every := model.Duration(max(w.Step, f.interval, time.Second))
	expr := f.fold + "(" + f.selector(subjects) + "[" + every.String() + "])"
	result, err := s.o.History.QueryRange(ctx, expr, w)
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", f.name, err)
	}
	points := make(map[collector.Subject]gen.Points, len(result.Series))
	for _, series := range result.Series {
		if sub, ok := f.spec.Subject(series.Labels); ok && slices.Contains(subjects, sub) {
			points[sub] = onGrid(series, w)
		}
	}
	return points, nil
}

// fresh is the time of the newest sample up to a moment; zero where none is
// near.
func (s *Server) fresh(ctx context.Context, f source, sub collector.Subject, at time.Time) (time.Time, error) {
	interval := max(f.interval, time.Second)
	w := collector.Window{Start: at.Add(-60 * interval), End: at, Step: interval}
	result, err := s.o.History.QueryRange(ctx, "timestamp("+f.selector([]collector.Subject{sub})+")", w)
	if err != nil {
		return time.Time{}, fmt.Errorf("read history of %s: %w", f.name, err)
	}
	newest := 0.0
	for _, series := range result.Series {
		if found, ok := f.spec.Subject(series.Labels); ok && found == sub && len(series.Values) > 0 {
			newest = max(newest, series.Values[len(series.Values)-1])
		}
	}
	if newest == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(int64(newest * 1000)), nil
}

// selector is the PromQL that selects the series of subjects, and some more
// where a name is made of several labels: their values cannot always be told
// apart, and each is matched alone.
func (f source) selector(subjects []collector.Subject) string {
	matchers := []string{"__name__=" + strconv.Quote(f.name)}
	var names []string // labels that make up the name
	for _, label := range f.spec.Labels {
		if label != "namespace" {
			names = append(names, label)
		}
	}
	namespaced := len(names) < len(f.spec.Labels)
	if namespaced && len(names) == 0 { // the namespace is the name
		names, namespaced = []string{"namespace"}, false
	}
	if namespaced {
		matchers = append(matchers, matcher("namespace", subjects, func(s collector.Subject) string { return s.Namespace }))
	}
	split := !slices.ContainsFunc(subjects, func(s collector.Subject) bool { return strings.Count(s.Name, ":") != len(names)-1 })
	for i, label := range names {
		switch {
		case len(names) == 1:
			matchers = append(matchers, matcher(label, subjects, func(s collector.Subject) string { return s.Name }))
		case split:
			matchers = append(matchers, matcher(label, subjects, func(s collector.Subject) string { return strings.Split(s.Name, ":")[i] }))
		}
	}
	return "{" + strings.Join(matchers, ",") + "}"
}

func matcher(label string, subjects []collector.Subject, value func(collector.Subject) string) string {
	var values []string
	for _, s := range subjects {
		values = append(values, value(s))
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if !model.LegacyValidation.IsValidLabelName(label) {
		label = strconv.Quote(label)
	}
	if len(values) == 1 {
		return label + "=" + strconv.Quote(values[0])
	}
	for i, v := range values {
		values[i] = regexp.QuoteMeta(v)
	}
	return label + "=~" + strconv.Quote(strings.Join(values, "|"))
}

// onGrid puts a series on the grid of a window.
func onGrid(series collector.Series, w collector.Window) gen.Points {
	points := gen.Points{Times: []float64{}, Values: []*float64{}}
	values := make([]float64, w.Len())
	for i := range values {
		values[i] = math.NaN()
	}
	first := len(values)
	for i, t := range series.Times {
		at := int((t - w.Start.UnixMilli()) / w.Step.Milliseconds())
		if at >= 0 && at < len(values) && !math.IsNaN(series.Values[i]) {
			values[at] = series.Values[i]
			first = min(first, at)
		}
	}
	if first == len(values) {
		return points
	}
	for i := first; i < len(values); i++ {
		points.Times = append(points.Times, unix(w.Start.Add(time.Duration(i)*w.Step)))
	}
	points.Values = numbers(values[first:])
	return points
}

// upTo cuts points off after a moment.
func upTo(p gen.Points, at time.Time) gen.Points {
	n := len(p.Times)
	for n > 0 && p.Times[n-1] > unix(at) {
		n--
	}
	return gen.Points{Times: p.Times[:n], Values: p.Values[:n]}
}

// ReadSignalValues answers with the values of one subject.
func (s *Server) ReadSignalValues(ctx context.Context, r gen.ReadSignalValuesRequestObject) (gen.ReadSignalValuesResponseObject, error) {
	from, ok := s.sourceNamed(r.Name)
	if !ok {
		return nil, problemf(http.StatusNotFound, "there is no signal and no target %q", r.Name)
	}
	sub, err := readSubject("subject", r.Params.Subject)
	if err != nil {
		return nil, err
	}
	end, err := readTime("to", r.Params.To, s.o.Now())
	if err != nil {
		return nil, err
	}
	start, err := readTime("from", r.Params.From, end.Add(-6*time.Hour))
	if err != nil {
		return nil, err
	}
	step, err := readDuration("step", r.Params.Step)
	if err != nil {
		return nil, err
	}
	w, err := from.window(start, end, step, 500)
	if err != nil {
		return nil, err
	}
	points, err := s.past(ctx, from, []collector.Subject{sub}, w)
	if err != nil {
		return nil, err
	}
	p, ok := points[sub]
	if !ok {
		p = gen.Points{Times: []float64{}, Values: []*float64{}}
	}
	return gen.ReadSignalValues200JSONResponse{Name: from.name, Subject: subject(sub), Unit: from.unit,
		StepSeconds: seconds(w.Step), Times: p.Times, Values: p.Values}, nil
}

func (s *Server) sourceNamed(name string) (source, bool) {
	if t, ok := s.target(name); ok {
		return s.sourceOf(t), true
	}
	for _, signal := range s.o.Signals() {
		if signal.Name == name {
			return source{name: name, unit: signal.Unit, interval: signal.Interval, spec: signal.Subject, fold: "last_over_time"}, true
		}
	}
	return source{}, false
}
