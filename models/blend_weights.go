package models

import (
	"math"

	"github.com/driftcast/driftcast/features"
)

// trials is what all experts said about the actuals at one knot of leads.
type trials struct {
	actual      []float64 // on the target's own scale, as the quantiles
	weight      []float64 // cases of a subject that errs by much count for less
	q           []float64 // cases×experts×len(Quantiles)
	independent float64   // about how many futures of the cases do not overlap
}

// trials asks every expert about the actuals of rows, by knot.
func (m *mixture) trials(f *features.Frame, rows []int, typical float64) []trials {
	var (
		h       = new(history)
		future  []float64
		indices = calibrationLeads(f.Leads, 4*len(rows))
		leads   = at(f.Leads, indices)
		paths   = make([][]float64, len(m.experts))
		all     []trials
		subject [][]int                 // of each case
		sums    = make(map[int]float64) // naive's error by subject
		counts  = make(map[int]float64)
		total   float64
		n       float64
	)
	for j := range paths {
		paths[j] = make([]float64, len(leads)*len(Quantiles))
	}
	for _, row := range rows {
		if !h.begin(f, row, typical) {
			continue
		}
		for j := range m.experts {
			m.expert(h, j, leads, paths[j])
		}
		future = f.Future(row, future[:0])
		for at, i := range indices {
			y := future[i]
			if y-y != 0 {
				continue
			}
			k := nearestKnot(leads[at])
			for len(all) <= k {
				all, subject = append(all, trials{}), append(subject, nil)
			}
			c := &all[k]
			c.actual = append(c.actual, y)
			for j := range paths {
				for _, z := range paths[j][at*len(Quantiles) : (at+1)*len(Quantiles)] {
					c.q = append(c.q, h.out(z))
				}
			}
			s := f.Rows[row].Subject
			subject[k] = append(subject[k], s)
			miss := math.Abs(y - h.out(h.last))
			sums[s], counts[s] = sums[s]+miss, counts[s]+1
			total, n = total+miss, n+1
		}
	}
	for k := range all {
		all[k].weight = make([]float64, len(all[k].actual))
		for i, s := range subject[k] {
			if scale := sums[s]/counts[s] + 0.1*total/n; scale > 0 {
				all[k].weight[i] = 1 / scale
			}
		}
		all[k].independent = independentFutures(f, rows, 1<<k)
	}
	return all
}

// independentFutures is about how many futures of so many steps lie beside each
// other in what rows reach over, subjects counted once: what befalls one mostly
// befalls others too.
func independentFutures(f *features.Frame, rows []int, lead int) float64 {
	first, last := math.MaxInt, 0
	for _, row := range rows {
		first, last = min(first, f.Rows[row].Origin), max(last, f.Rows[row].Origin)
	}
	return max(1, float64(last-first)/float64(lead))
}

// How strongly weights are drawn to those before them: as so many picks.
const (
	firstPicks  = 3  // of the weights for all leads, towards those of the experts' own losses
	globalPicks = 2  // of the weights of a knot, towards those for all leads
	ownPicks    = 3  // and towards those of the experts' own losses there
	mostPicks   = 24 // by what the trials say
)

// choose returns weights, knots × experts.
func (m *mixture) choose(all []trials) [][]float64 {
	n := len(m.experts)
	global := greedy(n, all, inverseLoss(n, all, nil, firstPicks), mostPicks)
	weights := make([][]float64, max(1, len(all)))
	for k := range weights {
		weights[k] = global
		if k < len(all) && len(all[k].actual) > 0 {
			prior := inverseLoss(n, all[k:k+1], global, globalPicks)
			for j, w := range inverseLoss(n, all[k:k+1], nil, ownPicks) {
				prior[j] += w
			}
			weights[k] = greedy(n, all[k:k+1], prior, min(mostPicks, int(all[k].independent)))
		}
	}
	return weights
}

// inverseLoss returns weights that sum to picks, in proportion to those given
// (nil: equal ones) and to the fourth power of 1/loss of each expert by itself,
// so that an expert which errs twice as much has a sixteenth.
func inverseLoss(n int, all []trials, given []float64, picks float64) []float64 {
	losses := make([]float64, n)
	best := math.Inf(1)
	for t := range all {
		c := &all[t]
		nothing, share := make([]float64, len(c.actual)*len(Quantiles)), 0.0
		for _, w := range c.weight {
			share += w
		}
		for j := range losses {
			if share > 0 {
				losses[j] += c.lossWith(nothing, j, n, 1) / share
			}
		}
	}
	for _, loss := range losses {
		best = min(best, loss)
	}
	weights, sum := make([]float64, n), 0.0
	for j, loss := range losses {
		weights[j] = 1
		if loss > 0 {
			weights[j] = math.Pow(best/loss, 4)
		}
		if given != nil {
			weights[j] *= given[j]
		}
		sum += weights[j]
	}
	for j := range weights {
		if sum > 0 {
			weights[j] *= picks / sum
		} else {
			weights[j] = picks / float64(n)
		}
	}
	return weights
}

// greedy adds to some picks, again and again, the expert whose addition lowers
// the pinball loss of the average of all picks most, and returns their shares.
// (Ensemble selection, Caruana et al. 2004.) Each of trials counts alike.
func greedy(n int, all []trials, bag []float64, picks int) []float64 {
	bag = append([]float64(nil), bag...)
	size := 0.0
	for _, w := range bag {
		size += w
	}
	sums := make([][]float64, len(all)) // cases×quantiles: Σ picks·quantile
	share := make([]float64, len(all))
	for t := range all {
		c := &all[t]
		sums[t] = make([]float64, len(c.actual)*len(Quantiles))
		for i := range c.actual {
			for j := range n {
				addScaled(sums[t][i*len(Quantiles):], bag[j], c.said(i, j, n))
			}
			share[t] += c.weight[i]
		}
	}
	for range picks {
		best, lowest := -1, math.Inf(1)
		for j := range n {
			loss := 0.0
			for t := range all {
				if share[t] > 0 {
					loss += all[t].lossWith(sums[t], j, n, size+1) / share[t]
				}
			}
			if loss < lowest {
				best, lowest = j, loss
			}
		}
		if best < 0 {
			break
		}
		for t := range all {
			for i := range all[t].actual {
				addScaled(sums[t][i*len(Quantiles):], 1, all[t].said(i, best, n))
			}
		}
		bag[best]++
		size++
	}
	for j := range bag {
		bag[j] /= size
	}
	return bag
}

// said is the quantiles of the j-th of n experts for the i-th case.
func (c *trials) said(i, j, n int) []float64 {
	at := (i*n + j) * len(Quantiles)
	return c.q[at : at+len(Quantiles)]
}

// lossWith is the loss of (sums + what expert j said) / size.
func (c *trials) lossWith(sums []float64, j, n int, size float64) float64 {
	loss := 0.0
	for i, y := range c.actual {
		said, sum := c.said(i, j, n), sums[i*len(Quantiles):(i+1)*len(Quantiles)]
		one := 0.0
		for q, level := range Quantiles {
			one += pinball(level, (sum[q]+said[q])/size, y)
		}
		loss += c.weight[i] * one
	}
	return loss
}

func addScaled(dst []float64, w float64, x []float64) {
	for i, v := range x {
		dst[i] += w * v
	}
}
