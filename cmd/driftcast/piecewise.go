package main

import (
	"context"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// piecewise asks for long windows a piece at a time. The PromQL engine looks at
// every series of a window at each of its points, and where pods come and go a
// fortnight has many more series than any day of it.
type piecewise struct {
	collector.Source
	piece time.Duration
}

// QueryRange implements collector.Source; the answer is that of one query.
func (p piecewise) QueryRange(ctx context.Context, expr string, w collector.Window) (collector.Result, error) {
	var out collector.Result
	at := map[string]int{} // where a series is in the answer
	points := max(1, int(p.piece/w.Step))
	for from := w.Start; !from.After(w.End); from = from.Add(time.Duration(points) * w.Step) {
		part := collector.Window{Start: from, End: from.Add(time.Duration(points-1) * w.Step), Step: w.Step}
		if part.End.After(w.End) {
			part.End = w.End
		}
		got, err := p.Source.QueryRange(ctx, expr, part)
		if err != nil {
			return collector.Result{}, err
		}
		out.Warnings = append(out.Warnings, got.Warnings...)
		for _, s := range got.Series {
			k := s.Name + s.Labels.String()
			if i, known := at[k]; known {
				whole := &out.Series[i]
				whole.Times, whole.Values = append(whole.Times, s.Times...), append(whole.Values, s.Values...)
				continue
			}
			at[k] = len(out.Series)
			out.Series = append(out.Series, s)
		}
	}
	return out, nil
}
