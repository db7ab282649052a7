package boost_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/models/boost"
)

func TestCancelled(t *testing.T) {
	d, y, class := shape(500, 5, 1)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := boost.FitLogistic(cancelled, d, class, nil, nil, boost.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v before the start", err)
	}
	cancelled, cancel = context.WithCancel(ctx)
	o := boost.Options{Trees: 1000, Progress: func(done, _ int) {
		if done == 3 {
			cancel()
		} else if done > 3 {
			t.Error("goes on after cancel")
		}
	}}
	if _, err := boost.FitQuantiles(cancelled, d, y, nil, nil, nine, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v on the way", err)
	}
}

func TestRefuses(t *testing.T) {
	x := []float64{1, 2, 3, 4}
	d := boost.Data{X: x, Columns: 1}
	y := []float64{0, 1, 0, 1}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		want             string
		d                boost.Data
		y, weight, start []float64
		o                boost.Options
	}{
		{want: "no rows", d: boost.Data{Columns: 1}},
		{want: "0 columns", d: boost.Data{}, y: y},
		{want: "4 numbers for 3 rows", d: d, y: y[:3]},
		{want: "label NaN in row 1", d: d, y: []float64{0, nan, 1, 0}},
		{want: "label +Inf in row 0", d: d, y: []float64{inf, 1, 1, 0}},
		{want: "1 weights", d: d, y: y, weight: x[:1]},
		{want: "weight -1 in row 2", d: d, y: y, weight: []float64{1, 1, -1, 1}},
		{want: "weight NaN in row 0", d: d, y: y, weight: []float64{nan, 1, 1, 1}},
		{want: "all are held back or weigh nothing", d: d, y: y, weight: make([]float64, 4)},
		{want: "all are held back or weigh nothing", d: d, y: y, o: boost.Options{Held: []bool{true, true, true, true}}},
		{want: "2 starts", d: d, y: y, start: x[:2]},
		{want: "start NaN in row 3", d: d, y: y, start: []float64{0, 0, 0, nan}},
		{want: "-1 trees", d: d, y: y, o: boost.Options{Trees: -1}},
		{want: "1 leaves", d: d, y: y, o: boost.Options{Leaves: 1}},
		{want: "-2 rows in the smallest leaf", d: d, y: y, o: boost.Options{MinLeaf: -2}},
		{want: "depth -1", d: d, y: y, o: boost.Options{Depth: -1}},
		{want: "rate 2", d: d, y: y, o: boost.Options{Rate: 2}},
		{want: "rate NaN", d: d, y: y, o: boost.Options{Rate: nan}},
		{want: "l2 -1", d: d, y: y, o: boost.Options{L2: -1}},
		{want: "256 bins", d: d, y: y, o: boost.Options{Bins: 256}},
		{want: "share of rows 1.5", d: d, y: y, o: boost.Options{Rows: 1.5}},
		{want: "share of columns -1", d: d, y: y, o: boost.Options{Columns: -1}},
		{want: "patience -1", d: d, y: y, o: boost.Options{Patience: -1}},
		{want: "patience 1 without held rows", d: d, y: y, o: boost.Options{Patience: 1}},
		{want: "patience without held rows", d: d, y: y, o: boost.Options{Patience: 1, Held: make([]bool, 4)}},
		{want: "1 marks of held rows for 4", d: d, y: y, o: boost.Options{Held: make([]bool, 1)}},
	} {
		_, byLogistic := boost.FitLogistic(ctx, c.d, c.y, c.weight, c.start, c.o)
		_, byQuantiles := boost.FitQuantiles(ctx, c.d, c.y, c.weight, c.start, []float64{0.5}, c.o)
		for _, err := range []error{byLogistic, byQuantiles} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		}
	}
	if _, err := boost.FitLogistic(ctx, d, []float64{0, 1, 0.5, 1}, nil, nil, boost.Options{}); err == nil {
		t.Error("half a label is accepted")
	}
	if _, err := boost.FitQuantiles(ctx, boost.Data{X: x, Columns: 1}, []float64{-1.7e308, 1.7e308, -1.7e308, 1.7e308}, nil, nil, nine, boost.Options{MinLeaf: 1, Rate: 1}); err == nil || !strings.Contains(err.Error(), "overflow") {
		t.Errorf("got %v for labels that overflow", err)
	}
	for _, levels := range [][]float64{nil, {0}, {1}, {nan}, {0.5, 0.5}, {0.9, 0.1}} {
		if _, err := boost.FitQuantiles(ctx, d, y, nil, nil, levels, boost.Options{}); err == nil {
			t.Errorf("levels %v are accepted", levels)
		}
	}
}

// TestNothingToSplit: no trees, and the base alone.
func TestNothingToSplit(t *testing.T) {
	nan := math.NaN()
	ones, constant, missing, varied := []float64{1, 1, 1, 1}, []float64{7, 7, 7, 7}, []float64{nan, nan, nan, nan}, []float64{1, 2, 3, 4}
	half := []float64{0, 1, 0, 1}
	o := boost.Options{MinLeaf: 1, Rows: 0.5}
	for _, c := range []struct {
		name     string
		x, class []float64
		want     float64 // log-odds
	}{
		{"one class", varied, ones, math.Log(4.5 / 0.5)},
		{"the other class", varied, make([]float64, 4), math.Log(0.5 / 4.5)},
		{"constant column", constant, half, 0},
		{"all missing", missing, half, 0},
	} {
		e := logistic(t, boost.Data{X: c.x, Columns: 1}, c.class, o)
		if got := predict(e, []float64{2}); e.Trees() != 0 || math.Abs(got[0]-c.want) > 1e-12 {
			t.Errorf("%s: log-odds %v after %d trees, want %v after none", c.name, got, e.Trees(), c.want)
		}
		if e.Importance()[0] != 0 {
			t.Errorf("%s: importance %v", c.name, e.Importance())
		}
	}
	e := quantiles(t, boost.Data{X: varied, Columns: 1}, constant, o)
	for _, got := range predict(e, []float64{2}) {
		if got != 7 || e.Trees() != 0 {
			t.Errorf("constant labels: %v after %d trees, want 7 after none", got, e.Trees())
		}
	}
	if e := quantiles(t, boost.Data{X: []float64{3}, Columns: 1}, []float64{5}, boost.Options{}); predict(e, []float64{nan})[0] != 5 {
		t.Error("one row is not its own quantile")
	}
}
