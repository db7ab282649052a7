package boost

import (
	"context"
	"fmt"
	"math"
)

// FitLogistic boosts the logistic loss of labels y (n, each 0 or 1; anything
// else is an error). Weight (n, from 0; nil: all 1) multiplies the loss of a
// row; start (n, log-odds; nil: none) is where boosting begins. The ensemble
// has one output: the log-odds to add to start. Without start it includes the
// log-odds of the base rate, with it an ensemble of no trees is 0.
//
// A leaf moves by a Newton step, −Σgradient/(Σhessian + L2), at most 5, times
// Rate. Labels of one class and columns that never split give an ensemble
// without trees. The error of a cancelled ctx is ctx's.
func FitLogistic(ctx context.Context, d Data, y, weight, start []float64, o Options) (*Ensemble, error) {
	o = o.withDefaults()
	t, err := newTarget(d, y, weight, start, 1, o)
	if err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	for i, v := range y {
		if v != 0 && v != 1 {
			return nil, fmt.Errorf("boost: label %v in row %d: want 0 or 1", v, i)
		}
	}
	obj := &logistic{target: t, l2: o.L2, heaviest: 1}
	for i, w := range weight {
		if i == 0 || w > obj.heaviest {
			obj.heaviest = w
		}
	}
	e, err := fit(ctx, d, t, start != nil, obj, o)
	if err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return e, nil
}

// logistic is the loss log(1 + e^f) − y·f of log-odds f.
type logistic struct {
	*target
	l2       float64
	heaviest float64 // weight
}

// base is the log-odds of the base rate; where there is only one class, as if
// half a row of each had been seen besides (Jeffreys).
func (l *logistic) base(rows []int32) []float64 {
	var ones, zeros float64
	for _, r := range rows {
		w := l.weightOf(int(r))
		ones += w * l.y[r]
		zeros += w * (1 - l.y[r])
	}
	if ones == 0 || zeros == 0 {
		ones += 0.5
		zeros += 0.5
	}
	return []float64{math.Log(ones / zeros)}
}

func (l *logistic) packing(rows int) packing {
	return newPacking(rows, l.heaviest, l.heaviest/4, false)
}

func (l *logistic) word(p *packing, row int) cell {
	q := 1 / (1 + math.Exp(-l.scores[row]))
	w := l.weightOf(row)
	return p.word(w*(l.y[row]-q), 0, w*q*(1-q))
}

// longest bounds the Newton step of a leaf of rare positives, whose hessian is
// next to nothing.
const longest = 5

func (l *logistic) leaf(_ []int32, gradient, hessian float64, out []float64) {
	if hessian += l.l2; hessian > 0 {
		out[0] = max(-longest, min(longest, gradient/hessian))
	}
}

func (l *logistic) loss(row int) float64 {
	f := l.scores[row]
	return math.Max(f, 0) + math.Log1p(math.Exp(-math.Abs(f))) - l.y[row]*f
}
