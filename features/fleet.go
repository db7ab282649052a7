package features

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// fleet is what the events of all subjects of a panel say at each origin. An
// onset counts from the step at which it is known to be one: when the predicate
// has held for the target's For. Only onsets of the look-back count.
type fleet struct {
	origins []int
	reach   int      // look-back, steps
	week    float64  // steps
	shared  []window // half-lives of the decayed counts over other subjects
	class   []int    // by subject
	seen    []int    // by subject: the first step with a sample
	known   [][]int  // by subject: steps at which an onset was known
	all     crew
	classes []crew
}

// crew is a group of subjects.
type crew struct {
	size     int
	decayed  [][]float64 // half-lives × origins: Σ 2^(−age/halfLife) over its onsets
	onsets   []int       // by origin, within the look-back
	exposure []float64   // by origin, steps since its subjects were first seen, within the look-back
}

// A subject's rate is drawn to that of its class as if by one event, and that
// of the class to the fleet's as if by three (gamma–Poisson).
const (
	ownPrior   = 1
	classPrior = 3
)

// fleetColumns lists the columns that fleet.fill writes.
func fleetColumns(signal string, interval time.Duration, lookback int) []Column {
	name := words(signal)
	columns := []Column{{
		Name: signal + "_rate", Signal: signal, Unit: "onsets/week",
		Text: "rate at which " + name + " begins, drawn to its class's and to that of all",
	}}
	for _, group := range []struct{ name, text string }{{"class", "others of its class"}, {"fleet", "all others"}} {
		for _, h := range sharedHalfLives(interval, lookback) {
			columns = append(columns, Column{
				Name: signal + "_" + group.name + "_decayed_" + h.name, Signal: signal, Unit: "onsets",
				Text: "times that " + name + " began at each of " + group.text + ", each counting half as much every " + h.text,
			})
		}
	}
	return columns
}

// sharedHalfLives are the half-lives of decayed counts over other subjects.
func sharedHalfLives(interval time.Duration, lookback int) []window {
	return upTo(lookback, interval, time.Hour, 24*time.Hour, 7*24*time.Hour)
}

// newFleet reads the events of all subjects.
func newFleet(p *Panel, t *Target, origins []int, lookback int) *fleet {
	f := &fleet{
		origins: origins, reach: lookback, shared: sharedHalfLives(t.Interval, lookback),
		week:  float64(7*24*time.Hour) / float64(t.Interval),
		class: make([]int, len(p.Subjects)), seen: make([]int, len(p.Subjects)), known: make([][]int, len(p.Subjects)),
	}
	if len(origins) == 0 {
		return f
	}
	from, end := max(0, origins[0]-lookback+1), origins[len(origins)-1]+1
	need := max(1, stepsOf(t.For, t.Interval))
	parallel(len(p.Subjects), func(_, s int) { f.seen[s], f.known[s] = confirmed(p.Series(0, s), from, end, need) })

	index := map[string]int{}
	var members [][]int
	everyone := make([]int, len(p.Subjects))
	for s, subject := range p.Subjects {
		everyone[s] = s
		name := classOf(subject)
		c, ok := index[name]
		if !ok {
			c = len(members)
			index[name], members = c, append(members, nil)
		}
		f.class[s], members[c] = c, append(members[c], s)
	}
	f.all = f.crew(everyone)
	f.classes = make([]crew, len(members))
	parallel(len(members), func(_, c int) { f.classes[c] = f.crew(members[c]) })
	return f
}

// confirmed returns the first step of series[from:end] that has a sample, and
// the steps at which a run of the predicate that was seen to begin had held for
// so many steps.
func confirmed(series []float64, from, end, need int) (first int, steps []int) {
	first = end
	last, begin, previous := -1, -1, 1.0
	for i := from; i < end; i++ {
		v := series[i]
		if v != v {
			continue
		}
		near := last >= 0 && i-last <= gapSteps+1
		switch {
		case v == 0, !near:
			begin = -1
		case begin < 0 && previous == 0:
			begin = i
		}
		if begin >= 0 && i-begin+1 >= need && (last < begin || last-begin+1 < need) {
			steps = append(steps, i)
		}
		first, last, previous = min(first, i), i, v
	}
	return first, steps
}

// classOf returns what a subject has in common with those like it: the node of
// a GPU (all but the last of its labels), the workload of a pod. Other names
// are nobody's class, whatever they begin with: a name may tell what became of
// its bearer ("node-replaced-3"), and that is the future.
func classOf(s collector.Subject) string {
	class := ""
	if i := strings.LastIndexByte(s.Name, ':'); i >= 0 {
		class = s.Name[:i]
	} else if s.Kind == "pod" {
		class = workload.ReplaceAllString(s.Name, "")
	}
	return s.Kind + "/" + s.Namespace + "/" + class
}

// workload matches what a ReplicaSet, Job, DaemonSet or StatefulSet adds to the
// name of its pods.
var workload = regexp.MustCompile(`(-[a-z0-9]*[0-9][a-z0-9]*)?-([a-z0-9]{5}|[0-9]+)$`)

// crew sums up the subjects of a group.
func (f *fleet) crew(members []int) crew {
	c := crew{size: len(members), onsets: make([]int, len(f.origins)), exposure: make([]float64, len(f.origins))}
	var steps, firsts []int
	for _, s := range members {
		steps, firsts = append(steps, f.known[s]...), append(firsts, f.seen[s])
	}
	slices.Sort(steps)
	slices.Sort(firsts)
	for _, h := range f.shared {
		c.decayed = append(c.decayed, f.decay(steps, h.steps, make([]float64, len(f.origins))))
	}
	// Σ min(i−first+1, reach) over the subjects seen by i: of those seen before
	// the look-back began each counts all of it.
	before := make([]float64, len(firsts)+1)
	for j, first := range firsts {
		before[j+1] = before[j] + float64(first)
	}
	for o, i := range f.origins {
		c.onsets[o] = sort.SearchInts(steps, i+1) - sort.SearchInts(steps, i-f.reach+1)
		all, long := sort.SearchInts(firsts, i+1), sort.SearchInts(firsts, i-f.reach+2)
		c.exposure[o] = float64(long*f.reach) + float64((all-long)*(i+1)) - (before[all] - before[long])
	}
	return c
}

// decay writes Σ 2^(−age/halfLife) over the steps of the look-back at each
// origin into dst.
func (f *fleet) decay(steps []int, halfLife int, dst []float64) []float64 {
	sweep := func(shift int, fade float64) {
		sum, at, n := 0.0, 0, 0
		for o, i := range f.origins {
			for ; n < len(steps) && steps[n] <= i-shift; n++ {
				sum = sum*halved(steps[n]-at, halfLife) + 1
				at = steps[n]
			}
			if n > 0 {
				dst[o] += fade * sum * halved(i-shift-at, halfLife)
			}
		}
	}
	clear(dst)
	sweep(0, 1)
	if len(steps) > 0 && len(f.origins) > 0 && steps[0] <= f.origins[len(f.origins)-1]-f.reach {
		sweep(f.reach, -halved(f.reach, halfLife))
	}
	return dst
}

// fill writes the columns of a subject at the origins given by their indices,
// the first at x, the others so many numbers further on each.
func (f *fleet) fill(s int, rows []int, x []float64, width int) {
	class, steps := &f.classes[f.class[s]], f.known[s]
	all := float64(f.all.size)
	for r, o := range rows {
		i := f.origins[o]
		fleetRate := (float64(f.all.onsets[o]) + 0.5) / (f.all.exposure[o] + 1)
		classRate := (float64(class.onsets[o]) + classPrior) / (class.exposure[o] + classPrior/fleetRate)
		own := sort.SearchInts(steps, i+1) - sort.SearchInts(steps, i-f.reach+1)
		exposure := float64(min(max(0, i-f.seen[s]+1), f.reach))
		x[r*width] = f.week * (float64(own) + ownPrior) / (exposure + ownPrior/classRate)
	}
	own := make([]float64, len(f.origins))
	for h, half := range f.shared {
		if len(steps) > 0 {
			f.decay(steps, half.steps, own)
		}
		for r, o := range rows {
			to := x[r*width+1:]
			to[h] = (class.decayed[h][o] - own[o]) / max(1, float64(class.size-1))
			to[len(f.shared)+h] = (f.all.decayed[h][o] - own[o]) / max(1, all-1)
		}
	}
}
