package modeltest

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// WellFormed reports what is wrong with a forecast of a row, "" where nothing
// is: identity, leads, a finite ascending path within the bounds of the
// target's scale, and risks within [0, 1] that never fall, one a horizon.
func WellFormed(f *features.Frame, row int, out *models.Forecast) string {
	t := f.Target
	switch {
	case out.Target != t.Name || out.Subject != f.SubjectOf(row) || !out.Origin.Equal(f.OriginOf(row)):
		return "the forecast does not say what it is about"
	case out.Model == "":
		return "the forecast does not say which model made it"
	case !slices.Equal(out.Leads, f.Leads):
		return "leads differ from the frame's"
	case len(out.Path) != len(f.Leads)*len(models.Quantiles):
		return "the path has another length than leads × quantiles"
	}
	for i := range out.Leads {
		q := out.Path[i*len(models.Quantiles) : (i+1)*len(models.Quantiles)]
		if !slices.IsSorted(q) {
			return "quantiles are not ascending"
		}
		low, high := math.Inf(-1), math.Inf(1)
		switch t.Scale {
		case features.ScaleLog, features.ScaleCount:
			low = 0
		case features.ScaleLogit:
			low, high = 0, 1
		}
		for _, v := range q {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < low || v > high {
				return "a quantile is not finite or outside the bounds of its scale"
			}
		}
	}
	if !t.IsEvent() && t.Objective == nil {
		if len(out.Risks) > 0 {
			return "risks of a level without an objective"
		}
		return ""
	}
	if len(out.Risks) != len(t.Horizons) {
		return "not one risk a horizon"
	}
	before := 0.0
	for i, r := range out.Risks {
		if r.Horizon != t.Horizons[i] {
			return "risks are not in the order of the horizons"
		}
		if !(r.Probability >= before && r.Probability <= 1) {
			return "a risk falls with the horizon or is outside [0, 1]"
		}
		before = r.Probability
	}
	return ""
}

func (s *suite) wellFormed(t *testing.T) { checkAll(t, s.fitted, s.forecast, false) }

// checkAll forecasts every row; where noData is set, ErrNoData is an answer.
func checkAll(t *testing.T, fitted models.Fitted, f *features.Frame, noData bool) {
	t.Helper()
	var out models.Forecast
	for row := range f.Rows {
		err := fitted.Predict(f, row, &out)
		if noData && errors.Is(err, models.ErrNoData) {
			continue
		}
		if err != nil {
			t.Fatalf("predict %s: %v", key(f, row), err)
		}
		if wrong := WellFormed(f, row, &out); wrong != "" {
			t.Fatalf("%s: %s: %+v", key(f, row), wrong, out)
		}
	}
}

func (s *suite) orderOfSubjects(t *testing.T) {
	same(t, predict(t, s.fitted, s.ask(t, reversed(s.panel))), predict(t, s.fitted, s.forecast))
}

func (s *suite) missingData(t *testing.T) {
	n := len(s.panel.Subjects)
	for name, damage := range map[string]func(p *features.Panel){
		"covariates are unknown": func(p *features.Panel) {
			for _, v := range p.Values[n:] {
				fill(v, math.NaN())
			}
		},
		"holes": func(p *features.Panel) {
			for k, v := range p.Values {
				for i := range v {
					if (i/7+k)%3 == 0 {
						v[i] = math.NaN()
					}
				}
			}
		},
		"infinities": func(p *features.Panel) {
			for _, v := range p.Values[n:] {
				for i := 0; i < len(v); i += 5 {
					v[i] = math.Inf(i%2*2 - 1)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := clone(s.panel)
			damage(p)
			checkAll(t, s.fitted, extract(t, p, s.target, features.Options{Origins: s.origins}), false)
			fitted, err := s.model.Fit(context.Background(), s.trainFew(t, p), models.FitOptions{Seed: 11})
			if errors.Is(err, models.ErrTooFewRows) {
				return
			}
			if err != nil {
				t.Fatalf("fit: %v", err)
			}
			checkAll(t, fitted, extract(t, p, s.target, features.Options{Origins: s.origins}), false)
		})
	}
	t.Run("nothing known of a subject", func(t *testing.T) {
		p := clone(s.panel)
		for k := range p.Signals {
			fill(p.Series(k, 1), math.NaN())
		}
		f := extract(t, p, s.target, features.Options{Origins: s.origins})
		checkAll(t, s.fitted, f, true)
		var out models.Forecast
		for row := range f.Rows {
			if f.Rows[row].Subject == 1 && !s.target.IsEvent() {
				if err := s.fitted.Predict(f, row, &out); !errors.Is(err, models.ErrNoData) {
					t.Fatalf("predict: got %v, want ErrNoData", err)
				}
			}
		}
	})
}

func (s *suite) degenerate(t *testing.T) {
	steps := s.panel.Len
	for name, p := range map[string]*features.Panel{
		"constant zero": constant(s.target, steps, 0),
		"constant one":  constant(s.target, steps, 1),
		"all unknown":   constant(s.target, steps, math.NaN()),
		"ten samples":   Panel(s.target, 2, 10, 3),
		"one sample":    Panel(s.target, 1, 1, 3),
	} {
		t.Run(name, func(t *testing.T) {
			fitted, err := s.model.Fit(context.Background(), s.trainFew(t, p), models.FitOptions{Seed: 11})
			if err != nil && !errors.Is(err, models.ErrTooFewRows) {
				t.Fatalf("fit: got %v, want a model or ErrTooFewRows", err)
			}
			if err == nil {
				checkAll(t, fitted, extract(t, p, s.target, features.Options{Origins: []int{p.Len - 1}}), true)
			}
			checkAll(t, s.fitted, extract(t, p, s.target, features.Options{Origins: []int{p.Len - 1}}), true)
		})
	}
	t.Run("no row", func(t *testing.T) {
		f := extract(t, s.panel, s.target, features.Options{Labels: true})
		if _, err := s.model.Fit(context.Background(), f, models.FitOptions{}); !errors.Is(err, models.ErrTooFewRows) {
			t.Errorf("fit: got %v, want ErrTooFewRows", err)
		}
	})
}

func constant(target *features.Target, steps int, value float64) *features.Panel {
	p := Panel(target, 2, steps, 5)
	for _, v := range p.Values {
		fill(v, value)
	}
	return p
}

func fill(v []float64, value float64) {
	for i := range v {
		v[i] = value
	}
}
