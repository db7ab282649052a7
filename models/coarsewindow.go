package models

import (
	"fmt"
	"slices"
)

const (
	kindCoarse    = "coarse-window" // an expert only
	coarseSamples = 96              // of a coarse window
)

// coarseWindow forecasts the quantiles of samples taken every few steps of a
// past that is longer than recentLength values: what a level does in a day, or
// in a week.
type coarseWindow struct{ step int }

func (b coarseWindow) path(h *history, leads []int, q []float64) {
	window := h.take(coarseSamples)[:0]
	for i := len(h.past) - 1 - h.age; i >= 0 && len(window) < coarseSamples; i -= b.step {
		if v := h.past[i]; v-v == 0 {
			window = append(window, h.value(i))
		}
	}
	slices.Sort(window)
	writeWindow(window, len(leads), q)
}

func (coarseWindow) prior(int, float64) float64 { return 0 }
func (coarseWindow) centred() bool              { return false }
func (coarseWindow) kind() string               { return kindCoarse }
func (b coarseWindow) pack(p *packer)           { p.integer(b.step) }

func unpackCoarse(u *unpacker) (base, error) {
	step := u.integer()
	if step < 1 || step > seasonMax {
		return nil, fmt.Errorf("%w: a window with a sample every %d steps", ErrCorrupt, step)
	}
	return coarseWindow{step: step}, u.err
}
