package models_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// wide is a labelled frame of rows × columns with a linear hazard.
func wide(rows, columns int) *features.Frame {
	rng := rand.New(rand.NewPCG(1, 1))
	k := knownHazard(1, 20, 0.001)
	f := &features.Frame{Target: k.frame.Target, Panel: k.frame.Panel}
	f.Panel.Len = rows + 100
	for s := range f.Panel.Subjects {
		f.Panel.Values[s] = make([]float64, f.Panel.Len)
	}
	for j := range columns {
		f.Columns = append(f.Columns, features.Column{Name: fmt.Sprintf("c%d", j), Signal: "s"})
	}
	for i := range rows {
		z := -3.0
		for j := range columns {
			x := rng.NormFloat64()
			z += x / float64(j+2)
			f.X = append(f.X, x)
		}
		f.Rows = append(f.Rows, features.Row{Subject: i % 20, Origin: i / 20})
		for range f.Target.Horizons {
			label := 0.0
			if rng.Float64() < 1/(1+math.Exp(-z)) {
				label = 1
			}
			f.Labels = append(f.Labels, label)
		}
	}
	return f
}

func BenchmarkFitEvent(b *testing.B) {
	f := wide(50_000, 50)
	for _, m := range []models.Model{models.Logistic{}, models.Forest{}, models.Network{}} {
		b.Run(m.Name(), func(b *testing.B) {
			for b.Loop() {
				if _, err := m.Fit(context.Background(), f, models.FitOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPredictEvent(b *testing.B) {
	target := eventTarget()
	p := modeltest.Panel(target, 8, 3000, 1)
	f, err := features.Extract(p, target, features.Options{Origins: features.Origins(p, 5*time.Minute, time.Time{}, time.Time{}), Labels: true})
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range models.Catalog(target) {
		fitted := fitOn(b, m, f)
		b.Run(fmt.Sprintf("%s/%d columns", m.Name(), len(f.Columns)), func(b *testing.B) {
			b.ReportAllocs()
			var out models.Forecast
			row := 0
			for b.Loop() {
				if err := fitted.Predict(f, row, &out); err != nil {
					b.Fatal(err)
				}
				row = (row + 1) % len(f.Rows)
			}
		})
	}
}

func TestPredictDoesNotAllocate(t *testing.T) {
	target := eventTarget()
	p := modeltest.Panel(target, 4, 1500, 1)
	f, err := features.Extract(p, target, features.Options{Origins: features.Origins(p, 5*time.Minute, time.Time{}, time.Time{}), Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models.Catalog(target) {
		fitted := fitOn(t, m, f)
		var out models.Forecast
		row := 0
		if got := testing.AllocsPerRun(100, func() {
			if err := fitted.Predict(f, row, &out); err != nil {
				t.Fatal(err)
			}
			row++
		}); got > 0 {
			t.Errorf("%s: %v allocations a row, want none", m.Name(), got)
		}
	}
}
