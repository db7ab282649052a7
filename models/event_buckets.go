package models

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/driftcast/driftcast/models/boost"
)

// buckets are rows of a discrete-time hazard: a row of a frame in one of the
// times between two horizons.
type buckets struct {
	x      []float64 // n×(columns+1): the row's columns, then the bucket
	y      []float64 // 1: the event began in the bucket; 0: it did not
	weight []float64 // independent rows that it stands for
	start  []float64 // log-odds of the hazard by a rule
	events float64   // independent ones
}

// newBuckets draws at most limit rows of a frame: those with an event first,
// then a share of the others, which are weighted for it. In a bucket a row is
// how much of an independent one it is at that horizon: of rows an hour apart
// those tell much the same of a week, and not of the next hour.
func newBuckets(d eventData, rule eventScorer, limit int, rng *rand.Rand) *buckets {
	p := len(d.frame.Columns)
	none, shares := make([]float64, len(d.rows)), make([]float64, d.horizons)
	for h := range shares {
		shares[h] = newEvidence(d, h, none).share
	}
	out := &buckets{}
	drawn, weights := d.thin(limit, rng)
	n := len(drawn.rows) * d.horizons
	out.x, out.y = make([]float64, 0, n*(p+1)), make([]float64, 0, n)
	risks := make([]Risk, d.horizons)
	for i, row := range drawn.rows {
		rule.score(d.frame, row, risks)
		before := 0.0
		for b := range risks {
			z, risk := bucketOdds(risks[b].Probability, before)
			before = risk
			y := drawn.label(i, b)
			if math.IsNaN(y) {
				continue
			}
			out.x = append(append(out.x, d.frame.Features(row)...), float64(b))
			out.y, out.start = append(out.y, y), append(out.start, z)
			out.weight = append(out.weight, weights[i]*shares[b])
			if y > 0.5 {
				out.events += weights[i] * shares[b]
				break // what comes after its event says nothing
			}
		}
	}
	return out
}

// append adds the rows of another.
func (b *buckets) append(o *buckets) {
	b.x, b.y = append(b.x, o.x...), append(b.y, o.y...)
	b.weight, b.start = append(b.weight, o.weight...), append(b.start, o.start...)
}

// boost grows trees over them.
func (b *buckets) boost(ctx context.Context, o boost.Options) (*boost.Ensemble, error) {
	d := boost.Data{X: b.x, Columns: len(b.x) / max(1, len(b.y))}
	trees, err := boost.FitLogistic(ctx, d, b.y, b.weight, b.start, o)
	if err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return trees, nil
}
