package models

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"math/bits"

	"github.com/driftcast/driftcast/features"
)

// Online keeps the intervals of a level's forecasts at their stated coverage
// while the world moves: for each knot of leads it widens the side on which more
// than a tenth of the matured actuals fell outside, and narrows the one on which
// fewer did (quantile tracking, Angelopoulos, Candès and Tibshirani 2023, on the
// logarithm of the width). Only matured outcomes enter. Forecasts that overlap
// count for less, so that one surprise is one surprise however often it was
// forecast, and all subjects of an origin count as one.
//
// The zero Online changes nothing until it has observed something. It is not
// safe for concurrent use.
type Online struct {
	knots []onlineKnot
}

// onlineKnot is the state of one knot of leads.
type onlineKnot struct {
	Low, High   float64 // logarithms of what the distances from the median are multiplied by
	Origin      int     // of the outcomes that are being gathered
	N           float64 // of them
	Under, Over float64 // how many of them fell outside
	Started     bool
}

const (
	onlineRate   = 0.2 // of the logarithm of a width for each share of outcomes too many
	onlineMost   = 1.5 // of the logarithm of a width
	onlineBeyond = 0.1 // the share that should fall outside on either side
)

// Observe takes in the matured actual of a forecast made at the grid step origin
// for origin+lead. lower and upper are its 0.1 and 0.9 quantiles as issued.
// Origins must not fall for the same lead.
func (o *Online) Observe(origin, lead int, lower, upper, actual float64) {
	if actual-actual != 0 || lower != lower || upper != upper {
		return
	}
	k := nearestKnot(lead)
	for len(o.knots) <= k {
		o.knots = append(o.knots, onlineKnot{})
	}
	s := &o.knots[k]
	if s.Started && origin > s.Origin {
		s.learn(float64(origin-s.Origin) / float64(lead))
	}
	if !s.Started || origin > s.Origin {
		s.Started, s.Origin = true, origin
	}
	s.N++
	if actual < lower {
		s.Under++
	}
	if actual > upper {
		s.Over++
	}
}

// learn moves the widths by what was gathered, as share of an independent
// outcome.
func (s *onlineKnot) learn(share float64) {
	if s.N > 0 {
		rate := onlineRate * min(1, share)
		s.Low = min(max(s.Low+rate*(s.Under/s.N-onlineBeyond), -onlineMost), onlineMost)
		s.High = min(max(s.High+rate*(s.Over/s.N-onlineBeyond), -onlineMost), onlineMost)
	}
	s.N, s.Under, s.Over = 0, 0, 0
}

// at returns the factors of the distances below and above the median at a lead,
// between knots as intervals are.
func (o *Online) at(lead int) (low, high float64) {
	if len(o.knots) == 0 {
		return 1, 1
	}
	k := bits.Len(uint(max(lead, 1))) - 1
	if k >= len(o.knots)-1 {
		s := &o.knots[len(o.knots)-1]
		return math.Exp(s.Low), math.Exp(s.High)
	}
	// Knots of which nothing was observed are passed over: where only a few
	// leads are scored, what lies between them follows them.
	from, to := k, k+1
	for from > 0 && !o.knots[from].Started {
		from--
	}
	for !o.knots[to].Started {
		to++ // the last knot was observed, else it would not be there
	}
	a, b := &o.knots[from], &o.knots[to]
	if !a.Started {
		a = b
	}
	w := min(max((math.Log2(float64(lead))-float64(from))/float64(to-from), 0), 1)
	return math.Exp((1-w)*a.Low + w*b.Low), math.Exp((1-w)*a.High + w*b.High)
}

// Adjust moves the path of a forecast on a scale; its medians stay.
func (o *Online) Adjust(out *Forecast, scale features.Scale) {
	if len(o.knots) == 0 {
		return
	}
	t := transform{scale: scale}
	for i, lead := range out.Leads {
		q := out.Path[i*len(Quantiles) : (i+1)*len(Quantiles)]
		if scale == features.ScaleLog {
			t.offset = 1e-3 * math.Abs(q[Median])
			if t.offset == 0 {
				t.offset = 1e-3 * math.Abs(q[len(q)-1])
			}
			if t.offset == 0 {
				continue
			}
		}
		low, high := o.at(lead)
		median := t.in(q[Median])
		for k := range q {
			factor := low
			if k > Median {
				factor = high
			}
			if factor != 1 && q[k] != q[Median] { // else it stays as it is, to the last bit
				q[k] = t.out(median + factor*(t.in(q[k])-median))
			}
		}
	}
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (o *Online) MarshalBinary() ([]byte, error) {
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(o.knots); err != nil {
		return nil, fmt.Errorf("online intervals: %w", err)
	}
	return out.Bytes(), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. Where it fails nothing
// has been learned; the error wraps ErrCorrupt.
func (o *Online) UnmarshalBinary(b []byte) error {
	o.knots = nil
	var knots []onlineKnot
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&knots); err != nil {
		return fmt.Errorf("online intervals: %w: %w", ErrCorrupt, err)
	}
	if len(knots) > bits.UintSize || len(knots) > 0 && !knots[len(knots)-1].Started {
		return fmt.Errorf("online intervals: %w: %d knots", ErrCorrupt, len(knots))
	}
	for _, k := range knots {
		if !(math.Abs(k.Low) <= onlineMost && math.Abs(k.High) <= onlineMost && k.N >= 0 && k.Under >= 0 && k.Over >= 0) {
			return fmt.Errorf("online intervals: %w: a width of exp(%v) and exp(%v)", ErrCorrupt, k.Low, k.High)
		}
	}
	o.knots = knots
	return nil
}
