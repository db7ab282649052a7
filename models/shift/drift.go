package shift

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// fewestEff is how many independent samples a recent window must be worth for
// its p-value to count.
const fewestEff = 4

// DriftOptions say what counts as drift.
type DriftOptions struct {
	Baseline time.Duration // default 7d
	Window   time.Duration // of recent samples; default 6h
	PSI      float64       // default 0.25, the usual bound of a major shift; 0.1 is that of a minor one
	P        float64       // highest p-value of KS; default 0.01
}

func (o DriftOptions) withDefaults() DriftOptions {
	if o.Baseline == 0 {
		o.Baseline = week
	}
	if o.Window == 0 {
		o.Window = 6 * time.Hour
	}
	if o.PSI == 0 {
		o.PSI = 0.25
	}
	if o.P == 0 {
		o.P = 0.01
	}
	return o
}

// Validate says what is wrong with options or with how they fit a step.
func (o DriftOptions) Validate(step time.Duration) error {
	o = o.withDefaults()
	switch {
	case step <= 0:
		return fmt.Errorf("step %s is not positive", step)
	case o.Window < 5*step:
		return fmt.Errorf("window %s is shorter than 5 steps of %s: lengthen it", o.Window, step)
	case o.Baseline < 3*o.Window:
		return fmt.Errorf("baseline %s is shorter than 3 windows of %s: lengthen it, or shorten the window", o.Baseline, o.Window)
	case !(o.PSI > 0), !(o.P > 0 && o.P < 1):
		return fmt.Errorf("PSI %v and p-value %v: want a positive number, and one between 0 and 1", o.PSI, o.P)
	}
	return nil
}

// DriftKind is what Drift thinks of the end of a signal.
type DriftKind string

// The kinds: nothing, drift, a change of unit, and too few samples to say.
const (
	Same     DriftKind = "same"
	Drifted  DriftKind = "drifted"
	Rescaled DriftKind = "unit"
	Unclear  DriftKind = "unknown"
)

// Drift compares the last window of a signal on a grid with the baseline before
// it, and the baseline's own windows with the rest of it: what the signal does
// now and then is no drift. Where days resemble one another, only the same hours
// of other days are compared.
func Drift(values []float64, step time.Duration, o DriftOptions) (c Comparison, kind DriftKind, why string) {
	o = o.withDefaults()
	window := int(o.Window / step)
	from := max(0, len(values)-window)
	first := max(0, from-int(o.Baseline/step))
	recent, baseline := values[from:], values[first:from]
	perDay := int(day / step)
	like := alike(values[:from], first, window, perDay, len(values))
	pieces := windows(baseline, window)
	if like != nil {
		pieces, baseline = like, slices.Concat(like...)
	}
	c = Compare(baseline, recent)
	if c.LikeHours = like != nil; like != nil && c.KS == c.KS {
		c.BaselineEff, c.RecentEff = worthBeside(like, recent)
		c.KSP = significance(c.KS, c.BaselineEff, c.RecentEff)
	}
	c.Usual = usual(pieces)
	switch {
	case c.KS != c.KS || len(pieces) < 3:
		return c, Unclear, fmt.Sprintf("too few samples: %d before, %d recent", c.BaselineN, c.RecentN)
	case c.Unit != "":
		return c, Rescaled, c.Unit
	case c.PSI < o.PSI:
		return c, Same, "PSI is below its bound"
	case c.PSI < 1.2*c.Usual:
		return c, Same, "the baseline's own windows differ as much"
	case (c.RecentEff < fewestEff && inside(pieces, recent)) || (c.RecentEff >= fewestEff && c.KSP >= o.P):
		return c, Same, "too few independent samples to tell it from chance"
	}
	return c, Drifted, fmt.Sprintf("PSI %.2g (usual up to %.2g), median %.4g → %.4g", c.PSI, c.Usual, c.Before, c.After)
}

// worthBeside returns what the like hours and the recent ones are worth in
// independent samples once the course of the day is taken out of both.
func worthBeside(like [][]float64, recent []float64) (baseline, now float64) {
	var s scratch
	course, at := make([]float64, len(recent)), make([]float64, len(like))
	for i := range course {
		for k, piece := range like {
			at[k] = piece[i]
		}
		course[i], _ = s.median(at)
	}
	apart := func(piece []float64) []float64 {
		out := make([]float64, len(piece))
		for i, v := range piece {
			out[i] = v - course[i]
		}
		return out
	}
	for _, piece := range like {
		baseline += worthOf(apart(piece))
	}
	return math.Max(1, baseline), math.Max(1, worthOf(apart(recent)))
}

// inside says whether the median of a recent window lies within those of the
// baseline's windows: a series whose samples are hardly independent has drifted
// only where it goes to where it never was.
func inside(pieces [][]float64, recent []float64) bool {
	var s scratch
	at, _ := s.median(recent)
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range pieces {
		if m, n := s.median(p); n > 0 {
			low, high = math.Min(low, m), math.Max(high, m)
		}
	}
	return at >= low && at <= high
}

// windows cuts a baseline into windows, the latest first, without those that are
// mostly missing.
func windows(baseline []float64, length int) [][]float64 {
	var out [][]float64
	for end := len(baseline); end-length >= 0; end -= length {
		if piece := baseline[end-length : end]; len(known(piece)) >= max(5, length/3) {
			out = append(out, piece)
		}
	}
	return out
}

// alike returns the windows of other days at the hours of the one that ends at
// end, or nil where there are fewer than three or the time of day tells little:
// the medians of hours must vary more between hours than between days.
func alike(values []float64, first, window, perDay, end int) [][]float64 {
	if perDay < 2 || window >= perDay {
		return nil
	}
	var pieces [][]float64
	for back := perDay; end-window-back >= first; back += perDay {
		if piece := values[end-window-back : end-back]; len(known(piece)) >= max(5, window/3) {
			pieces = append(pieces, piece)
		}
	}
	if len(pieces) < 3 || !daysAlike(values[first:], perDay) {
		return nil
	}
	return pieces
}

// daysAlike says whether the hour of the day tells a fifth or more of the spread of
// a series' hourly medians.
func daysAlike(values []float64, perDay int) bool {
	hour := perDay / 24
	if hour < 1 {
		return false
	}
	var s scratch
	days := len(values) / perDay
	medians := make([][]float64, 24)
	var all, apart []float64
	for h := range 24 {
		for d := range days {
			end := len(values) - d*perDay - h*hour
			if m, n := s.median(values[end-hour : end]); n > 0 {
				medians[h], all = append(medians[h], m), append(all, m)
			}
		}
	}
	others := make([]float64, 0, days)
	for _, of := range medians {
		for i, v := range of {
			others = append(append(others[:0], of[:i]...), of[i+1:]...)
			if m, n := s.median(others); n > 0 {
				apart = append(apart, v-m)
			}
		}
	}
	centre, n := s.median(all)
	return n >= 48 && len(apart) > 0 && s.spread(apart, 0) < 0.8*s.spread(all, centre)
}

// usual returns the 0.95 quantile of the PSI of each window against the others.
func usual(pieces [][]float64) float64 {
	if len(pieces) < 3 {
		return math.NaN()
	}
	at := edges(known(slices.Concat(pieces...)))
	counts := make([][]float64, len(pieces))
	total := make([]float64, len(at)+1)
	for i, p := range pieces {
		counts[i] = cells(known(p), at)
		for k, n := range counts[i] {
			total[k] += n
		}
	}
	found := make([]float64, len(pieces))
	rest := make([]float64, len(total))
	for i := range pieces {
		for k := range total {
			rest[k] = total[k] - counts[i][k]
		}
		found[i] = stability(rest, counts[i])
	}
	slices.Sort(found)
	return quantile(found, 0.95)
}
