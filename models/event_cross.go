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
	without []eventScorer // by block; nil where too little is left to learn from
}

// crossed fits each of them by itself.
func crossed(fit func(context.Context, eventData) (eventScorer, error)) func(context.Context, eventData) (crossFitted, error) {
	return func(ctx context.Context, d eventData) (c crossFitted, err error) {
		if c.all, err = fit(ctx, d); err != nil {
			return c, err
		}
		for _, block := range d.blocks(crossBlocks) {
			rest := d.without(block)
			var scorer eventScorer
			if rest.enough() == nil {
				if scorer, err = fit(ctx, rest); err != nil {
					return c, err
				}
			}
			c.without = append(c.without, scorer)
		}
		return c, nil
	}
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
		if c.without[b] == nil {
			continue
		}
		for i := block[0]; i < block[1]; i++ {
			if i%1024 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			c.without[b].score(d.frame, d.rows[i], risks)
			for h, r := range risks {
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

// loss is the summed cross-entropy of what the scorers say of the blocks that
// they have not seen.
func (c crossFitted) loss(d eventData) (sum float64) {
	risks := make([]Risk, d.horizons)
	for b, block := range d.blocks(crossBlocks) {
		for i := block[0]; i < block[1] && c.without[b] != nil; i++ {
			c.without[b].score(d.frame, d.rows[i], risks)
			for h, r := range risks {
				if y := d.label(i, h); !math.IsNaN(y) {
					sum += crossEntropy(r.Probability, y)
				}
			}
		}
	}
	return sum
}
