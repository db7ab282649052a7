package boost

// Explain writes what each column contributed to one output for the row x
// (length Columns) into phi (length Columns) and returns the expected output,
// so that expected plus the sum of phi is what Add adds, up to rounding.
//
// The contributions are Shapley values of the game in which a tree that may
// not look at a column follows both branches, in the shares of its training
// rows (path-dependent TreeSHAP: Lundberg, Erion and Lee, "Consistent
// individualized feature attribution for tree ensembles", 2018, algorithm 2).
// Time is leaves × depth² of every tree.
func (e *Ensemble) Explain(x []float64, output int, phi []float64) float64 {
	clear(phi)
	w := walk{e: e, x: x, output: output, phi: phi}
	longest := min(e.depth, e.columns) + 2 // a path names a column once
	room := make([]step, (e.depth+2)*longest)
	for _, root := range e.roots {
		w.visit(root, room, 0, step{column: -1, zero: 1, one: 1})
	}
	return e.expected[output]
}

// walk is one row on its way through the trees.
type walk struct {
	e      *Ensemble
	x      []float64
	output int
	phi    []float64
}

// step is a column that the path to a node split on. Zero is the share of
// training rows that pass the column's splits, one is 1 where x passes them
// and else 0, and weight is the sum over the subsets of the path's columns
// with so many members as the step's rank, of their share of permutations.
type step struct {
	column            int
	zero, one, weight float64
}

// visit goes on from a node. The path to its parent is room[:n]; its own, one
// step longer, is written behind, so that the sibling still finds the parent's.
func (w *walk) visit(at int32, room []step, n int, last step) {
	path := room[n : 2*n+1]
	copy(path, room[:n])
	extend(path, last)
	node := &w.e.nodes[at]
	if node.leaf {
		value := w.e.values[int(node.child)*w.e.outputs+w.output]
		for i := 1; i < len(path); i++ {
			w.phi[path[i].column] += unwound(path, i) * (path[i].one - path[i].zero) * value
		}
		return
	}
	zero, one := 1.0, 1.0 // of an earlier split of the same column
	for i := 1; i < len(path); i++ {
		if path[i].column == int(node.column) {
			zero, one = path[i].zero, path[i].one
			path = unwind(path, i)
			break
		}
	}
	next := node.next(w.x)
	for child := node.child; child <= node.child+1; child++ {
		s := step{column: int(node.column), zero: zero * float64(w.e.cover[child]) / float64(w.e.cover[at])}
		if child == next {
			s.one = one
		}
		w.visit(child, room[n:], len(path), s)
	}
}

// extend puts a step at the end of a path whose other steps stand.
func extend(path []step, s step) {
	last := len(path) - 1
	path[last] = s
	if last == 0 {
		path[0].weight = 1
	}
	for i := last - 1; i >= 0; i-- {
		path[i+1].weight += s.one * path[i].weight * float64(i+1) / float64(last+1)
		path[i].weight *= s.zero * float64(last-i) / float64(last+1)
	}
}

// unwind takes the step at i out again.
func unwind(path []step, i int) []step {
	last := len(path) - 1
	s, carried := path[i], path[last].weight
	for j := last - 1; j >= 0; j-- {
		if s.one != 0 {
			before := path[j].weight
			path[j].weight = carried * float64(last+1) / (float64(j+1) * s.one)
			carried = before - path[j].weight*s.zero*float64(last-j)/float64(last+1)
		} else {
			path[j].weight *= float64(last+1) / (s.zero * float64(last-j))
		}
	}
	for j := i; j < last; j++ {
		path[j].column, path[j].zero, path[j].one = path[j+1].column, path[j+1].zero, path[j+1].one
	}
	return path[:last]
}

// unwound is the sum of the weights that unwind would leave.
func unwound(path []step, i int) float64 {
	last := len(path) - 1
	s, carried, sum := path[i], path[last].weight, 0.0
	for j := last - 1; j >= 0; j-- {
		if s.one != 0 {
			weight := carried * float64(last+1) / (float64(j+1) * s.one)
			carried = path[j].weight - weight*s.zero*float64(last-j)/float64(last+1)
			sum += weight
		} else {
			sum += path[j].weight * float64(last+1) / (s.zero * float64(last-j))
		}
	}
	return sum
}
