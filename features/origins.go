package features

import (
	"math"
	"slices"
	"time"
)

// Origins returns the grid steps of the panel at every multiple of every
// (counted from the Unix epoch, so that a longer panel has the same origins)
// within [from, to]. Zero times mean the panel's ends; an every shorter than
// the grid means each step.
func Origins(p *Panel, every time.Duration, from, to time.Time) []int {
	if p.Len == 0 || p.Interval <= 0 {
		return nil
	}
	every = max(every, p.Interval)
	if from.Before(p.Start) {
		from = p.Start
	}
	if last := p.Time(p.Len - 1); to.IsZero() || to.After(last) {
		to = last
	}
	start := from
	if past := time.Duration(from.UnixNano() % int64(every)); past > 0 {
		start = from.Add(every - past)
	}
	var steps []int
	for t := start; !t.After(to); t = t.Add(every) {
		if i := p.Step(t); i >= 0 && i < p.Len && (len(steps) == 0 || steps[len(steps)-1] < i) {
			steps = append(steps, i)
		}
	}
	return steps
}

// maxLeads bounds the leads that DefaultLeads chooses beside the horizons.
const maxLeads = 96

// DefaultLeads returns the grid steps ahead at which a level is forecast when
// it is served: every step where the longest horizon is short, else about 90
// steps that are dense early and sparse late; every horizon is among them.
func DefaultLeads(t *Target) []int {
	if len(t.Horizons) == 0 || t.Interval <= 0 {
		return nil
	}
	horizons := horizonSteps(t)
	last := slices.Max(horizons)
	leads := slices.Clone(horizons)
	for i, n := 0, maxLeads-len(horizons); i < n; i++ {
		lead := i + 1
		if last > n { // geometric, but at least a step apart
			lead = max(lead, int(math.Round(math.Pow(float64(last), float64(i)/float64(n-1)))))
		}
		leads = append(leads, min(lead, last))
	}
	slices.Sort(leads)
	return slices.Compact(leads)
}

// horizonSteps returns the target's horizons in grid steps, each at least 1.
func horizonSteps(t *Target) []int {
	steps := make([]int, len(t.Horizons))
	for i, h := range t.Horizons {
		steps[i] = t.Steps(h)
	}
	return steps
}
