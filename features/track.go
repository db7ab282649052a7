package features

import "math"

// track is one series of one subject, made ready for features at any step in
// [first, end) by a single pass over it. It is reused from series to series.
type track struct {
	cuts   cuts
	y      []float64
	first  int
	center float64 // the first finite value; sums are of y−center

	from     int    // the first cut at or after first
	sums     []sums // sums[c−from] is of [first, the step of cut c]
	segments []extremes
	coarse   []extremes
	latest   struct { // the answer to the latest question for extremes
		i, w int
		extremes
	}

	phase  int // the absolute number of step 0, so that strides do not hang on the panel's start
	sorted map[int]*sortedWindow
	onsets onsetTrack
}

// sums are running sums from the track's first step up to and including one.
type sums struct {
	sum, square float64
	previous    float64 // the newest finite value
	n           int32   // finite samples
	changes     int32   // samples that differ from the sample before
	last        int32   // step of the newest sample; -1 where there is none
	changed     int32   // step of the newest change; -1 where there is none
}

var nothing = sums{previous: math.NaN(), last: -1, changed: -1}

// reset reads y[first:end].
func (t *track) reset(y []float64, first, end int) {
	t.y, t.first, t.center, t.latest.w = y, first, 0, 0
	for _, w := range t.sorted {
		w.reset()
	}
	for _, v := range y[first:end] {
		if v-v == 0 {
			t.center = v
			break
		}
	}
	t.from = 0
	if first > 0 {
		t.from = int(t.cuts.upTo[first-1])
	}
	t.sums, t.segments = t.sums[:0], t.segments[:0]
	run, a := nothing, first
	for _, step := range t.cuts.steps[t.from:] {
		b := int(step) + 1
		if b > end {
			break
		}
		var e extremes
		run, e = t.pass(run, a, b)
		t.sums, t.segments = append(t.sums, run), append(t.segments, e)
		a = b
	}
	t.fillCoarse()
}

// pass reads y[a:b], and returns the running sums after it and its extremes.
func (t *track) pass(run sums, a, b int) (sums, extremes) {
	sum, square, previous, center := run.sum, run.square, run.previous, t.center
	n, changes, last, changed := run.n, run.changes, run.last, run.changed
	low, high := math.Inf(1), math.Inf(-1)
	if n == 0 {
		previous = center // the first sample is no change
	}
	for i, v := range t.y[a:b] {
		if v-v != 0 { // missing, or infinite
			continue
		}
		d := v - center
		sum += d
		square += d * d
		if v != previous {
			previous = v
			changes++
			changed = int32(a + i)
		}
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
		n++
		last = int32(a + i)
	}
	return sums{sum, square, previous, n, changes, last, changed}, extremes{low, high}
}

// at returns the running sums up to and including step i; zero before first.
func (t *track) at(i int) sums {
	if i < t.first {
		return nothing
	}
	run, a := nothing, t.first
	if c := int(t.cuts.upTo[i]) - t.from; c > 0 {
		run, a = t.sums[c-1], int(t.cuts.steps[t.from+c-1])+1
	}
	if a <= i { // no cut at i itself
		run, _ = t.pass(run, a, i+1)
	}
	return run
}

// mean returns the mean of the w steps up to and including i; NaN where all of
// them are missing.
func (t *track) mean(i, w int) float64 {
	a, b := t.at(i-w), t.at(i)
	if n := b.n - a.n; n > 0 {
		return t.center + (b.sum-a.sum)/float64(n)
	}
	return math.NaN()
}

// std returns the sample standard deviation of the w steps up to and including
// i; NaN where fewer than two are there. What is below the rounding of the sums
// is 0.
func (t *track) std(i, w int) float64 {
	a, b := t.at(i-w), t.at(i)
	n := float64(b.n - a.n)
	if n < 2 {
		return math.NaN()
	}
	sum := b.sum - a.sum
	square := b.square - a.square
	deviation := square - sum*sum/n
	if deviation <= 1e-13*b.square {
		return 0
	}
	return math.Sqrt(deviation / (n - 1))
}

// slope returns the rise of the level per step over the w steps up to and
// including i: the mean of the later half less that of the earlier half, over
// the half's length. A gap in either half only makes that half's mean rougher.
func (t *track) slope(i, w int) float64 {
	half := w / 2
	return (t.mean(i, half) - t.mean(i-half, half)) / float64(half)
}

// newest returns the newest value at or before i, at most w steps old; NaN
// where there is none.
func (t *track) newest(i, w int) float64 {
	if last := int(t.at(i).last); last >= 0 && i-last < w {
		return t.y[last]
	}
	return math.NaN()
}

// lag returns the value w steps before i, NaN before the panel begins.
func (t *track) lag(i, w int) float64 {
	if i < w {
		return math.NaN()
	}
	return finite(t.y[i-w])
}

// change returns the newest value less that of w steps ago.
func (t *track) change(i, w int) float64 { return t.newest(i, w) - t.lag(i, w) }

// changes returns how often the value changed in the w steps up to i.
func (t *track) changes(i, w int) float64 {
	if t.at(i).n == 0 {
		return math.NaN()
	}
	return float64(t.at(i).changes - t.at(i-w).changes)
}

// sinceChange returns the steps since the value last changed, at most w; NaN
// where the series has no sample in them.
func (t *track) sinceChange(i, w int) float64 {
	s := t.at(i)
	switch {
	case s.n == t.at(i-w).n:
		return math.NaN()
	case s.changed < 0:
		return float64(w)
	}
	return float64(min(i-int(s.changed), w))
}

// sinceSample returns the steps since the newest sample, at most w.
func (t *track) sinceSample(i, w int) float64 {
	if last := int(t.at(i).last); last >= 0 {
		return float64(min(i-last, w))
	}
	return float64(w)
}

// missing returns the share of the w steps up to i that have no sample; steps
// before the panel begins do not count.
func (t *track) missing(i, w int) float64 {
	w = min(w, i+1)
	return 1 - float64(t.at(i).n-t.at(i-w).n)/float64(w)
}

// finite returns v, or NaN where it is infinite.
func finite(v float64) float64 {
	if v-v == 0 {
		return v
	}
	return math.NaN()
}
