package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// pastPoints is how many past values a forecast comes with, unless asked
// otherwise; issuedRead and issuedShown bound the earlier forecasts.
const (
	pastPoints  = 500
	issuedRead  = 4000
	issuedShown = 100 // a horizon
)

// ReadForecast answers with one forecast in full.
func (s *Server) ReadForecast(ctx context.Context, r gen.ReadForecastRequestObject) (gen.ReadForecastResponseObject, error) {
	sub, err := readSubject("subject", r.Subject)
	if err != nil {
		return nil, err
	}
	f, err := s.o.Forecasts.Forecast(ctx, r.Target, sub.String())
	if err != nil {
		return nil, err
	}
	t, known := s.target(f.Target)
	from, err := readTime("from", r.Params.From, f.Origin.Add(-min(max(3*longest(t), time.Hour), 14*24*time.Hour)))
	if err != nil {
		return nil, err
	}
	step, err := readDuration("step", r.Params.Step)
	if err != nil {
		return nil, err
	}
	limit := s.limitsOf()(t)
	answer := gen.Forecast{
		Target: f.Target, Type: typeOf(t, known, f), Subject: subject(f.Subject), Model: f.Model, Origin: f.Origin.UTC(),
		Unit: s.unit(f.Target), IntervalSeconds: seconds(f.Interval), Objective: objective(t), Threshold: limit.Threshold, Because: limit.Because,
		Warning: warns(t, limit.Threshold, f), Risks: convert(f.Risks, risk), Drivers: convert(f.Drivers, driver), Path: pathOf(f),
		Crossing: moment(crossing(t, f)), Past: gen.Points{Times: []float64{}, Values: []*float64{}},
	}
	if len(t.Annotations) > 0 {
		answer.Annotations = &t.Annotations
	}
	if known {
		if err := s.addPast(ctx, &answer, s.sourceOf(t), f, from, step); err != nil {
			return nil, err
		}
	}
	issued, err := s.o.Forecasts.Issued(ctx, r.Target, sub.String(), from, issuedRead)
	if err != nil {
		return nil, err
	}
	answer.Issued = convert(thin(issued, issuedShown), outcome)
	if answer.Changes, err = s.changesOf(ctx, f.Subject, from, f.Origin); err != nil {
		return nil, err
	}
	return gen.ReadForecast200JSONResponse{Body: answer}, nil
}

// ReadExplanation answers with the past moments that one subject is most like.
func (s *Server) ReadExplanation(ctx context.Context, r gen.ReadExplanationRequestObject) (gen.ReadExplanationResponseObject, error) {
	sub, err := readSubject("subject", r.Subject)
	if err != nil {
		return nil, err
	}
	if _, known := s.target(r.Target); !known {
		return nil, noTarget(r.Target)
	}
	found, err := s.o.Explainer.Explain(ctx, r.Target, sub)
	if errors.Is(err, models.ErrTooFewRows) {
		return nil, problemf(http.StatusNotFound, "there is too little history of %s to look for episodes in", r.Target)
	}
	if err != nil {
		return nil, err
	}
	return gen.ReadExplanation200JSONResponse{Body: explanation(found)}, nil
}

func (s *Server) addPast(ctx context.Context, answer *gen.Forecast, source source, f models.Forecast, from time.Time, step time.Duration) error {
	w, err := source.window(from, f.Origin, step, pastPoints)
	if err != nil {
		return err
	}
	points, err := s.past(ctx, source, []collector.Subject{f.Subject}, w)
	if err != nil {
		return err
	}
	if p, ok := points[f.Subject]; ok {
		answer.Past = p
	}
	fresh, err := s.fresh(ctx, source, f.Subject, f.Origin)
	if err != nil {
		return err
	}
	answer.Fresh = moment(fresh)
	return nil
}

// pathOf turns the row-major path of a forecast into one array a quantile.
func pathOf(f models.Forecast) gen.Path {
	n := len(f.Leads)
	p := gen.Path{Quantiles: []float64{}, Times: make([]float64, n), Values: [][]*float64{}}
	if n == 0 || len(f.Path) < n*len(models.Quantiles) {
		p.Times = []float64{}
		return p
	}
	for i := range n {
		p.Times[i] = unix(leadTime(f, i))
	}
	p.Quantiles = models.Quantiles[:]
	for q := range models.Quantiles {
		column := make([]float64, n)
		for i := range n {
			column[i] = f.Path[i*len(models.Quantiles)+q]
		}
		p.Values = append(p.Values, numbers(column))
	}
	return p
}

// crossing is when the median first breaks the objective; zero where it never
// does, or there is none.
func crossing(t features.Target, f models.Forecast) time.Time {
	if t.Objective == nil || len(f.Path) < len(f.Leads)*len(models.Quantiles) {
		return time.Time{}
	}
	for i := range f.Leads {
		if v := f.Path[i*len(models.Quantiles)+models.Median]; !math.IsNaN(v) && t.Objective.Breached(v) {
			return leadTime(f, i)
		}
	}
	return time.Time{}
}

// thin keeps at most n outcomes of each horizon, evenly spread and the newest
// included. The order, newest first, stays.
func thin(list []forecaster.Outcome, n int) []forecaster.Outcome {
	count, seen := map[time.Duration]int{}, map[time.Duration]int{}
	for _, o := range list {
		count[o.Horizon]++
	}
	return slices.DeleteFunc(slices.Clone(list), func(o forecaster.Outcome) bool {
		every := (count[o.Horizon] + n - 1) / n
		seen[o.Horizon]++
		return (seen[o.Horizon]-1)%every != 0
	})
}
