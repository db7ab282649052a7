package features

import (
	"math"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Panel holds a target's signals on one grid. Values[k*len(Subjects)+s][i] is
// signal k of subject s at Start+i·Interval; NaN is missing. Signal 0 is the
// target's own: the level itself, or the event's predicate as 0 and 1.
type Panel struct {
	Start    time.Time
	Interval time.Duration
	Len      int
	Subjects []collector.Subject
	Signals  []string
	Values   [][]float64
}

// Time returns the time of grid step i.
func (p *Panel) Time(i int) time.Time { return p.Start.Add(time.Duration(i) * p.Interval) }

// Step returns the last grid step that is not after t; it is negative before
// Start and may be past Len.
func (p *Panel) Step(t time.Time) int {
	d := t.Sub(p.Start)
	i := int(d / p.Interval)
	if d < 0 && d%p.Interval != 0 {
		i--
	}
	return i
}

// Series returns signal k of subject s, Len values.
func (p *Panel) Series(k, s int) []float64 { return p.Values[k*len(p.Subjects)+s] }

// Until returns the first n steps of the panel, a view whose capacity ends
// there: nothing later is to be reached through it. An n beyond either end is
// that end.
func (p *Panel) Until(n int) *Panel {
	out := *p
	out.Len = min(max(n, 0), p.Len)
	out.Values = make([][]float64, len(p.Values))
	for i, v := range p.Values {
		out.Values[i] = v[:out.Len:out.Len]
	}
	return &out
}

// Row is one row of a Frame: a subject (index into Panel.Subjects) and an
// origin (grid step). Only data at or before the origin is in its features.
type Row struct{ Subject, Origin int }

// Column describes one feature, in words that an SRE reads.
type Column struct {
	Name   string // e.g. row_remaps_change_6h
	Signal string // the signal it is made from; empty for calendar columns
	Text   string // e.g. "change of row remaps in 6 h"
	Unit   string
}

// Frame is the feature matrix of one target. A Frame is read-only once made
// and safe for concurrent use.
type Frame struct {
	Target  *Target
	Panel   *Panel
	Columns []Column
	Rows    []Row
	X       []float64 // len(Rows)×len(Columns), row-major; NaN is missing

	// Leads are the grid steps after the origin for which a level is
	// forecast, ascending, the first ≥ 1. Empty for events.
	Leads []int

	// Labels is len(Rows)×len(Target.Horizons), row-major: 1 where the event
	// (or the breach of a level's objective) begins in (t, t+horizon], 0
	// where it does not, NaN where that is unknown or censored. It is nil in
	// frames made for prediction.
	Labels []float64

	labelled bool // whether Future may be asked for
}

// Features returns the feature vector of a row, a view of len(Columns).
func (f *Frame) Features(row int) []float64 {
	p := len(f.Columns)
	return f.X[row*p : (row+1)*p : (row+1)*p]
}

// Past returns the target's own values up to and including the row's origin, a
// view whose capacity ends there.
func (f *Frame) Past(row int) []float64 {
	r := f.Rows[row]
	return f.Panel.Series(0, r.Subject)[: r.Origin+1 : r.Origin+1]
}

// Future appends to dst the target's values at the row's Leads; NaN is unknown
// (missing, or past the end of the panel). In frames made for prediction all
// are NaN.
func (f *Frame) Future(row int, dst []float64) []float64 {
	r := f.Rows[row]
	y := f.Panel.Series(0, r.Subject)
	for _, lead := range f.Leads {
		v := math.NaN()
		if i := r.Origin + lead; f.labelled && i < len(y) {
			v = y[i]
		}
		dst = append(dst, v)
	}
	return dst
}

// Label returns the label of a row at the h-th horizon; NaN is unknown.
func (f *Frame) Label(row, h int) float64 {
	if f.Labels == nil {
		return math.NaN()
	}
	return f.Labels[row*len(f.Target.Horizons)+h]
}

// SubjectOf returns the subject of a row.
func (f *Frame) SubjectOf(row int) collector.Subject { return f.Panel.Subjects[f.Rows[row].Subject] }

// OriginOf returns the origin of a row as a time.
func (f *Frame) OriginOf(row int) time.Time { return f.Panel.Time(f.Rows[row].Origin) }
