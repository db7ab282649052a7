package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// The least that an event model is fitted on.
const (
	leastLabels    = 50 // known labels of a horizon
	leastPositives = 5  // of them 1, for models with more than one number
)

// eventData is what an event model learns from: some rows of a frame with what
// is known of the first `horizons` of its horizons.
type eventData struct {
	frame    *features.Frame
	rows     []int     // of the frame
	labels   []float64 // len(rows)×horizons; 1, 0 or NaN (unknown)
	horizons int
}

// newEventData takes the labelled rows of a frame, in the order of time, and
// the horizons up to the first of which too little is known.
func newEventData(f *features.Frame) (eventData, error) {
	d := eventData{frame: f}
	d.horizons = len(f.Target.Horizons)
	if f.Labels != nil {
		for row := range f.Rows {
			if slices.ContainsFunc(f.Labels[row*d.horizons:(row+1)*d.horizons], isKnown) {
				d.rows = append(d.rows, row)
			}
		}
	}
	slices.SortStableFunc(d.rows, func(a, b int) int { return f.Rows[a].Origin - f.Rows[b].Origin })
	for _, row := range d.rows {
		d.labels = append(d.labels, f.Labels[row*d.horizons:(row+1)*d.horizons]...)
	}
	// Near the panel's end an event that came is known before one that stayed
	// away is: to learn from those alone would be to see too many events.
	d.forget(f.Panel.Len - 1)
	horizons := 0
	for horizons < d.horizons {
		if known, _ := d.count(horizons); known < leastLabels {
			break
		}
		horizons++
	}
	if horizons == 0 {
		return d, fmt.Errorf("%w: %d labelled rows of %s, want %d that end at the shortest horizon", ErrTooFewRows, len(d.rows), f.Target.Name, leastLabels)
	}
	return d.first(horizons), nil
}

func isKnown(y float64) bool { return y == y }

// forget makes the labels unknown that were not settled at the grid step now.
func (d eventData) forget(now int) {
	t := d.frame.Target
	for i, row := range d.rows {
		left := time.Duration(now-d.frame.Rows[row].Origin) * d.frame.Panel.Interval
		for h := range d.horizons {
			if t.Horizons[h]+t.For > left {
				d.labels[i*d.horizons+h] = math.NaN()
			}
		}
	}
}

// label returns the label of the i-th row at the h-th horizon.
func (d eventData) label(i, h int) float64 { return d.labels[i*d.horizons+h] }

// count returns the known labels of a horizon and how many of them are 1.
func (d eventData) count(h int) (known, positives int) {
	for i := range d.rows {
		if y := d.label(i, h); !math.IsNaN(y) {
			known++
			if y > 0.5 {
				positives++
			}
		}
	}
	return known, positives
}

// split cuts the rows in time so that the later part holds about `share` of
// them. Labels of the earlier part that were not yet known at the cut become
// unknown: nothing that the later part is judged by reaches the earlier one.
func (d eventData) split(share float64) (early, later eventData) {
	at := min(int(float64(len(d.rows))*(1-share)), len(d.rows)-1)
	cut := d.frame.Rows[d.rows[at]].Origin
	for at > 0 && d.frame.Rows[d.rows[at-1]].Origin == cut {
		at--
	}
	early, later = d, d
	later.rows, later.labels = d.rows[at:], d.labels[at*d.horizons:]
	early.rows, early.labels = d.rows[:at], slices.Clone(d.labels[:at*d.horizons])
	early.forget(cut)
	return early, later
}

// blocks cuts the rows in time into about n parts of as many rows, none of
// which begins in the middle of an origin; at least one.
func (d eventData) blocks(n int) [][2]int {
	origin := func(i int) int { return d.frame.Rows[d.rows[i]].Origin }
	var out [][2]int
	for b, from := 1, 0; from < len(d.rows); b++ {
		to := max(from+1, b*len(d.rows)/n)
		for to < len(d.rows) && origin(to) == origin(to-1) {
			to++
		}
		out, from = append(out, [2]int{from, to}), to
	}
	return out
}

// only returns the rows of a block.
func (d eventData) only(block [2]int) eventData {
	out := d
	out.rows, out.labels = d.rows[block[0]:block[1]], d.labels[block[0]*d.horizons:block[1]*d.horizons]
	return out
}

// without returns the rows outside of a block. Labels that tell of the same
// time as those within become unknown.
func (d eventData) without(block [2]int) eventData {
	t := d.frame.Target
	first, last := d.frame.Rows[d.rows[block[0]]].Origin, d.frame.Rows[d.rows[block[1]-1]].Origin
	out := eventData{frame: d.frame, horizons: d.horizons}
	for i, row := range d.rows {
		if i >= block[0] && i < block[1] {
			continue
		}
		out.rows = append(out.rows, row)
		origin := d.frame.Rows[row].Origin
		apart := time.Duration(max(first-origin, origin-last)) * d.frame.Panel.Interval
		for h, horizon := range t.Horizons[:d.horizons] {
			y := d.label(i, h)
			if horizon+t.For > apart {
				y = math.NaN()
			}
			out.labels = append(out.labels, y)
		}
	}
	return out
}

// learnable is how many horizons more than a rate can be learnt of: up to the
// longest with enough labels of both kinds. A horizon that nearly every event
// falls within, or that is too long for the rows to know its end, is no reason
// to say nothing of shorter ones.
func (d eventData) learnable() int {
	for h := d.horizons - 1; h >= 0; h-- {
		if known, positives := d.count(h); positives >= leastPositives && known-positives >= leastPositives {
			return h + 1
		}
	}
	return 0
}

// tooFew is the error where nothing is learnable.
func (d eventData) tooFew() error {
	known, positives := d.count(d.horizons - 1)
	return fmt.Errorf("%w: an event follows %d of the %d labelled rows of %s, want %d of both kinds; the base rate needs none",
		ErrTooFewRows, positives, known, d.frame.Target.Name, leastPositives)
}

// first keeps the first n horizons.
func (d eventData) first(n int) eventData {
	if n == d.horizons {
		return d
	}
	out := eventData{frame: d.frame, rows: d.rows, horizons: n, labels: make([]float64, 0, len(d.rows)*n)}
	for i := range d.rows {
		out.labels = append(out.labels, d.labels[i*d.horizons:i*d.horizons+n]...)
	}
	return out
}

// thin keeps at most limit rows: those after which an event begins (up to half
// of the limit, more where there are few others) and a random share of the
// others. Where there are too many of the former, those whose event begins
// within a short horizon are kept before the many that only a longer one holds.
// weights[i] is how many rows the i-th of them stands for.
func (d eventData) thin(limit int, rng *rand.Rand) (thinned eventData, weights []float64) {
	groups := make([][]int, d.horizons+1) // rows by the horizon that their event begins within; the last: none
	for i := range d.rows {
		group := slices.IndexFunc(d.labels[i*d.horizons:(i+1)*d.horizons], func(y float64) bool { return y > 0.5 })
		if group < 0 {
			group = d.horizons
		}
		groups[group] = append(groups[group], i)
	}
	kept := make([]int, len(groups))
	for g, rows := range groups {
		kept[g] = len(rows)
	}
	if none := kept[d.horizons]; len(d.rows) > limit {
		events := min(len(d.rows)-none, max(limit/2, limit-none))
		kept[d.horizons] = limit - events
		shareOut(kept[:d.horizons], events)
	}
	weight := make([]float64, len(d.rows)) // 0: left out
	for g, rows := range groups {
		w := float64(len(rows)) / float64(max(kept[g], 1))
		for _, i := range sample(rows, kept[g], rng) {
			weight[i] = w
		}
	}
	thinned = eventData{frame: d.frame, horizons: d.horizons}
	for i, w := range weight {
		if w > 0 {
			thinned.rows = append(thinned.rows, d.rows[i])
			thinned.labels = append(thinned.labels, d.labels[i*d.horizons:(i+1)*d.horizons]...)
			weights = append(weights, w)
		}
	}
	return thinned, weights
}

// shareOut lowers what is wanted until it sums to total: as much to each as to
// any other, but to none more than it wants.
func shareOut(wanted []int, total int) {
	order := make([]int, len(wanted))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return wanted[a] - wanted[b] })
	for n, i := range order {
		wanted[i] = min(wanted[i], total/(len(order)-n))
		total -= wanted[i]
	}
}

// caseControl draws at most limit rows with a known label of one horizon: all
// with an event (up to half of the limit, more where there are few others) and
// a random share of the others. Adding shift to the log-odds learnt on them
// undoes the sampling.
func (d eventData) caseControl(h, limit int, rng *rand.Rand) (rows []int, y []float64, shift float64) {
	one := eventData{frame: d.frame, horizons: 1}
	for i, row := range d.rows {
		if label := d.label(i, h); !math.IsNaN(label) {
			one.rows, one.labels = append(one.rows, row), append(one.labels, label)
		}
	}
	drawn, weights := one.thin(limit, rng)
	weight := [2]float64{1, 1} // of rows without, with an event
	for i, w := range weights {
		weight[int(drawn.labels[i])] = w
	}
	return drawn.rows, drawn.labels, math.Log(weight[1] / weight[0])
}

// sample draws at most n of items without replacement.
func sample(items []int, n int, rng *rand.Rand) []int {
	if len(items) <= n {
		return items
	}
	rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items[:n]
}

// newRand returns the generator that all randomness of a fit comes from.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }
