package boost

// Ensemble is a sum of decision trees with one or several outputs. It is
// immutable and safe for concurrent use.
type Ensemble struct {
	columns int
	outputs int
	base    []float64 // per output
	roots   []int32   // one per tree: index of its root among nodes
	nodes   []node    // children of a node are neighbours
	cover   []int32   // per node: training rows that reached it, 1 or more
	values  []float64 // per leaf: outputs numbers
	gain    []float64 // per column: what its splits gained, summing to 1 or 0

	// Worked out by seal.
	expected []float64 // per output: the mean over the training rows of every tree, and base
	depth    int       // most splits between a root and a leaf
}

// node is a split or a leaf, in 16 bytes. A split sends x[column] ≤ threshold
// to node child and the rest to node child+1; NaN goes where missing says.
// A leaf has its values from child·outputs on.
type node struct {
	threshold float64
	child     int32
	column    uint16
	missing   uint8 // 0: NaN goes left; 1: right
	leaf      bool
}

const (
	maxOutputs = 1 << 12
)

// keep drops all trees but the first ones.
func (e *Ensemble) keep(trees int) {
	if trees == len(e.roots) {
		return
	}
	nodes, leaves := e.roots[trees], 0
	e.roots = e.roots[:trees]
	e.nodes, e.cover = e.nodes[:nodes], e.cover[:nodes]
	for _, n := range e.nodes {
		if n.leaf {
			leaves++
		}
	}
	e.values = e.values[:leaves*e.outputs]
}

// seal works out what Explain needs.
func (e *Ensemble) seal() {
	e.expected = append([]float64(nil), e.base...)
	depth := make([]int, len(e.nodes))
	for t, root := range e.roots {
		end := len(e.nodes)
		if t+1 < len(e.roots) {
			end = int(e.roots[t+1])
		}
		for i := int(root); i < end; i++ { // children lie behind their parents
			n := &e.nodes[i]
			if !n.leaf {
				depth[n.child], depth[n.child+1] = depth[i]+1, depth[i]+1
				continue
			}
			e.depth = max(e.depth, depth[i])
			share := float64(e.cover[i]) / float64(e.cover[root])
			for k := range e.outputs {
				e.expected[k] += share * e.values[int(n.child)*e.outputs+k]
			}
		}
	}
}

// Outputs returns the number of outputs: 1 for FitLogistic, the number of
// levels for FitQuantiles.
func (e *Ensemble) Outputs() int { return e.outputs }

// Columns returns the length of a row.
func (e *Ensemble) Columns() int { return e.columns }

// Trees returns the number of trees.
func (e *Ensemble) Trees() int { return len(e.roots) }

// Importance returns the share of the gain of all splits that came from each
// column: Columns numbers that sum to 1, or zeros where nothing was split.
func (e *Ensemble) Importance() []float64 { return append([]float64(nil), e.gain...) }

// Add adds the outputs for the row x (length Columns) to out (length Outputs).
// It does not allocate.
func (e *Ensemble) Add(x, out []float64) {
	e.AddRows(x, 1, out)
}

// block is how many rows AddRows takes at a time: trees run over rows that
// still lie in the cache.
const block = 64

// AddRows adds the outputs for so many rows, x (rows × Columns, row-major), to
// out (rows × Outputs, row-major). It does not allocate.
func (e *Ensemble) AddRows(x []float64, rows int, out []float64) {
	for lo := 0; lo < rows; lo += block {
		hi := min(lo+block, rows)
		for i := lo; i < hi; i++ {
			for k, b := range e.base {
				out[i*e.outputs+k] += b
			}
		}
		for _, root := range e.roots {
			for i := lo; i < hi; i++ {
				leaf := e.leaf(root, x[i*e.columns:(i+1)*e.columns])
				values := e.values[leaf*e.outputs : (leaf+1)*e.outputs]
				sums := out[i*e.outputs : (i+1)*e.outputs]
				for k, v := range values {
					sums[k] += v
				}
			}
		}
	}
}

// next returns the child of a split that x goes to.
func (n *node) next(x []float64) int32 {
	v := x[n.column]
	right, missing := int32(0), int32(n.missing)
	if v > n.threshold { // both without a jump, which would be guessed wrong half of the time
		right = 1
	}
	if v != v {
		right = missing
	}
	return n.child + right
}

// leaf walks the tree at root and returns the index of the leaf x falls into.
func (e *Ensemble) leaf(root int32, x []float64) int {
	n := &e.nodes[root]
	for !n.leaf {
		n = &e.nodes[n.next(x)]
	}
	return int(n.child)
}
