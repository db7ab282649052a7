package shift

import (
	"math"
	"slices"
	"time"
)

// past is what a subject was like before a time: its level and the noise of it.
type past struct {
	centre  float64
	spread  float64
	medians []float64 // of the blocks; against the same time of other days where there is a season
	profile []float64 // by slot of the day, the latest first; nil: no season
	to      int       // where it ends
	length  int       // of a block
}

// sections cuts r[from:to) into blocks of length samples, aligned to the end, and
// returns their medians, the latest first. Blocks that are mostly missing are
// NaN.
func (s *scratch) sections(r []float64, from, to, length int, dst []float64) []float64 {
	for end := to; end-length >= from; end -= length {
		m, n := s.median(r[end-length : end])
		if n < max(fewest, length/3) {
			m = math.NaN()
		}
		dst = append(dst, m)
	}
	return dst
}

// learn describes r[:to): the last baseline samples of it, or, where days
// resemble one another, all of it by the time of day. ok is false where there
// are too few blocks.
func (s *scratch) learn(r []float64, to, length, baseline int, step time.Duration) (p past, ok bool) {
	p = past{to: to, length: length, medians: s.sections(r, max(0, to-baseline), to, length, nil)}
	var n int
	if p.centre, n = s.median(p.medians); n < blocks {
		return p, false
	}
	p.spread = s.spread(p.medians, p.centre)
	if perDay := int(day / step); perDay%length == 0 && perDay/length >= blocks && to >= 2*perDay {
		s.season(r, to, length, perDay/length, &p)
	}
	p.medians = slices.DeleteFunc(p.medians, func(v float64) bool { return v != v })
	return p, true
}

// season replaces the blocks of p by their distance from the same slot of the
// other days where that is clearly smaller.
func (s *scratch) season(r []float64, to, length, slots int, p *past) {
	all := s.sections(r, 0, to, length, nil)
	days := min(len(all)/slots, 8)
	if days < 2 {
		return
	}
	all = all[:days*slots]
	others, profile := make([]float64, 0, days), make([]float64, slots)
	apart := make([]float64, 0, len(all))
	for slot := range slots {
		for d := range days {
			others = others[:0]
			for e := range days {
				if v := all[e*slots+slot]; e != d && v == v {
					others = append(others, v)
				}
			}
			m, n := s.median(others)
			if v := all[d*slots+slot]; n > 0 && v == v {
				apart = append(apart, v-m)
			}
		}
		others = others[:0]
		for d := range days {
			others = append(others, all[d*slots+slot])
		}
		profile[slot], _ = s.median(others)
	}
	level, _ := s.median(all)
	around, n := s.median(apart)
	if n < blocks {
		return
	}
	if spread := s.spread(apart, around); spread < 0.7*s.spread(all, level) {
		p.centre, p.spread, p.medians, p.profile = around, spread, apart, profile
	}
}

// expected returns the season's part of sample i, which may come after the past.
func (p *past) expected(i int) float64 {
	if p.profile == nil {
		return 0
	}
	slots := len(p.profile)
	slot := int(math.Floor(float64(p.to-1-i) / float64(p.length)))
	v := p.profile[((slot%slots)+slots)%slots]
	if v != v {
		return 0
	}
	return v
}
