package api

import (
	"context"
	"math"
	"time"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// sparkPoints is how many points a sparkline has on either side of now.
const sparkPoints = 48

// ListForecasts answers with a page of the latest forecasts and their
// sparklines.
func (s *Server) ListForecasts(ctx context.Context, r gen.ListForecastsRequestObject) (gen.ListForecastsResponseObject, error) {
	q, err := forecastQuery(r.Params)
	if err != nil {
		return nil, err
	}
	page, next, err := s.o.Forecasts.Forecasts(ctx, q)
	if err != nil {
		return nil, err
	}
	sparks, err := s.sparklines(ctx, page)
	if err != nil {
		return nil, err
	}
	limits := s.limitsOf()
	list := gen.ForecastList{Items: make([]gen.ForecastItem, len(page)), NextCursor: optional(next)}
	for i, f := range page {
		t, known := s.target(f.Target)
		list.Items[i] = gen.ForecastItem{
			Target: f.Target, Type: typeOf(t, known, f), Subject: subject(f.Subject), Model: f.Model, Origin: f.Origin.UTC(),
			Unit: s.unit(f.Target), Objective: objective(t), Risk: number(compared(f.Risks, q.Horizon)),
			Threshold: limits(t).Threshold, Warning: warns(t, limits(t).Threshold, f), Risks: convert(f.Risks, risk),
			Drivers: convert(f.Drivers[:min(3, len(f.Drivers))], driver), Past: sparks[i], Future: medians(f, sparkPoints),
		}
	}
	return gen.ListForecasts200JSONResponse{Body: list}, nil
}

func forecastQuery(p gen.ListForecastsParams) (forecaster.ForecastQuery, error) {
	q := forecaster.ForecastQuery{Target: text(p.Target), Search: text(p.Search), Cursor: text(p.Cursor)}
	if p.Kind != nil {
		q.Kind = string(*p.Kind)
	}
	if p.Sort != nil {
		q.Sort = string(*p.Sort)
	}
	if p.Limit != nil {
		q.Limit = *p.Limit
	}
	if p.MinRisk != nil {
		if q.MinRisk = *p.MinRisk; math.IsNaN(q.MinRisk) {
			return q, badParameter("min_risk", "want a number from 0 to 1")
		}
	}
	var err error
	q.Horizon, err = readDuration("horizon", p.Horizon)
	return q, err
}

// sparklines reads the past of a page, one query a target.
func (s *Server) sparklines(ctx context.Context, page []models.Forecast) ([]gen.Points, error) {
	byTarget := map[string][]int{}
	sparks := make([]gen.Points, len(page))
	for i, f := range page {
		byTarget[f.Target] = append(byTarget[f.Target], i)
		sparks[i] = gen.Points{Times: []float64{}, Values: []*float64{}}
	}
	for name, rows := range byTarget {
		t, ok := s.target(name)
		if !ok {
			continue // the target was removed since; its last forecasts are still there
		}
		var newest time.Time
		var subjects []collector.Subject
		for _, i := range rows {
			subjects = append(subjects, page[i].Subject)
			if page[i].Origin.After(newest) {
				newest = page[i].Origin
			}
		}
		from := s.sourceOf(t)
		span := max(sparkPoints*from.interval, min(longest(t), 24*time.Hour))
		w, err := from.window(newest.Add(-span), newest, 0, sparkPoints)
		if err != nil {
			return nil, err
		}
		w.Start = newest.Add(-(sparkPoints - 1) * w.Step)
		points, err := s.past(ctx, from, subjects, w)
		if err != nil {
			return nil, err
		}
		for _, i := range rows {
			if p, ok := points[page[i].Subject]; ok {
				sparks[i] = upTo(p, page[i].Origin)
			}
		}
	}
	return sparks, nil
}

// target finds a target by name.
func (s *Server) target(name string) (features.Target, bool) {
	for _, t := range s.o.Targets() {
		if t.Name == name {
			return t, true
		}
	}
	return features.Target{}, false
}

func typeOf(t features.Target, known bool, f models.Forecast) gen.TargetKind {
	if known && t.IsEvent() || !known && len(f.Leads) == 0 {
		return gen.TargetKindEvent
	}
	return gen.TargetKindLevel
}

func objective(t features.Target) *gen.Objective {
	if t.Objective == nil {
		return nil
	}
	return &gen.Objective{Op: gen.ObjectiveOp(t.Objective.Op), Bound: t.Objective.Bound}
}

// limitsOf returns the function that tells from which risk a target warns now,
// and why.
func (s *Server) limitsOf() func(features.Target) forecaster.TargetStatus {
	by := map[string]forecaster.TargetStatus{}
	for _, st := range s.o.Status().Targets {
		by[st.Target] = st
	}
	return func(t features.Target) forecaster.TargetStatus {
		if st, ok := by[t.Name]; ok && st.Threshold > 0 {
			return st
		}
		return forecaster.TargetStatus{Threshold: t.Warn.Threshold()}
	}
}

// warns says whether a forecast is over a threshold at a horizon that is warned of.
func warns(t features.Target, threshold float64, f models.Forecast) bool {
	return forecaster.HighestRisk(t.Warn, f.Risks) >= threshold
}

// compared is the risk at a horizon, or the highest one for horizon 0; NaN
// where there is none.
func compared(risks []models.Risk, horizon time.Duration) float64 {
	highest := math.NaN()
	for _, r := range risks {
		if r.Horizon == horizon {
			return r.Probability
		}
		if horizon == 0 && !(r.Probability <= highest) && !math.IsNaN(r.Probability) {
			highest = r.Probability
		}
	}
	return highest
}

func longest(t features.Target) time.Duration {
	if len(t.Horizons) == 0 {
		return 24 * time.Hour
	}
	return t.Horizons[len(t.Horizons)-1]
}

// medians is the median path in at most n points, the last one included.
func medians(f models.Forecast, n int) gen.Points {
	points := gen.Points{Times: []float64{}, Values: []*float64{}}
	every := (len(f.Leads) + n - 1) / n
	for i := range f.Leads {
		if (len(f.Leads)-1-i)%every == 0 && len(f.Path) >= (i+1)*len(models.Quantiles) {
			points.Times = append(points.Times, unix(leadTime(f, i)))
			points.Values = append(points.Values, number(f.Path[i*len(models.Quantiles)+models.Median]))
		}
	}
	return points
}

func leadTime(f models.Forecast, i int) time.Time {
	return f.Origin.Add(time.Duration(f.Leads[i]) * f.Interval)
}
