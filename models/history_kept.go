package models

import "math"

// What experts ask of a history again and again is worked out once a row: each
// thing bears the stamp of the row that it was worked out for.

// keptValue is a past value on the model's scale.
type keptValue struct {
	z     float64
	stamp uint32
}

// keptShape is what cycle.shape says of an offset; NaN where nothing is known.
type keptShape struct {
	mean, latest float64
	stamp        uint32
}

// keptShapes are those of one period, from the offset 1−period to period.
type keptShapes struct {
	period int
	at     []keptShape
}

// forget begins a row: nothing is worked out yet.
func (h *history) forget() {
	if h.logarithmic() && len(h.logs) < len(h.past) {
		h.logs = make([]keptValue, 2*len(h.past))
	}
	if h.turn++; h.turn > 0 {
		return
	}
	clear(h.logs) // after four thousand million rows
	for _, s := range h.shapes {
		clear(s.at)
	}
	h.turn = 1
}

// value is in of the i-th of past, which is finite.
func (h *history) value(i int) float64 {
	if !h.logarithmic() {
		return h.in(h.past[i])
	}
	kept := &h.logs[i]
	if kept.stamp != h.turn {
		kept.z, kept.stamp = h.in(h.past[i]), h.turn
	}
	return kept.z
}

// shapesOf is what is kept of a period.
func (h *history) shapesOf(period int) *keptShapes {
	for i := range h.shapes {
		if h.shapes[i].period == period {
			return &h.shapes[i]
		}
	}
	h.shapes = append(h.shapes, keptShapes{period: period, at: make([]keptShape, 2*period)})
	return &h.shapes[len(h.shapes)-1]
}

// shape is the mean over earlier turns at an offset in (−period, period], the
// latest weighing most, and the latest of them alone, on the model's scale. ok
// is false where none is known.
func (c cycle) shape(h *history, offset int) (mean, latest float64, ok bool) {
	kept := &h.shapesOf(c.period).at[offset+c.period-1]
	if kept.stamp != h.turn {
		kept.mean, kept.latest = c.measureShape(h, offset)
		kept.stamp = h.turn
	}
	return kept.mean, kept.latest, !math.IsNaN(kept.mean)
}
