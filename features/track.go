package features

import "math"

// track is one series of one subject, made ready for features at any step in
// [first, end) by a single pass over it. It is reused from series to series.
type track struct {
	y          []float64
	first, end int
	center     float64 // the first finite value; sums are of y−center
	sums       []sums  // sums[i−first] over [first, i], one a step
	blocks     []extremes
	coarse     []extremes
	buf        []float64
	phase      int // the absolute number of step 0, so that strides do not hang on the panel's start
	sorted     map[int]*sortedWindow
	onsets     onsetTrack
}

// sums are running sums from the track's first step up to and including one.
type sums struct {
	sum, square float64
	n           int32 // finite samples
	changes     int32 // samples that differ from the sample before
	last        int32 // step of the newest sample; -1 where there is none
	changed     int32 // step of the newest change; -1 where there is none
}

// reset reads y[first:end].
func (t *track) reset(y []float64, first, end int) {
	t.y, t.first, t.end, t.center = y, first, end, 0
	for _, w := range t.sorted {
		w.reset()
	}
	if cap(t.sums) < end-first {
		t.sums = make([]sums, end-first)
	}
	t.sums = t.sums[:end-first]
	run, previous := sums{last: -1, changed: -1}, math.NaN()
	for i, v := range y[first:end] {
		if v-v == 0 { // finite
			if run.n == 0 {
				t.center = v
			} else if v != previous {
				run.changes++
				run.changed = int32(first + i)
			}
			previous = v
			run.n++
			run.last = int32(first + i)
			d := v - t.center
			run.sum += d
			run.square += d * d
		}
		t.sums[i] = run
	}
	t.fillBlocks()
}

// at returns the running sums up to and including step i; zero before first.
func (t *track) at(i int) sums {
	if i < t.first {
		return sums{last: -1, changed: -1}
	}
	return t.sums[i-t.first]
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
