package models

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models/boost"
)

// Hazard is a discrete-time hazard in boosted trees. Time after the origin is
// cut at the horizons; one ensemble learns the probability that the event
// begins in a bucket if it has not begun before, with the bucket as a column,
// and
//
//	risk(h) = 1 − Π over the buckets b up to h of (1 − hazard(b))
//
// so that risks never fall with the horizon. A row is censored in the buckets
// after its event, and in those of which nothing is known. Boosting starts from
// a rule (the time since the last event, a logistic regression, or the base
// rate), the one that foresees later rows best, and stops when trees no longer
// improve on those: at worst the rule is served.
type Hazard struct{}

// Name implements Model.
func (Hazard) Name() string { return "hazard" }

// Fit implements Model.
func (m Hazard) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return fitEvent(ctx, m.Name(), true, f, o, func(ctx context.Context, d eventData) (crossFitted, error) {
		return fitHazard(ctx, d, o)
	})
}

// How hazards are boosted: few shallow trees, each moving little.
const (
	hazardRows     = 13_000 // of a bucket
	hazardTrees    = 150
	hazardLeaves   = 6
	hazardMinLeaf  = 50
	hazardRate     = 0.05
	hazardL2       = 5   // in independent rows' hessians
	hazardDrawn    = 0.7 // share of rows, and of columns, that a tree sees
	hazardPatience = 15
)

// hazard scores a row by a rule and what trees add to the log-odds of its
// hazards.
type hazard struct {
	rule  eventScorer
	trees *boost.Ensemble // over the columns and the bucket; nil: the rule alone
	bytes []byte          // of the trees
	rooms *sync.Pool      // of *[]float64: the columns, the bucket and the trees' answer
}

// newHazard makes the room to predict in.
func newHazard(rule eventScorer, trees *boost.Ensemble, bytes []byte, columns int) *hazard {
	return &hazard{rule: rule, trees: trees, bytes: bytes, rooms: &sync.Pool{New: func() any {
		room := make([]float64, columns+2)
		return &room
	}}}
}

func fitHazard(ctx context.Context, d eventData, o FitOptions) (c crossFitted, err error) {
	if len(d.frame.Columns) == 0 {
		return c, fmt.Errorf("%w: the target has no columns", ErrTooFewRows)
	}
	rule, err := bestRule(ctx, d, o.Seed)
	if err != nil {
		return c, err
	}
	// How many trees: as the median of the blocks left out would have it.
	blocks, options := d.blocks(crossBlocks), hazardOptions(o)
	var counts []int
	for b, block := range blocks {
		s := rule.without[b]
		if s.knows == 0 {
			continue
		}
		n, err := stopEarly(ctx, d.without(block).first(s.knows), d.only(block).first(s.knows), s, options)
		if err != nil {
			return c, err
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	if options.Trees = 0; len(counts) > 0 {
		options.Trees = counts[(len(counts)-1)/2]
	}
	if c.all, err = grow(ctx, d, rule.all, options); err != nil {
		return c, err
	}
	for b, block := range blocks {
		s := rule.without[b]
		if s.knows > 0 {
			if s.eventScorer, err = grow(ctx, d.without(block).first(s.knows), s.eventScorer, options); err != nil {
				return c, err
			}
		}
		c.without = append(c.without, s)
	}
	return c, nil
}

func hazardOptions(o FitOptions) boost.Options {
	return boost.Options{
		Trees: hazardTrees, Leaves: hazardLeaves, MinLeaf: hazardMinLeaf, Rate: hazardRate, L2: hazardL2, Bins: 63,
		Rows: hazardDrawn, Columns: hazardDrawn, Seed: o.Seed,
	}
}

// stopEarly returns the number of trees after which the loss on the rows left
// out no longer falls.
func stopEarly(ctx context.Context, rest, out eventData, rule eventScorer, o boost.Options) (int, error) {
	rng := newRand(o.Seed)
	learnt, held := newBuckets(rest, rule, hazardRows, rng), newBuckets(out, rule, hazardRows/crossBlocks, rng)
	if learnt.events < leastPositives || held.events < 1 {
		return 0, nil
	}
	o.Patience, o.Held = hazardPatience, make([]bool, len(learnt.y)+len(held.y))
	for i := len(learnt.y); i < len(o.Held); i++ {
		o.Held[i] = true
	}
	learnt.append(held)
	trees, err := learnt.boost(ctx, o)
	if err != nil {
		return 0, err
	}
	return trees.Trees(), nil
}

// grow fits the trees that start from a rule.
func grow(ctx context.Context, d eventData, rule eventScorer, o boost.Options) (eventScorer, error) {
	columns := len(d.frame.Columns)
	if o.Trees == 0 {
		return newHazard(rule, nil, nil, columns), nil
	}
	trees, err := newBuckets(d, rule, hazardRows, newRand(o.Seed)).boost(ctx, o)
	if err != nil {
		return nil, err
	}
	if trees.Trees() == 0 {
		return newHazard(rule, nil, nil, columns), nil
	}
	bytes, err := trees.AppendBinary(nil)
	if err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return newHazard(rule, trees, bytes, columns), nil
}

// bestRule fits the rules and returns the one with the lowest loss on the
// blocks that it has not seen, as a share of the constant rate's at each horizon:
// all count alike, however much more there is to lose at the longest.
func bestRule(ctx context.Context, d eventData, seed uint64) (best crossFitted, err error) {
	var unit []float64 // losses of the constant rate
	lowest := math.Inf(1)
	for _, fit := range []func(context.Context, eventData) (eventScorer, error){
		fitConstantRate, fitTimeSince,
		func(ctx context.Context, d eventData) (eventScorer, error) { return fitLogistic(ctx, d, true, seed) },
		func(ctx context.Context, d eventData) (eventScorer, error) { return fitLogistic(ctx, d, false, seed) },
	} {
		rule, err := crossed(fit)(ctx, d)
		if err != nil {
			return best, err
		}
		losses := rule.losses(d)
		if unit == nil {
			unit = losses
		}
		loss := 0.0
		for h := range losses {
			if unit[h] > 0 {
				loss += losses[h] / unit[h]
			}
		}
		if loss < lowest || best.all == nil {
			best, lowest = rule, loss
		}
	}
	return best, nil
}

func (m *hazard) score(f *features.Frame, row int, out []Risk) {
	m.rule.score(f, row, out)
	if m.trees == nil {
		return
	}
	room := m.rooms.Get().(*[]float64)
	defer m.rooms.Put(room)
	x, p := *room, len(*room)-2
	copy(x, f.Features(row))
	before, survive := 0.0, 1.0
	for b := range out {
		z, risk := bucketOdds(out[b].Probability, before)
		x[p], x[p+1] = float64(b), 0
		m.trees.Add(x[:p+1], x[p+1:])
		before = risk
		survive *= sigmoid(-(z + x[p+1]))
		out[b].Probability = logit(1 - survive)
	}
}

// bucketOdds turns the log-odds of the event up to the end of a bucket into
// those of its hazard, given the risk up to its beginning.
func bucketOdds(odds, before float64) (z, risk float64) {
	const least = 1e-7 // a rule may see no risk in a bucket; trees may
	risk = max(sigmoid(odds), before)
	return logit(max(least, (risk-before)/max(1-before, least))), risk
}
