package models

import (
	"context"

	"github.com/driftcast/driftcast/features"
)

const (
	kindSeasonal = "seasonal-naive"
	kindMoved    = "moved-season" // an expert only
	seasonMax    = 1 << 31        // grid steps
)

// SeasonalNaive forecasts what was known one season earlier (or two, where
// that is missing, and so on), and the last known value where the past is
// shorter than a season.
type SeasonalNaive struct {
	Season int // grid steps; 0: the target's SeasonSteps
}

// Name implements Model.
func (SeasonalNaive) Name() string { return "seasonal-naive" }

// Fit implements Model.
func (m SeasonalNaive) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	season := m.Season
	if season <= 0 {
		season = f.Target.SeasonSteps()
	}
	return asFitted(fitLevel(ctx, kindSeasonal, m.Name(), lastSeason{season: season}, f, o))
}

// lastSeason is the base of SeasonalNaive.
type lastSeason struct{ season int }

func (b lastSeason) path(h *history, leads []int, q []float64) {
	for i, lead := range leads {
		z := h.last
		if v, ok := seasonBefore(h.past, len(h.past)-1+lead, b.season); ok {
			z = h.in(v)
		}
		setPoint(q, i, z)
	}
}

// seasonBefore returns the last known value that lies whole seasons before
// step at.
func seasonBefore(past []float64, at, season int) (float64, bool) {
	seasons := max(1, (at-len(past)+season)/season)
	for i := at - seasons*season; i >= 0; i -= season {
		if v := past[i]; v-v == 0 {
			return v, true
		}
	}
	return 0, false
}

// prior is that of two values from one distribution.
func (lastSeason) prior(_ int, z float64) float64 { return 1.5 * z }

func (lastSeason) centred() bool    { return true }
func (lastSeason) kind() string     { return kindSeasonal }
func (b lastSeason) pack(p *packer) { p.integer(b.season) }

// movedSeason forecasts the season before, moved so that it goes through the
// last known value.
type movedSeason struct{ season int }

func (b movedSeason) path(h *history, leads []int, q []float64) {
	n := len(h.past)
	now, known := seasonBefore(h.past, n-1-h.age, b.season)
	for i, lead := range leads {
		z := h.last
		if then, ok := seasonBefore(h.past, n-1+lead, b.season); ok && known {
			z += h.in(then) - h.in(now)
		}
		setPoint(q, i, z)
	}
}

func (movedSeason) prior(_ int, z float64) float64 { return 1.5 * z }

func (movedSeason) centred() bool    { return true }
func (movedSeason) kind() string     { return kindMoved }
func (b movedSeason) pack(p *packer) { p.integer(b.season) }
