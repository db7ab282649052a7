package features

import (
	"math"
	"sort"
)

// onsetTrack holds the onsets of an event in a track, with their exponentially
// decayed counts.
type onsetTrack struct {
	steps   []int
	decayed map[int][]float64 // by half-life: at each onset, the decayed count up to and including it
}

// reset finds the onsets in series[first:end].
func (o *onsetTrack) reset(series []float64, first, end, forSteps int, halfLives []window) {
	o.steps = scanRuns(series[first:end], forSteps).onsets
	for i := range o.steps {
		o.steps[i] += first
	}
	if o.decayed == nil {
		o.decayed = map[int][]float64{}
	}
	for _, h := range halfLives {
		counts, count := o.decayed[h.steps][:0], 0.0
		for i, step := range o.steps {
			if i > 0 {
				count *= halved(step-o.steps[i-1], h.steps)
			}
			count++
			counts = append(counts, count)
		}
		o.decayed[h.steps] = counts
	}
}

// upTo returns how many onsets lie at or before step i.
func (o *onsetTrack) upTo(i int) int { return sort.SearchInts(o.steps, i+1) }

// count returns the onsets in the w steps up to and including i.
func (o *onsetTrack) count(i, w int) float64 { return float64(o.upTo(i) - o.upTo(i-w)) }

// since returns the steps since the last onset, at most w; w where none is
// known.
func (o *onsetTrack) since(i, w int) float64 {
	if n := o.upTo(i); n > 0 {
		return float64(min(i-o.steps[n-1], w))
	}
	return float64(w)
}

// decay returns the sum of 2^(−age/halfLife) over the onsets of the last w
// steps up to i.
func (o *onsetTrack) decay(i, w, halfLife int) float64 {
	counts := o.decayed[halfLife]
	at := func(n int) float64 {
		if n == 0 {
			return 0
		}
		return counts[n-1] * halved(i-o.steps[n-1], halfLife)
	}
	return max(0, at(o.upTo(i))-at(o.upTo(i-w)))
}

// halved returns 2^(−age/halfLife).
func halved(age, halfLife int) float64 { return math.Exp2(-float64(age) / float64(halfLife)) }
