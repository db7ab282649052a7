package models

import (
	"math"
	"math/bits"
	"slices"
)

// localFeatures describes a row and a lead in numbers that do not change when
// the series is shifted or scaled: places are (z − anchor)/unit, where the
// anchor is the median of the last 32 known values and the unit that of the
// history. What a model learns on one subject then holds for another, and for
// the same one after it has grown. NaN is unknown.
//
// A vector has two parts: rowColumns numbers that are the same for all leads,
// then leadColumns that are not. See localColumns for what they are.
type localFeatures struct {
	season int       // grid steps
	shares []float64 // by knot of leads, that a start has of the last known value; none: 0
}

const (
	rowColumns   = 28
	leadColumns  = 12
	localWidth   = rowColumns + leadColumns
	localNear    = 32  // known values that make the anchor and the start
	localThin    = 4   // every so many of recent are sorted for the far quantiles
	localLimit   = 1e6 // of a feature, in units
	seasonsBack  = 4   // that are averaged
	seasonsAWeek = 7
)

// Columns that a start may be centred on.
const (
	columnLast = 0
)

// local is the frame of reference of one row.
type local struct {
	anchor, unit float64
	start        [len(Quantiles)]float64 // quantiles of the last localNear values, in units from the anchor
}

// place is z in units from the anchor.
func (l *local) place(z float64) float64 { return bounded((z - l.anchor) / l.unit) }

// back is place's inverse; it is finite for every x but NaN.
func (l *local) back(x float64) float64 {
	return min(max(l.anchor+l.unit*x, -largest), largest)
}

func bounded(x float64) float64 { return min(max(x, -localLimit), localLimit) }

// begin writes the row's part of x and returns its frame of reference.
func (b localFeatures) begin(h *history, x []float64) local {
	near := h.sorted(min(localNear, h.known))
	l := local{anchor: windowQuantile(near, 0.5), unit: h.unit}
	for i, level := range Quantiles {
		l.start[i] = l.place(windowQuantile(near, level))
	}
	recent := h.recent[:h.known]
	far := h.take((len(recent) + localThin - 1) / localThin)
	for i := range far {
		far[i] = recent[i*localThin]
	}
	slices.Sort(far)

	w := columnWriter{x: x[:0:rowColumns]}
	for _, lag := range [...]int{0, 1, 2, 4, 8, 16} {
		w.place(&l, valueAt(recent, lag))
	}
	for _, n := range [...]int{4, 12, 32, 96, recentLength} {
		w.place(&l, meanOf(recent, n))
	}
	w.place(&l, near[0])
	w.add(l.start[0])
	w.add(l.start[len(Quantiles)-1])
	w.place(&l, near[len(near)-1])
	for _, level := range [...]float64{0.05, 0.25, 0.5, 0.75, 0.95} {
		w.place(&l, windowQuantile(far, level))
	}
	w.add(bounded(slopeOf(recent, 8) / l.unit))
	w.add(bounded(slopeOf(recent, 32) / l.unit))
	w.add(bounded(meanChange(near, recent) / l.unit))
	w.add(math.Log(1e-3 + meanAbsoluteDeviation(recent[:min(8, len(recent))])/l.unit))
	w.add(math.Log(1e-3 + meanAbsoluteDeviation(far)/l.unit))
	w.add(float64(bits.Len(uint(unchanged(recent)))))
	w.add(shareEqual(far, far[0]))
	w.add(shareMissing(h.past))
	return l
}

// lead writes the part of x that depends on the lead.
func (b localFeatures) lead(h *history, l *local, lead int, x []float64) {
	n := len(h.past)
	w := columnWriter{x: x[:0:leadColumns]}
	w.add(math.Log2(float64(lead)))
	w.add(math.Log2(float64(1 + h.age)))

	back := (lead + b.season - 1) / b.season // whole seasons, so that it is past
	reach := 1 + lead/16
	var sum, moved, count, movedCount float64
	one, oneMoved := math.NaN(), math.NaN()
	for k := back; k < back+seasonsBack; k++ {
		then := n - 1 - k*b.season
		if then+lead < 0 {
			break
		}
		v := around(h, then+lead, min(reach, k*b.season-lead))
		if v != v {
			continue
		}
		d := v - around(h, then, reach)
		if k == back {
			one, oneMoved = v, d
		}
		sum, count = sum+v, count+1
		if d == d {
			moved, movedCount = moved+d, movedCount+1
		}
	}
	exact := math.NaN()
	if at := n - 1 + lead - back*b.season; at >= 0 {
		if v := h.past[at]; v-v == 0 {
			exact = h.value(at)
		}
	}
	w.place(l, exact)
	w.place(l, one)
	w.add(bounded(oneMoved / l.unit))
	w.place(l, sum/count)
	w.add(bounded(moved / movedCount / l.unit))
	w.place(l, meanOf(h.recent[:h.known], min(reach, localNear))+moved/movedCount)

	weeks := (lead + seasonsAWeek*b.season - 1) / (seasonsAWeek * b.season)
	then := n - 1 - weeks*seasonsAWeek*b.season
	week := around(h, then+lead, min(reach, n-1-then-lead))
	w.place(l, week)
	w.add(bounded((week - around(h, then, reach)) / l.unit))

	turn := max(1, int64(b.season)*h.step) // seconds; grids under a second have no phase
	sin, cos := math.Sincos(2 * math.Pi * float64((h.origin+int64(lead)*h.step)%turn) / float64(turn))
	w.add(sin)
	w.add(cos)
}

// columnWriter appends columns; it never grows x.
type columnWriter struct{ x []float64 }

func (w *columnWriter) add(v float64)             { w.x = append(w.x, v) }
func (w *columnWriter) place(l *local, z float64) { w.x = append(w.x, l.place(z)) }

// valueAt is x[i], NaN beyond.
func valueAt(x []float64, i int) float64 {
	if i < len(x) {
		return x[i]
	}
	return math.NaN()
}

// meanOf is the mean of the first n of x, NaN where fewer than half are there.
func meanOf(x []float64, n int) float64 {
	if len(x) < n {
		if len(x) < (n+1)/2 {
			return math.NaN()
		}
		n = len(x)
	}
	var sum float64
	for _, v := range x[:n] {
		sum += v
	}
	return sum / float64(n)
}

// slopeOf is the least-squares slope a step of the first n of x, newest first;
// NaN where fewer are there.
func slopeOf(x []float64, n int) float64 {
	if len(x) < n {
		return math.NaN()
	}
	var sum float64
	middle := float64(n-1) / 2
	for i, v := range x[:n] {
		sum += (middle - float64(i)) * v
	}
	return sum * 12 / (float64(n) * (float64(n)*float64(n) - 1))
}

// meanChange is the mean absolute difference of neighbours among the newest
// of x, as many as near has.
func meanChange(near, x []float64) float64 {
	var sum float64
	for i := 1; i < len(near); i++ {
		sum += math.Abs(x[i] - x[i-1])
	}
	return sum / float64(max(1, len(near)-1))
}

// unchanged is how many of x, newest first, equal the newest.
func unchanged(x []float64) int {
	for i, v := range x {
		if v != x[0] {
			return i
		}
	}
	return len(x)
}

// shareEqual is the share of x that equals v.
func shareEqual(x []float64, v float64) float64 {
	n := 0
	for _, w := range x {
		if w == v {
			n++
		}
	}
	return float64(n) / float64(len(x))
}

// shareMissing is the share of the last 64 steps of past that is missing.
func shareMissing(past []float64) float64 {
	const steps = 64
	past = past[max(0, len(past)-steps):]
	missing := 0
	for _, v := range past {
		if v-v != 0 {
			missing++
		}
	}
	return float64(missing) / float64(len(past))
}

// around is the mean of what is known at up to five steps from at−reach to
// at+reach, on the model's scale; NaN where nothing is.
func around(h *history, at, reach int) float64 {
	const points = 2 // on either side
	stride := max(1, reach/points)
	var sum, n float64
	for i := max(-points, -reach); i <= min(points, reach); i++ {
		j := at + i*stride
		if j < 0 || j >= len(h.past) {
			continue
		}
		if v := h.past[j]; v-v == 0 {
			sum, n = sum+h.value(j), n+1
		}
	}
	return sum / n
}
