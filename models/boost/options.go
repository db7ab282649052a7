// Package boost grows gradient-boosted decision trees on binned columns.
//
// Columns are cut into at most 255 bins of about equally many rows, with one
// more bin for missing values. Trees grow leaf by leaf, the best split first,
// from histograms of gradients (Ke et al., "LightGBM", NeurIPS 2017). All sums
// that choose a split are sums of integers, so that a fit does not depend on
// the order of rows or the number of processors.
//
// What is grown is an immutable Ensemble of flat arrays; it predicts without
// allocation, explains itself exactly (TreeSHAP) and survives a round trip to
// bytes.
package boost

import (
	"fmt"
	"math"
)

// Options say how trees grow. A zero field of Trees, Leaves, MinLeaf, Rate,
// Bins, Rows or Columns takes its default.
type Options struct {
	Trees    int     // most trees (default 100)
	Leaves   int     // most leaves of a tree (31)
	MinLeaf  int     // fewest rows of a leaf (20)
	Depth    int     // most splits between root and leaf; 0: no bound
	Rate     float64 // shrinkage of every leaf, in (0, 1] (0.1)
	L2       float64 // added to the hessian (logistic) or row count (quantiles) of a leaf: pulls small leaves to 0
	Bins     int     // most bins of a column, 2…255, not counting the one for missing (255)
	Rows     float64 // share of rows drawn anew for each tree, in (0, 1] (1)
	Columns  float64 // share of columns drawn anew for each tree, in (0, 1] (1)
	Patience int     // stop when the loss on Held has not fallen for so many trees, and keep the best number of trees; 0: never

	Held []bool // one per row: kept out of growth; nil: none
	Seed uint64 // of the draws of rows and columns

	Progress func(done, total int) // after every tree; nil: nobody asks
}

// Data are n rows of Columns numbers each, row by row. NaN is missing: it has
// a bin of its own, and every split learns which way it goes. Infinities are
// the smallest and largest of values. X is only read.
type Data struct {
	X       []float64 // n × Columns, row-major
	Columns int
}

func (d Data) rows() int { return len(d.X) / max(d.Columns, 1) }

// withDefaults fills zero fields in.
func (o Options) withDefaults() Options {
	if o.Trees == 0 {
		o.Trees = 100
	}
	if o.Leaves == 0 {
		o.Leaves = 31
	}
	if o.MinLeaf == 0 {
		o.MinLeaf = 20
	}
	if o.Rate == 0 {
		o.Rate = 0.1
	}
	if o.Bins == 0 {
		o.Bins = maxBins
	}
	if o.Rows == 0 {
		o.Rows = 1
	}
	if o.Columns == 0 {
		o.Columns = 1
	}
	return o
}

const (
	maxBins    = 255     // of values; code 0 is missing
	maxColumns = 1 << 16 // a node names its column in 16 bits
	maxLeaves  = 1 << 16
	maxRows    = 1 << 26 // leaves the fixed point 8 bits of hessian and 4 of two gradients
)

func (o Options) validate(rows int) error {
	switch {
	case o.Trees < 0:
		return fmt.Errorf("%d trees: want 1 or more", o.Trees)
	case o.Leaves < 2 || o.Leaves > maxLeaves:
		return fmt.Errorf("%d leaves: want 2…%d", o.Leaves, maxLeaves)
	case o.MinLeaf < 1:
		return fmt.Errorf("%d rows in the smallest leaf: want 1 or more", o.MinLeaf)
	case o.Depth < 0:
		return fmt.Errorf("depth %d: want 0 (no bound) or more", o.Depth)
	case !(o.Rate > 0 && o.Rate <= 1):
		return fmt.Errorf("rate %v: want (0, 1]", o.Rate)
	case !(o.L2 >= 0) || math.IsInf(o.L2, 0):
		return fmt.Errorf("l2 %v: want a number from 0", o.L2)
	case o.Bins < 2 || o.Bins > maxBins:
		return fmt.Errorf("%d bins: want 2…%d", o.Bins, maxBins)
	case !(o.Rows > 0 && o.Rows <= 1):
		return fmt.Errorf("share of rows %v: want (0, 1]", o.Rows)
	case !(o.Columns > 0 && o.Columns <= 1):
		return fmt.Errorf("share of columns %v: want (0, 1]", o.Columns)
	case o.Patience < 0:
		return fmt.Errorf("patience %d: want 0 (never stop early) or more", o.Patience)
	case o.Held != nil && len(o.Held) != rows:
		return fmt.Errorf("%d marks of held rows for %d rows", len(o.Held), rows)
	case o.Patience > 0 && o.Held == nil:
		return fmt.Errorf("patience %d without held rows: hold some back or set it to 0", o.Patience)
	}
	return nil
}
