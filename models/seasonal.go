package models

import (
	"context"

	"github.com/driftcast/driftcast/features"
)

const kindSeasonal = "seasonal-naive"

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

func (lastSeason) begin(*history) {}

func (b lastSeason) at(h *history, lead int) {
	z := h.last
	n := len(h.past)
	for i := n - 1 + lead - (lead+b.season-1)/b.season*b.season; i >= 0; i -= b.season {
		if v := h.past[i]; v-v == 0 {
			z = h.in(v)
			break
		}
	}
	for i := range h.q {
		h.q[i] = z
	}
}

// prior is that of two values from one distribution.
func (lastSeason) prior(_ int, z float64) float64 { return 1.5 * z }

func (lastSeason) centred() bool    { return true }
func (b lastSeason) pack(p *packer) { p.integer(b.season) }
