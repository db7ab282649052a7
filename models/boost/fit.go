package boost

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// target is what a fit is after: labels, weights and the outputs so far.
type target struct {
	y       []float64
	weight  []float64 // nil: all 1
	outputs int
	scores  []float64 // n × outputs: start plus what has been boosted so far
}

func (t *target) weightOf(row int) float64 {
	if t.weight == nil {
		return 1
	}
	return t.weight[row]
}

// objective is a loss to boost.
type objective interface {
	// base returns what every row starts from where it has no start of its own.
	base(rows []int32) []float64
	// packing makes room for so many rows.
	packing(rows int) packing
	// word packs the negative gradient and the hessian of the loss in the scores of a row.
	word(p *packing, row int) cell
	// leaf writes what the rows of a leaf should move by, before Rate.
	leaf(rows []int32, gradient, hessian float64, out []float64)
	// loss is the loss of a row, not weighted.
	loss(row int) float64
}

// newTarget checks what both fits are given and makes scores of start.
func newTarget(d Data, y, weight, start []float64, outputs int, o Options) (*target, error) {
	n := len(y)
	switch {
	case n == 0:
		return nil, errors.New("no rows")
	case n > maxRows:
		return nil, fmt.Errorf("%d rows: thin them to %d", n, maxRows)
	case d.Columns < 1 || d.Columns > maxColumns:
		return nil, fmt.Errorf("%d columns: want 1…%d", d.Columns, maxColumns)
	case len(d.X) != n*d.Columns:
		return nil, fmt.Errorf("%d numbers for %d rows of %d columns", len(d.X), n, d.Columns)
	case weight != nil && len(weight) != n:
		return nil, fmt.Errorf("%d weights for %d rows", len(weight), n)
	case start != nil && len(start) != n*outputs:
		return nil, fmt.Errorf("%d starts for %d rows of %d outputs", len(start), n, outputs)
	}
	if err := o.validate(n); err != nil {
		return nil, err
	}
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("label %v in row %d: leave such rows out", v, i)
		}
	}
	for i, w := range weight {
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("weight %v in row %d: want a number from 0", w, i)
		}
	}
	for i, v := range start {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("start %v in row %d: leave such rows out", v, i/outputs)
		}
	}
	t := &target{y: y, weight: weight, outputs: outputs}
	if t.scores = make([]float64, n*outputs); start != nil {
		copy(t.scores, start)
	}
	return t, nil
}

// fit boosts an objective. Rows of weight 0 take no part.
func fit(ctx context.Context, d Data, t *target, started bool, obj objective, o Options) (*Ensemble, error) {
	n := len(t.y)
	use := make([]bool, n)
	var grown, held []int32
	for i := range n {
		switch {
		case t.weightOf(i) == 0:
		case o.Held != nil && o.Held[i]:
			held = append(held, int32(i))
		default:
			use[i] = true
			grown = append(grown, int32(i))
		}
	}
	if len(grown) == 0 {
		return nil, errors.New("no rows to grow from: all are held back or weigh nothing")
	}
	if o.Patience > 0 && len(held) == 0 {
		return nil, errors.New("patience without held rows: hold some back or set it to 0")
	}
	crew := newCrew()
	table, err := newTable(ctx, d, use, o.Bins, crew)
	if err != nil {
		return nil, err
	}
	e := &Ensemble{columns: d.Columns, outputs: t.outputs, base: make([]float64, t.outputs), gain: make([]float64, d.Columns)}
	if !started {
		e.base = obj.base(grown)
		for i := range t.scores {
			t.scores[i] = e.base[i%t.outputs]
		}
	}
	b := booster{data: d, target: t, objective: obj, options: o, crew: crew, grower: newGrower(table, crew, o),
		ensemble: e, grown: grown, held: held, drawn: make([]bool, n),
		random: rand.New(rand.NewPCG(o.Seed, 0))}
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(slices.Concat(e.base, e.values), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
		return nil, errors.New("numbers overflow: scale labels, starts or weights down")
	}
	e.seal()
	return e, nil
}
