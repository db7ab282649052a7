package boost_test

import (
	"context"
	"math"
	"testing"

	"github.com/driftcast/driftcast/models/boost"
)

func logLoss(e *boost.Ensemble, d boost.Data, class []float64) float64 {
	out := make([]float64, len(class))
	e.AddRows(d.X, len(class), out)
	sum := 0.0
	for i, f := range out {
		sum += math.Log1p(math.Exp(-f * (2*class[i] - 1)))
	}
	return sum / float64(len(class))
}

func TestFitLogisticLearns(t *testing.T) {
	d, _, class := shape(4000, 6, 1)
	test, _, answers := shape(4000, 6, 2)
	e, err := boost.FitLogistic(context.Background(), d, class, nil, nil, boost.Options{Trees: 60, Leaves: 15})
	if err != nil {
		t.Fatal(err)
	}
	none, err := boost.FitLogistic(context.Background(), d, class, nil, nil, boost.Options{Trees: 1, MinLeaf: 4000})
	if err != nil {
		t.Fatal(err)
	}
	got, base := logLoss(e, test, answers), logLoss(none, test, answers)
	if got > 0.85*base {
		t.Errorf("log loss out of sample %.4f; without columns %.4f", got, base)
	}
	t.Logf("log loss %.4f, base rate %.4f", got, base)
}

// TestFitQuantilesCover has labels whose location and spread depend on
// two columns: the levels must be as wide as they should be for both halves.
func TestFitQuantilesCover(t *testing.T) {
	d, y, _ := shape(6000, 6, 1)
	test, answers, _ := shape(6000, 6, 2)
	e, err := boost.FitQuantiles(context.Background(), d, y, nil, nil, nine, boost.Options{Trees: 60, Leaves: 8, MinLeaf: 50})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(answers)*len(nine))
	e.AddRows(test.X, len(answers), out)
	for _, wide := range []bool{false, true} { // the spread is exp(x4/2)
		inside, all, width := 0, 0, 0.0
		for i, v := range answers {
			if test.X[i*test.Columns+4] > 0 != wide {
				continue
			}
			q := out[i*len(nine) : (i+1)*len(nine)]
			all++
			width += q[8] - q[0]
			if v >= q[0] && v <= q[8] {
				inside++
			}
		}
		share := float64(inside) / float64(all)
		if share < 0.74 || share > 0.86 {
			t.Errorf("wide %v: %.3f of labels within 10…90 %%, want about 0.8", wide, share)
		}
		t.Logf("wide %v: coverage %.3f, width %.2f", wide, share, width/float64(all))
	}
}
