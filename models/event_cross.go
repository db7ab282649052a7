package models

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// crossBlocks is how many blocks of time are left out in turn: what a model
// that has not seen a block says of it is what it is calibrated on.
const crossBlocks = 4

// crossFitted is a scorer that was fitted on all rows and, for each of the
// blocks of time, one that was fitted without it.
type crossFitted struct {
	all     eventScorer
	without []stranger // by block
}

// stranger is a scorer that has not seen a block. Labels that overlap with the
// block are unknown to it, the more the longer their horizon: it may know fewer
// horizons than the one that was fitted on all rows.
type stranger struct {
	eventScorer     // nil where too little is left to learn from
	knows       int // horizons; 0 where the scorer is nil
}

// crossed fits each of them by itself.
func crossed(fit func(context.Context, eventData) (eventScorer, error)) func(context.Context, eventData) (crossFitted, error) {
	return func(ctx context.Context, d eventData) (c crossFitted, err error) {
		if c.all, err = fit(ctx, d); err != nil {
			return c, err
		}
		for _, block := range d.blocks(crossBlocks) {
			rest := d.without(block)
			s := stranger{knows: rest.learnable()}
			if s.knows > 0 {
				if s.eventScorer, err = fit(ctx, rest.first(s.knows)); err != nil {
					return c, err
				}
			}
			c.without = append(c.without, s)
		}
		return c, nil
	}
}

// testable is how many horizons can be learnt and then tried on blocks that were
// left out, two at least; where no block can be left out, all that can be learnt.
// Of two weeks nothing can be left out that tells of a week: such a horizon goes
// on at the hazard of the longest one here, rather than by a fit that nothing
// tells from chance.
func (d eventData) testable() int {
	learnable := d.learnable()
	tried := make([]int, learnable+1) // blocks, by how many horizons can be learnt without them
	for _, block := range d.blocks(crossBlocks) {
		tried[min(learnable, d.without(block).learnable())]++
	}
	blocks := 0
	for n := learnable; n > 0; n-- {
		if blocks += tried[n]; blocks >= 2 {
			return n
		}
	}
	return learnable
}

// calibrate fits one calibrator a horizon on what the scorers say of the blocks
// that they have not seen, and finds the threshold that would have kept to the
// budget in the later half of them.
func (c crossFitted) calibrate(ctx context.Context, d eventData) ([]calibrator, []float64, error) {
	scores, err := c.strange(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	n := len(d.rows)
	out, thresholds := make([]calibrator, d.horizons), make([]float64, d.horizons)
	budget := budgetOf(d.frame)
	for h := range out {
		said := scores[h*n : (h+1)*n]
		out[h] = fitCalibrator(newEvidence(d, h, said))
		var rows []RiskRow
		for i := n / 2; i < n; i++ {
			if r := d.frame.Rows[d.rows[i]]; !math.IsNaN(said[i]) {
				rows = append(rows, RiskRow{Subject: r.Subject, Step: r.Origin, Risk: out[h].apply(said[i])})
			}
		}
		thresholds[h] = BudgetThreshold(rows, d.frame.Panel.Interval, budget)
	}
	return out, thresholds, nil
}

// strange returns what the scorers say, in log-odds by horizon and then row, of
// the blocks that they have not seen; NaN where nobody can say.
func (c crossFitted) strange(ctx context.Context, d eventData) ([]float64, error) {
	n := len(d.rows)
	scores := slices.Repeat([]float64{math.NaN()}, n*d.horizons)
	risks := make([]Risk, d.horizons)
	for b, block := range d.blocks(crossBlocks) {
		s := c.without[b]
		for i := block[0]; i < block[1] && s.knows > 0; i++ {
			if i%1024 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.score(d.frame, d.rows[i], risks[:s.knows])
			for h, r := range risks[:s.knows] {
				scores[h*n+i] = r.Probability
			}
		}
	}
	return scores, nil
}

// budgetOf is the target's alert budget; one alert a subject and week where it
// names none.
func budgetOf(f *features.Frame) features.Budget {
	if b := f.Target.Warn.Budget; b.Count > 0 && b.Per > 0 {
		return b
	}
	return features.Budget{Count: float64(len(f.Panel.Subjects)), Per: 7 * 24 * time.Hour}
}

// losses is the summed cross-entropy, by horizon, of what the scorers say of the
// blocks that they have not seen.
func (c crossFitted) losses(d eventData) []float64 {
	sums := make([]float64, d.horizons)
	risks := make([]Risk, d.horizons)
	for b, block := range d.blocks(crossBlocks) {
		s := c.without[b]
		for i := block[0]; i < block[1] && s.knows > 0; i++ {
			s.score(d.frame, d.rows[i], risks[:s.knows])
			for h, r := range risks[:s.knows] {
				if y := d.label(i, h); !math.IsNaN(y) {
					sums[h] += crossEntropy(r.Probability, y)
				}
			}
		}
	}
	return sums
}
