package boost

import "context"

// grower grows one tree after another on a table, reusing its memory.
type grower struct {
	search
	table  *table
	crew   crew
	leaves int // most
	depth  int // most, 0: no bound

	words    []cell  // per row of the table: its gradient word
	rows     []int32 // rows of the tree; every leaf owns a stretch
	spare    []int32
	gathered []cell     // words in the order of a leaf's rows
	boards   []board    // per worker
	found    [][2]split // per group: the best splits of two children
	free     [][]cell   // histograms nobody uses
	tried    []bool     // per column of the table
}

// leaf is a leaf of the tree that grows.
type leaf struct {
	node      int // of the tree
	lo, hi    int // its rows: grower.rows[lo:hi]
	depth     int
	total     cell
	histogram []cell // nil where it will not be split
	best      split
}

func newGrower(t *table, c crew, o Options) *grower {
	return &grower{
		search: search{minLeaf: o.MinLeaf, l2: o.L2},
		table:  t, crew: c, leaves: o.Leaves, depth: o.Depth,
		words: make([]cell, t.rows), rows: make([]int32, 0, t.rows), spare: make([]int32, t.rows),
		boards: make([]board, c), found: make([][2]split, len(t.groups)), tried: make([]bool, len(t.columns)),
	}
}

// grow grows a tree on g.rows: its nodes, with the index of a leaf as child of
// a leaf, what the splits among them gained, and the leaves. A tree with one
// leaf found nothing to split.
func (g *grower) grow(ctx context.Context) (nodes []node, gains []float64, leaves []leaf, err error) {
	root := leaf{hi: len(g.rows)}
	for _, r := range g.rows {
		root.total.add(g.words[r])
	}
	nodes, gains = []node{{leaf: true}}, []float64{0}
	leaves = []leaf{root}
	g.measure(&leaves[0], nil)
	for len(leaves) < g.leaves {
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		at := 0
		for i := range leaves {
			if leaves[i].best.better(leaves[at].best) {
				at = i
			}
		}
		left := leaves[at]
		if left.best.gain <= 0 {
			break
		}
		s := left.best
		c := &g.table.columns[s.column]
		gains[left.node] = s.gain
		child := len(nodes)
		nodes[left.node] = node{threshold: c.threshold(s.code), child: int32(child), column: uint16(c.source), missing: s.missing}
		nodes = append(nodes, node{leaf: true, child: int32(at)}, node{leaf: true, child: int32(len(leaves))})
		gains = append(gains, 0, 0)

		middle := g.divide(left.lo, left.hi, s)
		right := leaf{node: child + 1, lo: middle, hi: left.hi, depth: left.depth + 1, total: left.total.less(s.left)}
		left = leaf{node: child, lo: left.lo, hi: middle, depth: right.depth, total: s.left, histogram: left.histogram}
		if left.hi-left.lo > right.hi-right.lo {
			g.measure(&right, &left)
		} else {
			left.histogram, right.histogram = nil, left.histogram
			g.measure(&left, &right)
		}
		leaves[at] = left
		leaves = append(leaves, right)
	}
	for i := range leaves {
		g.release(&leaves[i])
	}
	return nodes, gains, leaves, nil
}

// divide puts the rows of a leaf that go left before those that go right,
// keeping their order, and returns where the right ones start.
func (g *grower) divide(lo, hi int, s split) int {
	codes, shift := g.table.groups[s.column/lanes], 8*(s.column%lanes)
	// Missing has code 0 and goes left like any low code; where it goes right,
	// all codes are lowered by one, which makes it the highest.
	lower, bound := s.missing, uint8(s.code)-s.missing
	rows, spare := g.rows[lo:hi], g.spare[lo:hi]
	left, right := 0, 0
	for _, r := range rows {
		goes := 0
		if uint8(codes[r]>>shift)-lower > bound {
			goes = 1
		}
		rows[left], spare[right] = r, r
		left += 1 - goes
		right += goes
	}
	copy(rows[left:], spare[:right])
	return lo + left
}

// measure sums up the histogram of a leaf and finds its best split. Where the
// leaf has a sibling, that holds their parent's histogram, which becomes its
// own, and its best split is found too.
func (g *grower) measure(small, large *leaf) {
	small.best = split{}
	wanted := [2]bool{g.divisible(small), large != nil && g.divisible(large)}
	if !wanted[0] && !wanted[1] {
		if large != nil {
			g.release(large)
		}
		return
	}
	small.histogram = g.histogram()
	rows := g.rows[small.lo:small.hi]
	words := g.gather(rows)
	g.crew.each(len(g.table.groups), func(worker, group int) {
		g.found[group] = g.measureGroup(&g.boards[worker], group, rows, words, small, large, wanted)
	})
	for _, found := range g.found {
		if wanted[0] && found[0].better(small.best) {
			small.best = found[0]
		}
		if wanted[1] && found[1].better(large.best) {
			large.best = found[1]
		}
	}
	for _, l := range []*leaf{small, large} {
		if l != nil && l.best.gain <= 0 {
			g.release(l)
		}
	}
}

// measureGroup does for one group of columns what measure does for all.
func (g *grower) measureGroup(b *board, group int, rows []int32, words []cell, small, large *leaf, wanted [2]bool) (found [2]split) {
	first := group * lanes
	columns := g.table.columns[first:min(first+lanes, len(g.table.columns))]
	some := 0
	for k, c := range columns {
		if g.tried[first+k] {
			some++
			clear(b[k][:c.cells])
		}
	}
	if some > lanes/2 { // lanes that are not tried may hold anything
		b.sum(rows, words, g.table.groups[group])
	}
	for k, c := range columns {
		if !g.tried[first+k] {
			continue
		}
		if some <= lanes/2 {
			b.sumOne(k, rows, words, g.table.groups[group])
		}
		cells := small.histogram[c.offset : c.offset+c.cells]
		copy(cells, b[k][:c.cells])
		if wanted[0] {
			if s := g.best(first+k, cells, small.total); s.better(found[0]) {
				found[0] = s
			}
		}
		if wanted[1] {
			rest := large.histogram[c.offset : c.offset+c.cells]
			for i := range rest {
				rest[i] = rest[i].less(cells[i])
			}
			if s := g.best(first+k, rest, large.total); s.better(found[1]) {
				found[1] = s
			}
		}
	}
	return found
}

// divisible says whether a leaf may be split at all.
func (g *grower) divisible(l *leaf) bool {
	return l.hi-l.lo >= 2*g.minLeaf && (g.depth == 0 || l.depth < g.depth)
}

// gather returns the words of rows in their order.
func (g *grower) gather(rows []int32) []cell {
	if len(rows) == len(g.words) {
		return g.words // the root of all rows, still in order
	}
	if cap(g.gathered) < len(rows) {
		g.gathered = make([]cell, len(rows))
	}
	words := g.gathered[:len(rows)]
	g.crew.rows(len(rows), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			words[i] = g.words[rows[i]]
		}
	})
	return words
}

// histogram returns one with any content.
func (g *grower) histogram() []cell {
	if last := len(g.free) - 1; last >= 0 {
		h := g.free[last]
		g.free = g.free[:last]
		return h
	}
	return make([]cell, g.table.cells)
}

func (g *grower) release(l *leaf) {
	if l.histogram != nil {
		g.free = append(g.free, l.histogram)
		l.histogram = nil
	}
}
