package boost

import (
	"context"
	"math"
	"math/rand/v2"
)

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
			g.words[r] = b.objective.word(&g.packing, int(r))
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
