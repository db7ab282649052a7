package models_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// announced is a level that jumps over its bound ten minutes after a covariate
// says so, where announce is set; else now and then.
func announced(subjects, steps int, announce bool) (*features.Panel, *features.Target) {
	target := &features.Target{
		Name: "Latency", Level: "latency", Interval: time.Minute, Scale: features.ScaleRaw, Season: 60,
		Objective: &features.Objective{Op: "<", Bound: 2}, Horizons: []time.Duration{15 * time.Minute, time.Hour},
		Subject: collector.SubjectSpec{Kind: "pod"}, Signals: []string{"errors"},
	}
	rng := rand.New(rand.NewPCG(1, 7))
	p := &features.Panel{Start: time.Unix(0, 0), Interval: time.Minute, Len: steps, Signals: []string{"Latency", "errors"}, Values: make([][]float64, 2*subjects)}
	for s := range subjects {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "pod", Name: fmt.Sprint(s)})
		y, x := make([]float64, steps), make([]float64, steps)
		for i := range y {
			y[i], x[i] = 1+0.1*rng.NormFloat64(), 0
		}
		for i := 60; i+20 < steps; i += 60 + rng.IntN(200) {
			for k := range 15 {
				if announce {
					x[i+k] = 1
				}
			}
			for k := 10; k < 15; k++ {
				y[i+k] = 4
			}
		}
		p.Values[s], p.Values[subjects+s] = y, x
	}
	return p, target
}

func TestBreachesAreForeseenByWhatAnnouncesThem(t *testing.T) {
	for name, announce := range map[string]bool{"announced": true, "out of the blue": false} {
		t.Run(name, func(t *testing.T) {
			p, target := announced(8, 3000, announce)
			f, err := features.Extract(p, target, features.Options{Origins: features.Origins(p, 5*time.Minute, time.Time{}, time.Time{}), Leads: []int{1, 15, 60}, Labels: true})
			if err != nil {
				t.Fatal(err)
			}
			plain := fitOn(t, models.WindowQuantile{}, f)
			fitted, err := models.Breach{Level: models.WindowQuantile{}}.Fit(context.Background(), f, models.FitOptions{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			data, err := fitted.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			again, err := models.Unmarshal(data)
			if err != nil {
				t.Fatal(err)
			}
			var a, b, c models.Forecast
			var own, best, y []float64
			for row := range f.Rows {
				for m, out := range map[models.Fitted]*models.Forecast{plain: &a, fitted: &b, again: &c} {
					if err := m.Predict(f, row, out); err != nil {
						t.Fatal(err)
					}
				}
				if fmt.Sprint(b) != fmt.Sprint(c) {
					t.Fatalf("row %d: %v, after a round trip %v", row, b, c)
				}
				if fmt.Sprint(a.Path) != fmt.Sprint(b.Path) || a.Model != b.Model {
					t.Fatalf("row %d: another path", row)
				}
				if label := f.Label(row, 0); !math.IsNaN(label) {
					own, best, y = append(own, a.Risks[0].Probability), append(best, b.Risks[0].Probability), append(y, label)
				}
			}
			before, after := models.Brier(own, y), models.Brier(best, y)
			if after > before+1e-9 || announce && after > 0.7*before {
				t.Errorf("Brier score %.4f, of the path %.4f", after, before)
			}
		})
	}
}

func TestNoObjectiveNoBreach(t *testing.T) {
	p, target := announced(3, 600, true)
	target.Objective = nil
	f, err := features.Extract(p, target, features.Options{Origins: features.Origins(p, 5*time.Minute, time.Time{}, time.Time{}), Leads: []int{1}, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	var out models.Forecast
	fitted := fitOn(t, models.Breach{Level: models.Naive{}}, f)
	if err := fitted.Predict(f, 5, &out); err != nil || len(out.Risks) > 0 {
		t.Errorf("risks %v, error %v: want none", out.Risks, err)
	}
}
