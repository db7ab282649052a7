package models

import (
	"fmt"
	"math/bits"
)

// mixture is the base of Blend: the average of calibrated experts, with
// weights that change from knot to knot of leads.
type mixture struct {
	experts   []base      // at most mixtureMax
	intervals []conformal // one an expert
	weights   [][]float64 // knots × experts, each row sums to 1
}

const mixtureMax = 16

func (m *mixture) path(h *history, leads []int, q []float64) {
	own := h.take(len(q))
	clear(q)
	for j := range m.experts {
		if !m.asked(j) {
			continue
		}
		var offsets [len(Quantiles)]float64
		scales := m.ask(h, j, leads, own)
		for i, lead := range leads {
			m.intervals[j].at(&scales, lead+h.age, &offsets)
			w := m.weight(j, lead)
			said, sum := (*quantiles)(own[i*len(Quantiles):]), (*quantiles)(q[i*len(Quantiles):])
			for k, offset := range offsets {
				sum[k] += w * (said[k] + offset)
			}
		}
	}
}

// quantiles are those of one lead.
type quantiles [len(Quantiles)]float64

// asked says whether an expert has any weight.
func (m *mixture) asked(j int) bool {
	for _, w := range m.weights {
		if w[j] > 0 {
			return true
		}
	}
	return false
}

// weight is that of the j-th expert at a lead, linear between knots.
func (m *mixture) weight(j, lead int) float64 {
	k := bits.Len(uint(max(lead, 1))) - 1
	if k >= len(m.weights)-1 {
		return m.weights[len(m.weights)-1][j]
	}
	share := float64(lead-1<<k) / float64(int(1)<<k)
	return (1-share)*m.weights[k][j] + share*m.weights[k+1][j]
}

// expert writes the calibrated quantiles of the j-th expert.
func (m *mixture) expert(h *history, j int, leads []int, q []float64) {
	var offsets [len(Quantiles)]float64
	scales := m.ask(h, j, leads, q)
	for i, lead := range leads {
		m.intervals[j].at(&scales, lead+h.age, &offsets)
		for k, offset := range offsets {
			q[i*len(Quantiles)+k] += offset
		}
	}
}

// ask writes the j-th expert's own quantiles, and returns the scales that its
// intervals are in.
func (m *mixture) ask(h *history, j int, leads []int, q []float64) (s scales) {
	m.experts[j].path(h, leads, q)
	if len(leads) > 0 {
		m.intervals[j].scalesOf(h, leads[len(leads)-1]+h.age, &s)
	}
	return s
}

// prior trusts the experts, which are calibrated.
func (m *mixture) prior(int, float64) float64 { return 0 }

func (m *mixture) centred() bool { return false }

func (*mixture) kind() string { return kindBlend }

func (m *mixture) pack(p *packer) {
	p.integer(len(m.experts))
	for j, b := range m.experts {
		p.text(b.kind())
		b.pack(p)
		m.intervals[j].pack(p)
	}
	p.integer(len(m.weights))
	for _, w := range m.weights {
		p.floats(w)
	}
}

func unpackMixture(u *unpacker) (base, error) {
	n := u.length(1)
	if n < 1 || n > mixtureMax {
		return nil, fmt.Errorf("%w: a blend of %d experts", ErrCorrupt, n)
	}
	m := &mixture{}
	for range n {
		kind := u.text()
		if kind == kindBlend {
			return nil, fmt.Errorf("%w: a blend within a blend", ErrCorrupt)
		}
		b, err := unpackBase(kind, u)
		if err != nil {
			return nil, err
		}
		c, err := unpackConformal(u)
		if err != nil {
			return nil, err
		}
		m.experts, m.intervals = append(m.experts, b), append(m.intervals, c)
	}
	for range u.length(1) {
		w := u.floats()
		sum := 0.0
		for _, v := range w {
			if v < 0 {
				sum = -1
				break
			}
			sum += v
		}
		if len(w) != n || !(sum > 0.99 && sum < 1.01) {
			return nil, fmt.Errorf("%w: the weights of a blend", ErrCorrupt)
		}
		m.weights = append(m.weights, w)
	}
	if len(m.weights) == 0 {
		return nil, fmt.Errorf("%w: a blend without weights", ErrCorrupt)
	}
	return m, nil
}

// unpackBase reads what a base of a kind packed, and checks it.
func unpackBase(kind string, u *unpacker) (base, error) {
	switch kind {
	case kindNaive:
		return lastValue{}, u.err
	case kindSeasonal, kindMoved:
		season := u.integer()
		if season < 1 || season > seasonMax {
			return nil, fmt.Errorf("%w: season of %d steps", ErrCorrupt, season)
		}
		if kind == kindMoved {
			return movedSeason{season: season}, u.err
		}
		return lastSeason{season: season}, u.err
	case kindWindow:
		n := u.integer()
		if n < 1 || n > recentLength {
			return nil, fmt.Errorf("%w: window of %d values", ErrCorrupt, n)
		}
		return recentWindow{n: n}, u.err
	case kindQuantileNetwork:
		return unpackQuantileNetwork(u)
	case kindTrees:
		return unpackTrees(u)
	case kindSmoothing:
		return unpackSmoothing(u)
	case kindRidge:
		return unpackRidge(u)
	case kindRank1:
		return unpackRank1(u)
	case kindCoarse:
		return unpackCoarse(u)
	case kindTheta:
		return unpackTheta(u)
	case kindBlend:
		return unpackMixture(u)
	}
	return nil, fmt.Errorf("%w: expert of kind %q", ErrCorrupt, kind)
}
