package models

import "fmt"

// startShares are the shares of the last known value that a start may have.
var startShares = [...]float64{0, 0.25, 0.5, 0.75, 1}

// start writes where a learned model starts at a lead, in units from the
// anchor: the quantiles of the recent window, drawn to the last known value.
func (b localFeatures) start(lead int, last float64, window *[len(Quantiles)]float64, q []float64) {
	var share float64
	if n := len(b.shares); n > 0 {
		share = b.shares[min(nearestKnot(lead), n-1)]
	}
	for k, v := range window {
		q[k] = share*last + (1-share)*v
	}
}

// chooseShares picks the share of least pinball loss for each knot of leads,
// on the samples that are not held; leads are those of the samples, and s.start
// the quantiles of the window, which it replaces.
func (b *localFeatures) chooseShares(s *localSamples, leads []int) {
	var losses [][len(startShares)]float64
	var window [len(Quantiles)]float64
	for i, lead := range leads {
		k := nearestKnot(lead)
		for len(losses) <= k {
			losses = append(losses, [len(startShares)]float64{})
		}
		if s.held != nil && s.held[i] {
			continue
		}
		last := s.x[i*localWidth+columnLast]
		for n, level := range Quantiles {
			v := s.start[i*len(Quantiles)+n]
			for j, share := range startShares {
				losses[k][j] += s.weight[i] * pinball(level, share*last+(1-share)*v, s.y[i])
			}
		}
	}
	b.shares = make([]float64, len(losses))
	for k := range losses {
		best := 0
		for j, loss := range losses[k] {
			if loss < losses[k][best] {
				best = j
			}
		}
		b.shares[k] = startShares[best]
	}
	for i, lead := range leads {
		at := s.start[i*len(Quantiles) : (i+1)*len(Quantiles)]
		copy(window[:], at)
		b.start(lead, s.x[i*localWidth+columnLast], &window, at)
	}
}

func (b *localFeatures) pack(p *packer) {
	p.integer(b.season)
	p.floats(b.shares)
}

func unpackLocalFeatures(u *unpacker) (localFeatures, error) {
	b := localFeatures{season: u.integer(), shares: u.floats()}
	if u.err == nil && (b.season < 1 || b.season > seasonMax) {
		return b, fmt.Errorf("%w: season of %d steps", ErrCorrupt, b.season)
	}
	for _, v := range b.shares {
		if !(v >= 0 && v <= 1) {
			return b, fmt.Errorf("%w: start of a learned model", ErrCorrupt)
		}
	}
	return b, u.err
}
