package features

import (
	"math"
	"sort"
)

// labeller answers y(t, h) for one subject.
//
//	y(t, h) = 1    a run of the predicate that holds for the target's For begins in (t, t+h]
//	y(t, h) = 0    none does, the predicate is known past t+h, and for at least half of (t, t+h]
//	y(t, h) = NaN  anything else: the predicate is not known false at t, the future is not known
//	               (yet), or a run may or may not have begun behind a gap or in maintenance
type labeller struct {
	runs    runs
	unknown []int32 // unknown[i] is the number of missing steps before step i
	series  []float64
	buf     []float64
}

// reset prepares the labels of a subject from its own signal.
func (l *labeller) reset(t *Target, own []float64) {
	l.series = own
	if !t.IsEvent() {
		l.buf = breaches(*t.Objective, own, l.buf[:0])
		l.series = l.buf
	}
	l.runs = scanRuns(l.series, stepsOf(t.For, t.Interval))
	l.unknown = append(l.unknown[:0], 0)
	n := int32(0)
	for _, v := range l.series {
		if v != v {
			n++
		}
		l.unknown = append(l.unknown, n)
	}
}

// label returns y(t, h) with t and h in grid steps.
func (l *labeller) label(t, h int) float64 {
	end := t + h
	switch {
	case !atRisk(l.series, t):
		return math.NaN()
	case within(l.runs.onsets, t, end):
		return 1
	case l.runs.last < end, within(l.runs.uncertain, t, end):
		return math.NaN()
	case 2*int(l.unknown[end+1]-l.unknown[t+1]) > h:
		return math.NaN()
	}
	return 0
}

// within says whether one of the ascending steps lies in (after, upTo].
func within(steps []int, after, upTo int) bool {
	i := sort.SearchInts(steps, after+1)
	return i < len(steps) && steps[i] <= upTo
}

// atRisk says whether the predicate is known to be false at step t: its last
// sample, at most a short gap ago, is 0.
func atRisk(predicate []float64, t int) bool {
	for i := t; i >= 0 && i >= t-gapSteps; i-- {
		if v := predicate[i]; v == v {
			return v == 0
		}
	}
	return false
}
