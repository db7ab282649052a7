package models

import (
	"slices"

	"github.com/driftcast/driftcast/features"
)

// Calibration looks at no more than so many rows, evenly spread, and collects
// no more than about so many errors a knot.
const (
	calibrationRowsMax   = 8192
	calibrationErrorsMax = 16384
)

// calibrationRows returns the rows of a labelled frame that intervals are
// calibrated on: all, or evenly spread ones.
func calibrationRows(f *features.Frame) []int {
	n := len(f.Rows)
	kept := min(n, calibrationRowsMax)
	rows := make([]int, kept)
	for i := range rows {
		rows[i] = int(int64(i) * int64(n) / int64(kept))
	}
	return rows
}

// calibrationLeads returns the indices of the leads that intervals are
// calibrated on with so many rows: all, or some of every knot, evenly spread.
func calibrationLeads(leads []int, rows int) []int {
	perKnot := make(map[int][]int)
	for i, lead := range leads {
		k := nearestKnot(lead)
		perKnot[k] = append(perKnot[k], i)
	}
	share := max(1, calibrationErrorsMax/max(1, rows))
	var kept []int
	for _, all := range perKnot {
		n := min(len(all), share)
		for i := range n {
			kept = append(kept, all[i*len(all)/n])
		}
	}
	slices.Sort(kept)
	return kept
}

// typicalUnit is the median over rows of their local units, those of constant
// pasts left out; 0 where all are constant.
func typicalUnit(f *features.Frame, rows []int) float64 {
	h := new(history)
	var units []float64
	for _, row := range rows {
		if h.begin(f, row, 0) && !h.constant() {
			units = append(units, h.unit)
		}
	}
	if len(units) == 0 {
		return 0
	}
	slices.Sort(units)
	return units[len(units)/2]
}

// constant says that all that is remembered is one value.
func (h *history) constant() bool {
	for _, z := range h.recent[1:h.known] {
		if z != h.last {
			return false
		}
	}
	return true
}
