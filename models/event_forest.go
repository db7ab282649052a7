package models

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/driftcast/driftcast/features"
)

// Forest is a random forest of golearn's regression trees on binned columns.
// One set of trees serves all horizons: they are grown on how soon the event
// begins, and every node holds the share of events for each horizon.
type Forest struct {
	Trees int // 0: 12
}

// Name implements Model.
func (Forest) Name() string { return "golearn-forest" }

// Fit implements Model.
func (m Forest) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return fitEvent(ctx, m.Name(), true, f, o, crossed(func(ctx context.Context, d eventData) (eventScorer, error) {
		trees := m.Trees
		if trees <= 0 {
			trees = forestTrees
		}
		return fitForest(ctx, d, trees, o)
	}))
}

const (
	forestTrees  = 12
	forestDepth  = 4
	forestBins   = 16
	forestRows   = 1_000  // that a tree is grown on
	forestValues = 50_000 // that nodes take their values from
	forestShrink = 20     // rows of the parent's rate added to a node
)

// forest is flat: node i goes to right[i] where the value of its column is at
// least edge[i], else (also where it is missing) to left[i]. Leaves have left 0.
type forest struct {
	roots       []int
	column      []int
	edge        []float64
	left, right []int
	value       []float64 // nodes×horizons, probabilities
	horizons    int
}

func fitForest(ctx context.Context, d eventData, trees int, o FitOptions) (eventScorer, error) {
	p := len(d.frame.Columns)
	if p == 0 {
		return nil, fmt.Errorf("%w: the target has no columns", ErrTooFewRows)
	}
	rng := newRand(o.Seed)
	pool, weights := d.thin(forestValues, rng)
	edges := make([][]float64, p)
	for j := range edges {
		edges[j] = binEdges(pool, j, rng)
	}
	m := &forest{horizons: d.horizons}
	for t := range trees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.grow(pool, edges, rng); err != nil {
			return nil, err
		}
		m.fill(m.roots[t], pool, weights)
		if o.Progress != nil {
			o.Progress(t+1, trees+1)
		}
	}
	return m, nil
}

// binEdges returns the lower edges of the bins of a column from the second on:
// quantiles of its values. Bin 0 is what is missing.
func binEdges(d eventData, j int, rng *rand.Rand) []float64 {
	p := len(d.frame.Columns)
	var values []float64
	for _, row := range sample(slices.Clone(d.rows), forestRows, rng) {
		if v := d.frame.X[row*p+j]; v-v == 0 {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	distinct := slices.Compact(slices.Clone(values))
	if len(distinct) <= forestBins {
		values = distinct
	}
	var edges []float64
	for b := 1; b < forestBins && len(distinct) > 1; b++ {
		e := values[b*len(values)/forestBins]
		if e > values[0] && (len(edges) == 0 || e > edges[len(edges)-1]) {
			edges = append(edges, e)
		}
	}
	return edges
}

// binOf is 0 for a missing value, else 1 + how many edges are not above it.
func binOf(edges []float64, v float64) int {
	if v != v {
		return 0
	}
	i, exact := slices.BinarySearch(edges, v)
	if exact {
		i++
	}
	return 1 + i
}

// grow appends the nodes of one tree, grown on a share of the rows and of the
// columns.
func (m *forest) grow(pool eventData, edges [][]float64, rng *rand.Rand) error {
	p := len(edges)
	columns := rng.Perm(p)[:min(p, max(4, p/3))]
	drawn, _ := pool.thin(forestRows, rng)
	bins := make([]int, 0, len(drawn.rows)*len(columns))
	for _, row := range drawn.rows {
		x := drawn.frame.Features(row)
		for _, j := range columns {
			bins = append(bins, binOf(edges[j], x[j]))
		}
	}
	splits, err := growTree(bins, len(columns), soonness(drawn), forestDepth)
	if err != nil {
		return err
	}
	root := len(m.column)
	m.roots = append(m.roots, root)
	m.node() // the first split, or a lone leaf
	at := make([]int, len(splits))
	for i, s := range splits {
		if i == 0 {
			at[i] = root
		}
		n := at[i]
		m.column[n] = columns[s.column]
		m.edge[n] = math.Inf(-1) // whatever is not missing
		if s.bin >= 2 {
			m.edge[n] = edges[m.column[n]][s.bin-2]
		}
		m.left[n], m.right[n] = m.node(), m.node()
		if s.left > 0 {
			at[s.left] = m.left[n]
		}
		if s.right > 0 {
			at[s.right] = m.right[n]
		}
	}
	return nil
}

// node appends a leaf.
func (m *forest) node() int {
	m.column, m.edge = append(m.column, 0), append(m.edge, 0)
	m.left, m.right = append(m.left, 0), append(m.right, 0)
	m.value = append(m.value, make([]float64, m.horizons)...)
	return len(m.column) - 1
}

// soonness is the target that trees are grown on: the labels of all horizons,
// each in its own deviations and NaN at its mean, summed.
func soonness(d eventData) []float64 {
	target := make([]float64, len(d.rows))
	for h := range d.horizons {
		known, positives := d.count(h)
		mean := float64(positives) / float64(max(known, 1))
		deviation := math.Sqrt(mean * (1 - mean))
		if deviation == 0 {
			continue
		}
		for i := range target {
			if y := d.label(i, h); !math.IsNaN(y) {
				target[i] += (y - mean) / deviation
			}
		}
	}
	return target
}

// fill gives the nodes of the tree at root the share of events among the rows
// that pass through, drawn in by that of the node above.
func (m *forest) fill(root int, pool eventData, weights []float64) {
	h := m.horizons
	first := root * h
	hits, total := make([]float64, len(m.value)-first), make([]float64, len(m.value)-first)
	for i, row := range pool.rows {
		x := pool.frame.Features(row)
		for n := root; ; {
			for k, y := range pool.labels[i*h : (i+1)*h] {
				if !math.IsNaN(y) {
					hits[n*h+k-first] += weights[i] * y
					total[n*h+k-first] += weights[i]
				}
			}
			if n = m.next(n, x); n < 0 {
				break
			}
		}
	}
	base := make([]float64, h)
	for k := range base {
		base[k] = (hits[k] + 1) / (total[k] + 2)
	}
	var visit func(n int, above []float64)
	visit = func(n int, above []float64) {
		value := m.value[n*h : (n+1)*h]
		for k := range value {
			at := n*h + k - first
			value[k] = (hits[at] + forestShrink*above[k]) / (total[at] + forestShrink)
		}
		if m.left[n] > 0 {
			visit(m.left[n], value)
			visit(m.right[n], value)
		}
	}
	visit(root, base)
}

// next returns the child that x falls to, −1 at a leaf.
func (m *forest) next(n int, x []float64) int {
	switch {
	case m.left[n] == 0:
		return -1
	case x[m.column[n]] >= m.edge[n]:
		return m.right[n]
	default:
		return m.left[n]
	}
}

func (m *forest) score(f *features.Frame, row int, out []Risk) {
	x := f.Features(row)
	for h := range out {
		out[h].Probability = 0
	}
	for _, n := range m.roots {
		for c := n; c >= 0; c = m.next(c, x) {
			n = c
		}
		for h := range out {
			out[h].Probability += m.value[n*m.horizons+h]
		}
	}
	for h := range out {
		out[h].Probability = logit(out[h].Probability / float64(len(m.roots)))
	}
}

// explain attributes to each column how the risk at the longest horizon moves
// at its splits on the row's paths (Saabas 2014).
func (m *forest) explain(f *features.Frame, row int, dst []Driver) []Driver {
	x, from := f.Features(row), len(dst)
	moved := make([]float64, len(f.Columns))
	for _, n := range m.roots {
		for c := m.next(n, x); c >= 0; c = m.next(c, x) {
			moved[m.column[n]] += m.value[(c+1)*m.horizons-1] - m.value[(n+1)*m.horizons-1]
			n = c
		}
	}
	for j, v := range moved {
		if v != 0 {
			dst = append(dst, driver(f.Columns[j], x[j], v/float64(len(m.roots))))
		}
	}
	return strongest(dst, from)
}

func (m *forest) pack(p *packer) {
	p.integers(m.roots)
	p.integers(m.column)
	p.floats(m.edge)
	p.integers(m.left)
	p.integers(m.right)
	p.floats(m.value)
}

func unpackForest(u *unpacker, horizons, columns int) (eventScorer, error) {
	m := &forest{
		roots: u.integers(), column: u.integers(), edge: u.floats(),
		left: u.integers(), right: u.integers(), value: u.floats(), horizons: horizons,
	}
	nodes := len(m.column)
	switch {
	case u.err != nil:
		return nil, u.err
	case len(m.roots) == 0, len(m.edge) != nodes, len(m.left) != nodes, len(m.right) != nodes, len(m.value) != nodes*horizons, !finite(m.value...):
		u.fail("trees")
	}
	for _, n := range m.roots {
		if n < 0 || n >= nodes {
			u.fail("root of a tree")
		}
	}
	for n := 0; n < nodes && u.err == nil; n++ {
		leaf := m.left[n] == 0 && m.right[n] == 0
		inner := m.left[n] > n && m.left[n] < nodes && m.right[n] > n && m.right[n] < nodes && // no cycles
			m.column[n] >= 0 && m.column[n] < columns
		if !leaf && !inner {
			u.fail("node of a tree")
		}
	}
	return m, u.err
}
