package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/driftcast/driftcast/features"
)

// localSamples are what a learned level model learns from: rows of a frame at
// some of their leads, locally normalised.
type localSamples struct {
	x      []float64 // n × localWidth
	y      []float64 // the actual, in units from the anchor
	start  []float64 // n × len(Quantiles), the recent window's quantiles
	weight []float64 // mean 1
	held   []bool    // the latest, to stop by; nil where there are too few
}

const (
	samplesMost    = 60_000
	samplesFew     = 256 // below it nothing is learned
	samplesHeld    = 0.2 // of the time
	sampleLimit    = 100 // units from the anchor that an actual counts for
	sampleFloor    = 0.1 // of a typical subject's unit, added to a subject's own
	sampleHeaviest = 10
)

func (s *localSamples) len() int { return len(s.y) }

// gather makes samples of rows, ascending in time within each subject. An
// error counts in units of its subject, so that lively subjects and quiet ones
// count alike, and within a subject as much as it is large.
func (b *localFeatures) gather(ctx context.Context, f *features.Frame, rows []int) (*localSamples, error) {
	var (
		s       = new(localSamples)
		h       = new(history)
		typical = typicalUnit(f, rows)
		knots   = appendKnots(nil, f.Leads, b.season)
		every   = max(1, (len(rows)*len(knots)+samplesMost-1)/samplesMost)
		future  []float64
		row     [localWidth]float64
		of      []int // subject of each sample
		until   []int // step of the actual
		leads   []int
		sums    = make([]float64, len(f.Panel.Subjects))
		counts  = make([]float64, len(f.Panel.Subjects))
	)
	for n, r := range rows {
		if n%64 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		if !h.begin(f, r, typical) {
			continue
		}
		future = f.Future(r, future[:0])
		l := b.begin(h, row[:])
		subject, origin := f.Rows[r].Subject, f.Rows[r].Origin
		sums[subject], counts[subject] = sums[subject]+l.unit, counts[subject]+1
		for k := n % every; k < len(knots); k += every {
			v := future[knots[k]]
			if v-v != 0 {
				continue
			}
			lead := f.Leads[knots[k]]
			b.lead(h, &l, lead, row[rowColumns:])
			s.x = append(s.x, row[:]...)
			s.y = append(s.y, min(max(l.place(h.in(v)), -sampleLimit), sampleLimit))
			s.start = append(s.start, l.start[:]...)
			s.weight = append(s.weight, l.unit)
			of, until, leads = append(of, subject), append(until, origin+lead), append(leads, lead)
		}
	}
	if len(s.y) == 0 {
		return nil, fmt.Errorf("%w: no row of %s has both a past and a future", ErrTooFewRows, f.Target.Name)
	}
	s.weigh(of, sums, counts)
	s.hold(until)
	b.chooseShares(s, leads)
	return s, nil
}

// weigh turns the units in s.weight into weights.
func (s *localSamples) weigh(of []int, sums, counts []float64) {
	var means []float64
	for i, n := range counts {
		if n > 0 {
			sums[i] /= n
			means = append(means, sums[i])
		}
	}
	slices.Sort(means)
	floor := sampleFloor * means[len(means)/2]
	var total float64
	for i, subject := range of {
		s.weight[i] = min(s.weight[i]/(sums[subject]+floor), sampleHeaviest)
		total += s.weight[i]
	}
	for i := range s.weight {
		s.weight[i] *= float64(len(s.weight)) / total
	}
}

// hold marks the samples whose actuals are the latest, so that what is learned
// from the others has seen none of them. until are the steps of the actuals.
func (s *localSamples) hold(until []int) {
	sorted := slices.Clone(until)
	slices.Sort(sorted)
	from := sorted[int((1-samplesHeld)*float64(len(sorted)))]
	s.held = make([]bool, len(until))
	n := 0
	for i, at := range until {
		if at >= from {
			s.held[i] = true
			n++
		}
	}
	if n < samplesFew/4 || len(until)-n < samplesFew {
		s.held = nil
	}
}
