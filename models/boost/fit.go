package boost

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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
	// words are the packed negative gradient and the hessian of the loss in the scores of a row.
	words(p *packing, row int) (a, b int64)
	// leaf writes what the rows of a leaf should move by, unshrunk.
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
	e.seal()
	return e, nil
}

// booster adds trees to an ensemble.
type booster struct {
	data      Data
	target    *target
	objective objective
	options   Options
	crew      crew
	grower    *grower
	ensemble  *Ensemble
	gains     []float64 // per node of the ensemble
	grown     []int32   // rows to grow from
	held      []int32   // rows to stop by
	drawn     []bool    // per row: in the tree that grows
	random    *rand.Rand
}

func (b *booster) run(ctx context.Context) error {
	best, lowest := 0, math.Inf(1)
	if b.options.Patience > 0 {
		lowest = b.heldLoss()
	}
	for tree := range b.options.Trees {
		split, err := b.add(ctx)
		if err != nil {
			return err
		}
		if !split && b.options.Rows == 1 && b.options.Columns == 1 {
			break // nor would any tree to come
		}
		if b.options.Progress != nil {
			b.options.Progress(tree+1, b.options.Trees)
		}
		if b.options.Patience > 0 && split {
			if loss := b.heldLoss(); loss < lowest {
				best, lowest = b.ensemble.Trees(), loss
			} else if b.ensemble.Trees()-best >= b.options.Patience {
				break
			}
		}
	}
	if b.options.Patience > 0 {
		b.ensemble.keep(best)
	}
	total := 0.0
	for i, n := range b.ensemble.nodes {
		if !n.leaf {
			b.ensemble.gain[n.column] += b.gains[i]
			total += b.gains[i]
		}
	}
	if total > 0 {
		for j := range b.ensemble.gain {
			b.ensemble.gain[j] /= total
		}
	}
	return nil
}

// add grows a tree and moves the scores by it, or says that nothing splits.
func (b *booster) add(ctx context.Context) (bool, error) {
	g := b.grower
	b.draw()
	g.packing = b.objective.packing(len(g.rows))
	b.crew.rows(len(g.rows), func(lo, hi int) {
		for _, r := range g.rows[lo:hi] {
			g.words[0][r], g.words[1][r] = b.objective.words(&g.packing, int(r))
		}
	})
	nodes, gains, leaves, err := g.grow(ctx)
	if err != nil || len(leaves) == 1 {
		return false, err
	}
	e, k := b.ensemble, b.target.outputs
	root, first := int32(len(e.nodes)), int32(len(e.values)/k)
	covers := make([]int32, len(nodes))
	for _, l := range leaves {
		covers[l.node] = int32(l.hi - l.lo)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if n := &nodes[i]; n.leaf {
			n.child += first
		} else {
			covers[i] = covers[n.child] + covers[n.child+1]
			n.child += root
		}
	}
	e.roots = append(e.roots, root)
	e.nodes = append(e.nodes, nodes...)
	e.cover = append(e.cover, covers...)
	b.gains = append(b.gains, gains...)
	values := make([]float64, len(leaves)*k)
	e.values = append(e.values, values...)
	b.crew.each(len(leaves), func(_, i int) {
		l := &leaves[i]
		rows, out := g.rows[l.lo:l.hi], values[i*k:(i+1)*k]
		gradient, _, hessian := g.packing.sums(l.total)
		b.objective.leaf(rows, gradient, hessian, out)
		for j := range out {
			out[j] *= b.options.Rate
		}
		for _, r := range rows {
			b.move(int(r), out)
		}
	})
	copy(e.values[int(first)*k:], values)
	if len(g.rows) < len(b.drawn) {
		b.crew.rows(len(b.drawn), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if !b.drawn[i] {
					leaf := e.leaf(root, b.data.X[i*e.columns:(i+1)*e.columns])
					b.move(i, values[(leaf-int(first))*k:][:k])
				}
			}
		})
	}
	return true, nil
}

// move adds a leaf's values to the scores of a row.
func (b *booster) move(row int, values []float64) {
	scores := b.target.scores[row*len(values):]
	for j, v := range values {
		scores[j] += v
	}
}

// draw chooses the rows and columns of the next tree: exactly the share that
// the options ask for, at least one.
func (b *booster) draw() {
	g := b.grower
	g.rows = g.rows[:0]
	clear(b.drawn)
	b.choose(len(b.grown), b.options.Rows, func(i int) {
		g.rows = append(g.rows, b.grown[i])
		b.drawn[b.grown[i]] = true
	})
	clear(g.tried)
	b.choose(len(g.tried), b.options.Columns, func(i int) { g.tried[i] = true })
}

// choose calls take for a share of 0…n−1, in order (Knuth's algorithm S).
func (b *booster) choose(n int, share float64, take func(i int)) {
	want := max(1, int(math.Round(share*float64(n))))
	for i := range n {
		if want == n-i || b.random.Float64()*float64(n-i) < float64(want) {
			take(i)
			want--
		}
	}
}

// heldLoss is the mean loss of the held rows.
func (b *booster) heldLoss() float64 {
	parts := make([][2]float64, (len(b.held)+stretch-1)/stretch)
	b.crew.rows(len(b.held), func(lo, hi int) {
		var sum, weights float64
		for _, r := range b.held[lo:hi] {
			w := b.target.weightOf(int(r))
			sum += w * b.objective.loss(int(r))
			weights += w
		}
		parts[lo/stretch] = [2]float64{sum, weights}
	})
	var sum, weights float64
	for _, p := range parts {
		sum += p[0]
		weights += p[1]
	}
	return sum / weights
}
