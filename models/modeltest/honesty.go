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

// Honesty checks what Run leaves out, on the same made-up panels: that the
// future of no signal and of no subject moves a forecast, that subjects are
// named and not numbered, that a forecast is in the unit of its level, that what
// is strange (a constant, a spike, a count that is mostly 0) is forecast within
// reason, and that what a model says of one row does not depend on what it was
// asked before.
func Honesty(t *testing.T, m models.Model, target *features.Target) {
	t.Helper()
	s := newSuite(t, m, target)
	t.Run("future of other signals and subjects", s.otherFutures)
	t.Run("permuted subjects learn alike", s.permuted)
	t.Run("seeds", s.seeds)
	t.Run("strange series", s.strange)
	if target.IsEvent() {
		t.Run("unit of a covariate", s.covariateUnits)
		return
	}
	t.Run("unit", s.units)
}

// otherFutures spoils the future of one signal, or of one subject, at a time.
func (s *suite) otherFutures(t *testing.T) {
	want := predict(t, s.fitted, s.forecast)
	n := len(s.panel.Subjects)
	origin := s.origins[len(s.origins)/2]
	for k := range s.panel.Values {
		spoiled := clone(s.panel)
		for i := origin + 1; i < spoiled.Len; i++ {
			switch i % 4 {
			case 0:
				spoiled.Values[k][i] = math.NaN()
			case 1:
				spoiled.Values[k][i] = math.Inf(1)
			case 2:
				spoiled.Values[k][i] = 1e9
			default:
				spoiled.Values[k][i] = -spoiled.Values[k][i]
			}
		}
		f := extract(t, spoiled, s.target, features.Options{Origins: []int{origin}})
		for row := range f.Rows {
			var got models.Forecast
			if err := s.fitted.Predict(f, row, &got); err != nil {
				t.Fatal(err)
			}
			if at := key(f, row); !equal(got, want[at]) {
				t.Fatalf("the future of signal %s of subject %d moves the forecast of %s", s.panel.Signals[k/n], k%n, at)
			}
		}
	}
}

// permuted learns from the same subjects in another order: the forecasts agree
// but for the last digits, and for what a draw may do to a sampling learner.
func (s *suite) permuted(t *testing.T) {
	other := s.fit(t, reversed(s.panel))
	if share := s.apart(t, other); share > 0.1 {
		t.Errorf("forecasts differ by %.1f%% where the same subjects are learned from in another order", 100*share)
	}
}

// apart is how far the forecasts of another fitted model are from those of the
// suite's own, as a share of their size; 0 of nothing.
func (s *suite) apart(t *testing.T, other models.Fitted) float64 {
	want := predict(t, s.fitted, s.forecast)
	var gap, size float64
	for at, got := range predict(t, other, s.forecast) {
		for i, v := range got.Path {
			gap += math.Abs(v - want[at].Path[i])
			size += math.Abs(want[at].Path[i])
		}
		for i, r := range got.Risks {
			gap += math.Abs(r.Probability - want[at].Risks[i].Probability)
			size++
		}
	}
	if size == 0 {
		if gap == 0 {
			return 0
		}
		return math.Inf(1)
	}
	return gap / size
}

// seeds learns under another seed: that may change a forecast, but not its
// sense.
func (s *suite) seeds(t *testing.T) {
	other, err := s.model.Fit(context.Background(), s.train(t, s.panel), models.FitOptions{Seed: 12})
	if err != nil {
		t.Fatal(err)
	}
	checkAll(t, other, s.forecast, false)
	if share := s.apart(t, other); share > 0.25 {
		t.Errorf("forecasts differ by %.1f%% under another seed", 100*share)
	}
}

// units learns and forecasts the same levels in a thousandth of their unit.
func (s *suite) units(t *testing.T) {
	if s.target.Scale == features.ScaleLogit || s.target.Scale == features.ScaleCount {
		t.Skip("ratios and counts have no unit to change")
	}
	const factor = 1000
	target := *s.target
	if o := target.Objective; o != nil {
		target.Objective = &features.Objective{Op: o.Op, Bound: o.Bound * factor}
	}
	big := clone(s.panel)
	for subject := range big.Subjects {
		for i := range big.Series(0, subject) {
			big.Series(0, subject)[i] *= factor
		}
	}
	u := *s
	u.target, u.panel = &target, big
	want := predict(t, s.fitted, s.forecast)
	var gap, size, risk float64
	n := 0
	for at, got := range predict(t, u.fit(t, big), u.ask(t, big)) {
		for i, v := range got.Path {
			gap += math.Abs(v/factor - want[at].Path[i])
			size += math.Abs(want[at].Path[i])
		}
		for i, r := range got.Risks {
			risk += math.Abs(r.Probability - want[at].Risks[i].Probability)
			n++
		}
	}
	if gap > 0.02*size {
		t.Errorf("forecasts differ by %.2f%% in a unit a thousandth as large", 100*gap/size)
	}
	if n > 0 && risk > 0.02*float64(n) {
		t.Errorf("risks differ by %.3f in a unit a thousandth as large", risk/float64(n))
	}
}

// covariateUnits learns the same events with every covariate in a thousandth of
// its unit.
func (s *suite) covariateUnits(t *testing.T) {
	if len(s.target.Signals) == 0 {
		t.Skip("no covariate")
	}
	big := clone(s.panel)
	for k := 1; k < len(big.Signals); k++ {
		for subject := range big.Subjects {
			for i := range big.Series(k, subject) {
				big.Series(k, subject)[i] *= 1000
			}
		}
	}
	u := *s
	u.panel = big
	want := predict(t, s.fitted, s.forecast)
	var gap float64
	n := 0
	for at, got := range predict(t, u.fit(t, big), u.ask(t, big)) {
		for i, r := range got.Risks {
			gap += math.Abs(r.Probability - want[at].Risks[i].Probability)
			n++
		}
	}
	if gap > 0.05*float64(n) {
		t.Errorf("risks differ by %.3f where covariates are in another unit", gap/float64(n))
	}
}

// strange asks a fitted model, and one fitted on it, about series that are not
// what a textbook has: each forecast is well formed and no more than what has
// been seen, by a wide margin.
func (s *suite) strange(t *testing.T) {
	steps := s.panel.Len
	learned := map[string]bool{"all missing but one": true, "intermittent": true, "a step": true} // from too; it takes a while
	for name, value := range map[string]func(i int) float64{
		"constant":            func(int) float64 { return 0.5 },
		"all missing but one": func(i int) float64 { return map[bool]float64{true: 0.5, false: math.NaN()}[i == s.origins[0]-2] },
		"one spike":           func(i int) float64 { return map[bool]float64{true: 1, false: 0.01}[i == s.origins[0]-30] },
		"intermittent":        func(i int) float64 { return map[bool]float64{true: 1, false: 0}[i%17 == 0] },
		"a step":              func(i int) float64 { return map[bool]float64{true: 0.9, false: 0.1}[i > s.origins[0]-20] },
		"huge":                func(i int) float64 { return s.huge() * (1 + 0.1*math.Sin(float64(i))) },
		"tiny":                func(i int) float64 { return 1e-9 * (1 + 0.1*math.Sin(float64(i))) },
		"negative":            func(i int) float64 { return -1 - 0.1*math.Sin(float64(i)) },
		"every third is missing": func(i int) float64 {
			return map[bool]float64{true: math.NaN(), false: 0.4 + 0.1*math.Sin(float64(i))}[i%3 == 0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := Panel(s.target, 2, steps, 5)
			lowest, highest := math.Inf(1), math.Inf(-1)
			for subject := range p.Subjects {
				y := p.Series(0, subject)
				for i := range y {
					if y[i] = value(i); s.target.IsEvent() && y[i] == y[i] {
						y[i] = boolean(y[i] > 0.5)
					}
					if y[i] == y[i] {
						lowest, highest = math.Min(lowest, y[i]), math.Max(highest, y[i])
					}
				}
			}
			f := extract(t, p, s.target, features.Options{Origins: s.origins})
			checkAll(t, s.fitted, f, true)
			if !learned[name] {
				return
			}
			fitted, err := s.model.Fit(context.Background(), s.trainFew(t, p), models.FitOptions{Seed: 11})
			if errors.Is(err, models.ErrTooFewRows) {
				return
			}
			if err != nil {
				t.Fatalf("fit: got %v, want a model or ErrTooFewRows", err)
			}
			checkAll(t, fitted, f, true)
			if s.target.IsEvent() {
				return
			}
			s.withinReason(t, fitted, f, lowest, highest)
		})
	}
}

// withinReason holds the medians against what has been seen: within ten times
// its range, and where nothing ever moved, there.
func (s *suite) withinReason(t *testing.T, fitted models.Fitted, f *features.Frame, lowest, highest float64) {
	t.Helper()
	low, high := bounded(s.target, lowest), bounded(s.target, highest)
	room := 10*(high-low) + 1e-6*math.Max(math.Abs(low), math.Abs(high)) + 1e-9
	var out models.Forecast
	for row := range f.Rows {
		if err := fitted.Predict(f, row, &out); errors.Is(err, models.ErrNoData) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		for i := models.Median; i < len(out.Path); i += len(models.Quantiles) {
			if v := out.Path[i]; v < low-room || v > high+room {
				t.Fatalf("%s: a median of %v where %v to %v has been seen", key(f, row), v, lowest, highest)
			}
		}
	}
}

// bounded is the value nearest to v that the scale of a target can say.
func bounded(target *features.Target, v float64) float64 {
	switch target.Scale {
	case features.ScaleLog, features.ScaleCount:
		return math.Max(v, 0)
	case features.ScaleLogit:
		return min(max(v, 0), 1)
	}
	return v
}

// huge is a large value that the scale of the target allows.
func (s *suite) huge() float64 {
	if s.target.Scale == features.ScaleLogit {
		return 0.9
	}
	return 1e12
}

func boolean(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Sizes are the numbers of samples that a model is asked to learn from in
// Starved.
var sizes = []int{0, 1, 2, 3, 5, 10, 30}

// Starved fits a model on a handful of samples of one subject: it must fit, or
// say that it is too little, and what it fits must forecast.
func Starved(t *testing.T, m models.Model, target *features.Target) {
	t.Helper()
	for _, n := range sizes {
		p := Panel(target, 1, max(1, n), 3)
		var origins []int
		for i := range n {
			origins = append(origins, i)
		}
		f := extract(t, p, target, features.Options{Origins: origins, Labels: true})
		fitted, err := m.Fit(context.Background(), f, models.FitOptions{Seed: 1})
		if err != nil {
			if !errors.Is(err, models.ErrTooFewRows) {
				t.Errorf("fit %s on %d samples: got %v, want a model or ErrTooFewRows", m.Name(), n, err)
			}
			continue
		}
		checkAll(t, fitted, extract(t, p, target, features.Options{Origins: []int{p.Len - 1}}), true)
		if data, err := fitted.MarshalBinary(); err != nil || slices.Equal(data, nil) {
			t.Errorf("marshal %s of %d samples: %v", m.Name(), n, err)
		}
	}
}
