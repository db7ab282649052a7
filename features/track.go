package features

import "math"

// track is one series of one subject, made ready for features at the origins by
// a single pass over it. It is reused from series to series: reset reads a
// series, seek goes to an origin, and the rest answers there.
type track struct {
	cuts   cuts
	y      []float64
	first  int     // the first step that is read
	center float64 // the first finite value; sums are of y−center

	from     int    // the first cut at or after first
	sums     []sums // sums[c−from] is of [first, the step of cut c]
	segments []extremes
	coarse   []extremes

	i      int     // the origin
	now    *sums   // up to the origin
	before []*sums // by offset, up to so many steps before it
	row    []int32 // the cuts of before
	latest struct {
		slot int
		extremes
	}

	phase  int            // the absolute number of step 0, so that strides do not hang on the panel's start
	sorted []sortedWindow // by slot
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

// nothing is the sum of no samples; read only.
var nothing = sums{previous: math.NaN(), last: -1, changed: -1}

// reset reads y[first:end].
func (t *track) reset(y []float64, first, end int) {
	t.y, t.first, t.center = y, first, 0
	for i := range t.sorted {
		t.sorted[i].reset()
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
	run.previous = t.center // the first sample is no change
	for _, step := range t.cuts.steps[t.from:] {
		b := int(step) + 1
		if b > end {
			break
		}
		e := run.add(y[a:b], a, t.center)
		t.sums, t.segments = append(t.sums, run), append(t.segments, e)
		a = b
	}
	t.fillCoarse()
}

// add adds the samples y, the first of which is that of step a, and returns
// their extremes.
func (s *sums) add(y []float64, a int, center float64) extremes {
	sum, square, previous := s.sum, s.square, s.previous
	n, changes, last, changed := s.n, s.changes, s.last, s.changed
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range y {
		if v-v != 0 { // missing, or infinite
			continue
		}
		d := v - center
		sum += d
		square += d * d
		change := int32(0) // no branches here: noise cannot be predicted
		if v != previous {
			change = 1
		}
		if change != 0 {
			changed = int32(a + i)
		}
		changes += change
		previous = v
		low, high = min(low, v), max(high, v)
		n++
		last = int32(a + i)
	}
	*s = sums{sum, square, previous, n, changes, last, changed}
	return extremes{low, high}
}

// seek goes to an origin, given by its index and its step.
func (t *track) seek(o, i int) {
	t.i, t.row, t.before, t.latest.slot = i, t.cuts.rows[o], t.before[:0], 0
	for _, c := range t.row {
		at := &nothing
		if c := int(c) - t.from; c >= 0 {
			at = &t.sums[c]
		}
		t.before = append(t.before, at)
	}
	t.now = t.before[0]
}

// mean returns the mean of a window; NaN where all of it is missing.
func (t *track) mean(w window) float64 { return t.meanBetween(t.before[w.slot], t.now) }

func (t *track) meanBetween(a, b *sums) float64 {
	if n := b.n - a.n; n > 0 {
		return t.center + (b.sum-a.sum)/float64(n)
	}
	return math.NaN()
}

// std returns the sample standard deviation of a window; NaN where fewer than
// two samples are there. What is below the rounding of the sums is 0.
func (t *track) std(w window) float64 {
	a, b := t.before[w.slot], t.now
	n := float64(b.n - a.n)
	if n < 2 {
		return math.NaN()
	}
	sum := b.sum - a.sum
	deviation := b.square - a.square - sum*sum/n
	if deviation <= 1e-13*b.square {
		return 0
	}
	return math.Sqrt(deviation / (n - 1))
}

// slope returns the rise per step over a window: the mean of the later half
// less that of the earlier half, over the half's length. A gap in a half only
// makes its mean rougher.
func (t *track) slope(w window) float64 {
	half, twice := t.before[w.half], t.before[w.half+1]
	return (t.meanBetween(half, t.now) - t.meanBetween(twice, half)) / float64(w.steps/2)
}

// newest returns the newest value of a window; NaN where it has none.
func (t *track) newest(w window) float64 {
	if last := int(t.now.last); last >= 0 && t.i-last < w.steps {
		return t.now.previous
	}
	return math.NaN()
}

// lag returns the value so many steps ago, NaN before the panel begins.
func (t *track) lag(steps int) float64 {
	if t.i < steps {
		return math.NaN()
	}
	return t.y[t.i-steps]
}

// changes returns how often the value changed in a window.
func (t *track) changes(w window) float64 {
	if t.now.n == 0 {
		return math.NaN()
	}
	return float64(t.now.changes - t.before[w.slot].changes)
}

// sinceChange returns the steps since the value last changed, at most those of
// the window; NaN where that has no sample.
func (t *track) sinceChange(w window) float64 {
	switch {
	case t.now.n == t.before[w.slot].n:
		return math.NaN()
	case t.now.changed < 0:
		return float64(w.steps)
	}
	return float64(min(t.i-int(t.now.changed), w.steps))
}

// sinceSample returns the steps since the newest sample, at most those of the
// window.
func (t *track) sinceSample(w window) float64 {
	if last := int(t.now.last); last >= 0 {
		return float64(min(t.i-last, w.steps))
	}
	return float64(w.steps)
}

// missing returns the share of a window's steps that have no sample; steps
// before the panel begins do not count.
func (t *track) missing(w window) float64 {
	return 1 - float64(t.now.n-t.before[w.slot].n)/float64(min(w.steps, t.i+1))
}

// finite returns v, or NaN where it is infinite.
func finite(v float64) float64 {
	if v-v == 0 {
		return v
	}
	return math.NaN()
}
