package models

import (
	"context"
	"fmt"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models/boost"
)

const kindTrees = "boosted-quantiles"

// How the trees grow; one recipe for all targets.
const (
	treesMost     = 100
	treesFewest   = 20
	treesPer      = 300 // samples is one more tree
	treesLeaves   = 24
	treesMinLeaf  = 40
	treesRate     = 0.1
	treesPatience = 12
	treesL2       = 5
	treesBins     = 127
)

// boostedQuantiles is a base of boosted trees with the lead as a column, all
// nine quantiles in each leaf. They start from the quantiles of the recent
// window and say how to move them, in local units; where no tree lowers the
// loss on the latest actuals, there is none and the window stands. How many
// lower it is found out on the latest actuals; those that serve have grown from
// all.
type boostedQuantiles struct {
	features localFeatures
	trees    *boost.Ensemble // nil: none
	bytes    []byte          // of trees
}

// learnTrees is the learner of boostedQuantiles.
func learnTrees(ctx context.Context, f *features.Frame, rows []int, o FitOptions) (base, error) {
	b := &boostedQuantiles{features: localFeatures{season: f.Target.SeasonSteps()}}
	s, err := b.features.gather(ctx, f, rows)
	if err != nil {
		return nil, err
	}
	if s.held == nil {
		return b, nil
	}
	options := boost.Options{
		Trees: min(treesMost, treesFewest+s.len()/treesPer), Leaves: treesLeaves, MinLeaf: treesMinLeaf, Rate: treesRate, L2: treesL2, Bins: treesBins,
		Patience: treesPatience, Held: s.held, Seed: o.Seed, Progress: o.Progress,
	}
	data := boost.Data{X: s.x, Columns: localWidth}
	b.trees, err = boost.FitQuantiles(ctx, data, s.y, s.weight, s.start, Quantiles[:], options)
	if err == nil && b.trees.Trees() > 0 { // as many again, of all
		options.Trees, options.Patience, options.Held = b.trees.Trees(), 0, nil
		b.trees, err = boost.FitQuantiles(ctx, data, s.y, s.weight, s.start, Quantiles[:], options)
	}
	if err != nil {
		return nil, err
	}
	b.bytes, err = b.trees.AppendBinary(nil)
	return b, err
}

func (b *boostedQuantiles) path(h *history, leads []int, q []float64) {
	const n = len(Quantiles)
	var index [knotsRoom]int
	row := h.take(localWidth)
	l := b.features.begin(h, row)
	knots := appendKnots(index[:0], leads, b.features.season)
	x, out := h.take(len(knots)*localWidth), h.take(len(knots)*n)
	for k, i := range knots {
		at := x[k*localWidth : (k+1)*localWidth]
		copy(at, row[:rowColumns])
		b.features.lead(h, &l, leads[i], at[rowColumns:])
		b.features.start(leads[i], row[columnLast], &l.start, out[k*n:(k+1)*n])
	}
	if b.trees != nil {
		b.trees.AddRows(x, len(knots), out)
	}
	for k, i := range knots {
		at := q[i*n : (i+1)*n]
		for j := range at {
			at[j] = l.back(out[k*n+j])
		}
		sortFew(at)
	}
	betweenKnots(leads, knots, q)
}

// prior trusts the trees: their quantiles are spread already.
func (*boostedQuantiles) prior(int, float64) float64 { return 0 }
func (*boostedQuantiles) centred() bool              { return false }
func (*boostedQuantiles) kind() string               { return kindTrees }

func (b *boostedQuantiles) pack(p *packer) {
	b.features.pack(p)
	p.text(string(b.bytes))
}

func unpackTrees(u *unpacker) (base, error) {
	b := new(boostedQuantiles)
	var err error
	if b.features, err = unpackLocalFeatures(u); err != nil {
		return nil, err
	}
	data := u.text()
	if len(data) == 0 {
		return b, u.err
	}
	b.bytes = []byte(data)
	if b.trees, err = boost.Unmarshal(b.bytes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if b.trees.Columns() != localWidth || b.trees.Outputs() != len(Quantiles) {
		return nil, fmt.Errorf("%w: trees of %d columns and %d quantiles, want %d and %d",
			ErrCorrupt, b.trees.Columns(), b.trees.Outputs(), localWidth, len(Quantiles))
	}
	return b, nil
}
