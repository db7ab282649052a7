package models

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// Episode is a past moment that another is like, and what followed it.
type Episode struct {
	Subject  collector.Subject
	Origin   time.Time
	Distance float64   // root mean square of the standardised differences, each at most 3
	Happened []float64 // by the target's horizons: 1 the event or breach began, 0 it did not, NaN unknown or a level without an objective
	After    []float64 // of a level, its value at each horizon; NaN is unknown. Nil for events
	Value    float64   // of a level, at Origin; NaN for events
}

// Precedents are past rows of one target, to find those that a row is most like:
// an exact nearest-neighbour search. Events are compared by their standardised
// features, levels by the shape of their recent course and by how far it is
// from the objective. It holds 4 bytes a row and dimension, and is safe for
// concurrent use.
type Precedents struct {
	target   features.Target
	columns  []int // of the frame, for an event
	mean, sd []float64
	x        []float32 // rows × dimensions
	rows     []Episode // without Distance
}

const (
	episodeRows   = 20_000 // that a search looks through, at most
	episodeShape  = 24     // points of the recent course of a level
	episodeFar    = 3      // standard deviations that a difference counts for at most
	episodeRecent = 24     // grid steps that the course covers at least
)

// NewPrecedents takes the labelled rows of a frame, thinned out evenly where they
// are very many. It returns ErrTooFewRows (wrapped) where there is none.
func NewPrecedents(f *features.Frame) (*Precedents, error) {
	e := &Precedents{target: *f.Target}
	for j, c := range f.Columns {
		if c.Signal != "" { // the hour of the day is no likeness
			e.columns = append(e.columns, j)
		}
	}
	every := (len(f.Rows) + episodeRows - 1) / episodeRows
	if every == 0 {
		return nil, fmt.Errorf("episodes of %s: %w", e.target.Name, ErrTooFewRows)
	}
	var raw []float64
	for row := 0; row < len(f.Rows); row += every {
		raw = e.describe(f, row, raw)
		e.rows = append(e.rows, e.episode(f, row))
	}
	d := len(raw) / len(e.rows)
	e.mean, e.sd = make([]float64, d), make([]float64, d)
	e.x = make([]float32, len(raw))
	for j := range d {
		e.mean[j], e.sd[j] = centreOf(raw[j:], d)
	}
	for i, v := range raw {
		e.x[i] = float32((v - e.mean[i%d]) / e.sd[i%d])
	}
	return e, nil
}

// episode is what followed a row.
func (e *Precedents) episode(f *features.Frame, row int) Episode {
	out := Episode{Subject: f.SubjectOf(row), Origin: f.OriginOf(row), Value: math.NaN()}
	for h := range e.target.Horizons {
		out.Happened = append(out.Happened, f.Label(row, h))
	}
	if e.target.IsEvent() {
		return out
	}
	past, y := f.Past(row), f.Panel.Series(0, f.Rows[row].Subject)
	out.Value = past[len(past)-1]
	for _, h := range e.target.Horizons {
		v := math.NaN()
		if i := f.Rows[row].Origin + e.target.Steps(h); i < len(y) {
			v = y[i]
		}
		out.After = append(out.After, v)
	}
	return out
}

// describe appends the raw dimensions of a row.
func (e *Precedents) describe(f *features.Frame, row int, dst []float64) []float64 {
	if e.target.IsEvent() {
		x := f.Features(row)
		for _, j := range e.columns {
			dst = append(dst, x[j])
		}
		return dst
	}
	return appendCourse(dst, f.Past(row), &e.target)
}

// appendCourse appends the recent course of a level in episodeShape means, in
// units of its own spread around its median, and last how far the newest value
// is from the objective in that unit. Missing stretches are NaN.
func appendCourse(dst, past []float64, t *features.Target) []float64 {
	span := episodeRecent
	if len(t.Horizons) > 0 {
		span = max(span, int(t.Horizons[len(t.Horizons)-1]/t.Interval))
	}
	recent := past[max(0, len(past)-span):]
	var known []float64
	for _, v := range recent {
		if v-v == 0 {
			known = append(known, v)
		}
	}
	middle, spread := math.NaN(), math.NaN()
	if len(known) > 0 {
		slices.Sort(known)
		middle = known[len(known)/2]
		for i, v := range known {
			known[i] = math.Abs(v - middle)
		}
		slices.Sort(known)
		spread = max(1.4826*known[len(known)/2], 1e-3*math.Abs(middle), 1e-12)
	}
	bound := func(z float64) float64 { return min(max(z, -8), 8) }
	for i := range episodeShape {
		from, to := len(recent)-(episodeShape-i)*span/episodeShape, len(recent)-(episodeShape-i-1)*span/episodeShape
		sum, n := 0.0, 0.0
		for _, v := range recent[max(0, from):max(0, to)] {
			if v-v == 0 {
				sum += v
				n++
			}
		}
		dst = append(dst, bound((sum/n-middle)/spread)) // NaN of nothing
	}
	if t.Objective == nil {
		return append(dst, 0)
	}
	last := math.NaN()
	if len(past) > 0 {
		last = past[len(past)-1]
	}
	return append(dst, bound((t.Objective.Bound-last)/spread))
}

// centreOf returns mean and standard deviation of every d-th value that is
// known; a deviation of nothing or of constants is 1.
func centreOf(x []float64, d int) (mean, sd float64) {
	var n, squares float64
	for i := 0; i < len(x); i += d {
		if v := x[i]; v-v == 0 {
			n++
			change := v - mean
			mean += change / n
			squares += change * (v - mean)
		}
	}
	if sd = math.Sqrt(squares / n); !(sd > 0) {
		sd = 1
	}
	return mean, sd
}

// Nearest returns the k episodes that a row is most like, the nearest first:
// those that ended (by the given horizon) before the row's origin, and of one
// subject none within a horizon of another. Where both lack a dimension they are
// alike in it; where one does, they differ by a standard deviation.
func (e *Precedents) Nearest(f *features.Frame, row, k int, horizon time.Duration) []Episode {
	d := len(e.mean)
	if d == 0 {
		return nil
	}
	at := e.describe(f, row, make([]float64, 0, d))
	for j := range at {
		at[j] = (at[j] - e.mean[j]) / e.sd[j]
	}
	latest := f.OriginOf(row).Add(-horizon)
	type candidate struct {
		row      int
		distance float64
	}
	var all []candidate
	for i := range e.rows {
		if e.rows[i].Origin.After(latest) {
			continue
		}
		all = append(all, candidate{i, unlikeness(at, e.x[i*d:(i+1)*d])})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.row, b.row))
	})
	var out []Episode
	for _, c := range all {
		if len(out) == k {
			break
		}
		one := e.rows[c.row]
		if slices.ContainsFunc(out, func(o Episode) bool {
			return o.Subject == one.Subject && o.Origin.Sub(one.Origin).Abs() < horizon
		}) {
			continue
		}
		one.Distance = c.distance
		out = append(out, one)
	}
	return out
}

// unlikeness is the Distance between what is asked about and a row.
func unlikeness(a []float64, b []float32) float64 {
	sum := 0.0
	for j, v := range a {
		w := float64(b[j])
		switch known := v == v; {
		case known != (w == w):
			sum++
		case known:
			gap := math.Min(math.Abs(v-w), episodeFar)
			sum += gap * gap
		}
	}
	return math.Sqrt(sum / float64(len(a)))
}
