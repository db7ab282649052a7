package boost

// Quantile is quantile for tests: values with their weights.
func Quantile(values, weights []float64, level float64) float64 {
	v := make([]weighted, len(values))
	for i := range v {
		v[i] = weighted{values[i], weights[i]}
	}
	return quantile(v, level)
}

// Conditional is what one output is expected to be where only the known
// columns of x may be looked at: other splits send on the shares of their
// training rows.
func (e *Ensemble) Conditional(x []float64, known []bool, output int) float64 {
	var visit func(at int32) float64
	visit = func(at int32) float64 {
		n := &e.nodes[at]
		switch {
		case n.leaf:
			return e.values[int(n.child)*e.outputs+output]
		case known[n.column]:
			return visit(n.next(x))
		}
		left, right := float64(e.cover[n.child]), float64(e.cover[n.child+1])
		return (left*visit(n.child) + right*visit(n.child+1)) / (left + right)
	}
	sum := e.base[output]
	for _, root := range e.roots {
		sum += visit(root)
	}
	return sum
}

// Leaves returns the number of training rows of every leaf.
func (e *Ensemble) Leaves() []int {
	var covers []int
	for i, n := range e.nodes {
		if n.leaf {
			covers = append(covers, int(e.cover[i]))
		}
	}
	return covers
}

// Fallen returns how many rows of x fall into every leaf, in the order of Leaves.
func (e *Ensemble) Fallen(x []float64) []int {
	by := make([]int, len(e.values)/e.outputs)
	for i := 0; i < len(x); i += e.columns {
		for _, root := range e.roots {
			by[e.leaf(root, x[i:i+e.columns])]++
		}
	}
	var counts []int
	for _, n := range e.nodes {
		if n.leaf {
			counts = append(counts, by[n.child])
		}
	}
	return counts
}

// Cuts returns where newTable would cut a column.
func Cuts(values []float64, bins int) []float64 {
	keys := make([]uint64, len(values))
	for i, v := range values {
		keys[i] = orderedKey(v)
	}
	return cutsOf(sortKeys(keys, make([]uint64, len(keys))), bins)
}
