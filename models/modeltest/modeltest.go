// Package modeltest is the conformance suite that every model passes.
package modeltest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Run checks a model on made-up panels of a target (a level or an event; give
// it short horizons, so that the panels stay small): it is deterministic under
// its seed, blind to the future, the same after a round trip through bytes,
// safe for concurrent Predict, honest on missing data, well-formed, and has a
// defined answer to degenerate input.
func Run(t *testing.T, m models.Model, target *features.Target) {
	t.Helper()
	s := newSuite(t, m, target)
	t.Run("fit is deterministic and ignores what comes later", s.fitsAgain)
	t.Run("predict ignores the future", s.predictIgnoresFuture)
	t.Run("round trip", s.roundTrip)
	t.Run("concurrent", s.concurrent)
	t.Run("reuses out", s.reusesOut)
	t.Run("well formed", s.wellFormed)
	t.Run("order of subjects", s.orderOfSubjects)
	t.Run("missing data", s.missingData)
	t.Run("degenerate", s.degenerate)
	t.Run("cancelled", s.cancelled)
}

// suite is a model with a panel, what it learned there, and what it is asked.
type suite struct {
	model    models.Model
	target   *features.Target
	panel    *features.Panel
	trained  int // last training origin
	origins  []int
	fitted   models.Fitted
	forecast *features.Frame
}

// reach is how many steps past its origin a label looks.
func reach(t *features.Target) int {
	steps := 1
	for _, h := range t.Horizons {
		steps = max(steps, int(h/t.Interval))
	}
	return steps + int(t.For/t.Interval) + 2
}

func newSuite(t *testing.T, m models.Model, target *features.Target) *suite {
	t.Helper()
	far := reach(target)
	s := &suite{model: m, target: target}
	s.trained = 500 + far
	s.panel = Panel(target, 4, s.trained+2*far+120, 7)
	for i := s.trained + far; i < s.trained+far+100; i += 9 {
		s.origins = append(s.origins, i)
	}
	s.fitted = s.fit(t, s.panel)
	s.forecast = s.ask(t, s.panel)
	return s
}

// trainEvery is how many grid steps lie between the origins that are learned
// from: some five hundred rows, as many as every learner needs to learn
// something and few enough to learn a dozen times.
const trainEvery = 4

func (s *suite) train(t *testing.T, p *features.Panel) *features.Frame {
	return s.trainOn(t, p, trainEvery)
}

// trainFew is for a model of which no more is asked than a sound forecast.
func (s *suite) trainFew(t *testing.T, p *features.Panel) *features.Frame {
	return s.trainOn(t, p, 2*trainEvery)
}

func (s *suite) trainOn(t *testing.T, p *features.Panel, every int) *features.Frame {
	t.Helper()
	var origins []int
	for i := min(40, p.Len/4); i <= min(s.trained, p.Len-1); i += every {
		origins = append(origins, i)
	}
	return extract(t, p, s.target, features.Options{Origins: origins, Labels: true})
}

func (s *suite) fit(t *testing.T, p *features.Panel) models.Fitted {
	t.Helper()
	fitted, err := s.model.Fit(context.Background(), s.train(t, p), models.FitOptions{Seed: 11})
	if err != nil {
		t.Fatalf("fit %s: %v", s.model.Name(), err)
	}
	return fitted
}

func (s *suite) ask(t *testing.T, p *features.Panel) *features.Frame {
	t.Helper()
	f := extract(t, p, s.target, features.Options{Origins: s.origins})
	if len(f.Rows) == 0 {
		t.Fatal("no row to forecast")
	}
	return f
}

func extract(t *testing.T, p *features.Panel, target *features.Target, o features.Options) *features.Frame {
	t.Helper()
	f, err := features.Extract(p, target, o)
	if err != nil {
		t.Fatalf("extract: %v", err)
	}
	return f
}

// predict forecasts every row of a frame, by subject and origin.
func predict(t *testing.T, fitted models.Fitted, f *features.Frame) map[string]models.Forecast {
	t.Helper()
	all := make(map[string]models.Forecast, len(f.Rows))
	for row := range f.Rows {
		var out models.Forecast
		if err := fitted.Predict(f, row, &out); err != nil {
			t.Fatalf("predict %s at %s: %v", f.SubjectOf(row), f.OriginOf(row), err)
		}
		all[key(f, row)] = out
	}
	return all
}

func key(f *features.Frame, row int) string {
	return f.SubjectOf(row).String() + " " + f.OriginOf(row).Format(time.RFC3339)
}

func same(t *testing.T, got, want map[string]models.Forecast) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d forecasts, want %d", len(got), len(want))
	}
	for k, w := range want {
		if g := got[k]; !equal(g, w) {
			t.Fatalf("%s: forecasts differ (-want +got):\n%.2000s", k, cmp.Diff(w, g, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()))
		}
	}
}

// equal says that two forecasts are the same to the last bit.
func equal(a, b models.Forecast) bool {
	number := func(x, y float64) bool { return x == y || (math.IsNaN(x) && math.IsNaN(y)) }
	return a.Target == b.Target && a.Subject == b.Subject && a.Model == b.Model &&
		a.Origin.Equal(b.Origin) && a.Interval == b.Interval && slices.Equal(a.Leads, b.Leads) &&
		slices.EqualFunc(a.Path, b.Path, number) &&
		slices.EqualFunc(a.Risks, b.Risks, func(x, y models.Risk) bool {
			return x.Horizon == y.Horizon && number(x.Probability, y.Probability)
		}) &&
		slices.EqualFunc(a.Drivers, b.Drivers, func(x, y models.Driver) bool {
			return x.Column == y.Column && x.Text == y.Text && number(x.Value, y.Value) && number(x.Contribution, y.Contribution)
		})
}

func bytesOf(t *testing.T, fitted models.Fitted) []byte {
	t.Helper()
	data, err := fitted.MarshalBinary()
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return data
}

// fitsAgain learns under the same seed from the same past with another future:
// that is the same fit where a fit is deterministic and blind to what comes
// later. Where it is not, the fit from the very same panel says which.
func (s *suite) fitsAgain(t *testing.T) {
	again := s.fit(t, scramble(s.panel, s.trained+reach(s.target)+1))
	if bytes.Equal(bytesOf(t, again), bytesOf(t, s.fitted)) {
		same(t, predict(t, again, s.forecast), predict(t, s.fitted, s.forecast))
		return
	}
	if again = s.fit(t, s.panel); !bytes.Equal(bytesOf(t, again), bytesOf(t, s.fitted)) {
		t.Error("two fits under one seed have different bytes")
		return
	}
	t.Error("what comes after the last label changes the fit")
}

func (s *suite) predictIgnoresFuture(t *testing.T) {
	want := predict(t, s.fitted, s.forecast)
	for _, origin := range s.origins {
		f := extract(t, scramble(s.panel, origin+1), s.target, features.Options{Origins: []int{origin}})
		for row := range f.Rows {
			var got models.Forecast
			if err := s.fitted.Predict(f, row, &got); err != nil {
				t.Fatal(err)
			}
			k := key(f, row)
			same(t, map[string]models.Forecast{k: got}, map[string]models.Forecast{k: want[k]})
		}
	}
}

// scramble replaces everything from a step on.
func scramble(p *features.Panel, from int) *features.Panel {
	c := clone(p)
	for _, v := range c.Values {
		for i := from; i < len(v); i++ {
			switch i % 3 {
			case 0:
				v[i] = math.NaN()
			case 1:
				v[i] = 1 - v[i]
			default:
				v[i] = float64(i % 2)
			}
		}
	}
	return c
}

func (s *suite) roundTrip(t *testing.T) {
	data := bytesOf(t, s.fitted)
	read, err := models.Unmarshal(data)
	if err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	if !bytes.Equal(bytesOf(t, read), data) {
		t.Error("bytes differ after a round trip")
	}
	same(t, predict(t, read, s.forecast), predict(t, s.fitted, s.forecast))
	for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
		if _, err := models.Unmarshal(data[:n]); !errors.Is(err, models.ErrCorrupt) {
			t.Errorf("unmarshal of %d of %d bytes: got %v, want ErrCorrupt", n, len(data), err)
		}
	}
}

func (s *suite) concurrent(t *testing.T) {
	want := predict(t, s.fitted, s.forecast)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var out models.Forecast
			for row := range s.forecast.Rows {
				if err := s.fitted.Predict(s.forecast, row, &out); err != nil {
					t.Errorf("predict: %v", err)
					return
				}
				if !equal(out, want[key(s.forecast, row)]) {
					t.Errorf("%s: another forecast when predicted concurrently", key(s.forecast, row))
				}
			}
		})
	}
	wg.Wait()
}

func (s *suite) reusesOut(t *testing.T) {
	want := predict(t, s.fitted, s.forecast)
	out := models.Forecast{
		Target: "other", Model: "other", Leads: []int{9, 9}, Path: []float64{9, 8, 7},
		Risks: []models.Risk{{Horizon: 1, Probability: 7}}, Drivers: []models.Driver{{Text: "other"}},
	}
	for row := range s.forecast.Rows {
		if err := s.fitted.Predict(s.forecast, row, &out); err != nil {
			t.Fatal(err)
		}
		k := key(s.forecast, row)
		same(t, map[string]models.Forecast{k: out}, map[string]models.Forecast{k: want[k]})
	}
}

func (s *suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.model.Fit(ctx, s.train(t, s.panel), models.FitOptions{Seed: 11}); !errors.Is(err, context.Canceled) {
		t.Errorf("fit with an ended context: got %v, want context.Canceled", err)
	}
}
