package forecaster

import (
	"cmp"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// adjust moves the intervals of forecasts that a model issues by what came of
// its earlier ones (models.Online).
func (s *state) adjust(t *features.Target, model string, forecasts []models.Forecast) {
	if t.IsEvent() || s.online.model != model {
		return
	}
	for i := range forecasts {
		s.online.widths.Adjust(&forecasts[i], t.Scale)
	}
}

// online is what the intervals of the model that serves have learned from
// matured outcomes. It begins anew with another model.
type online struct {
	model  string
	widths models.Online
}

// learn takes in matured outcomes of the model that serves, oldest first.
func (s *state) learn(t *features.Target, outcomes []Outcome) {
	if t.IsEvent() {
		return
	}
	if s.online.model != s.champion.id {
		s.online = online{model: s.champion.id}
	}
	own := slices.DeleteFunc(slices.Clone(outcomes), func(o Outcome) bool { return o.Model != s.champion.id })
	slices.SortStableFunc(own, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Horizon, b.Horizon), a.Origin.Compare(b.Origin))
	})
	for _, o := range own {
		origin, lead := int(o.Origin.Unix()/int64(t.Interval/time.Second)), t.Steps(o.Horizon)
		s.online.widths.Observe(origin, lead, o.Lower, o.Upper, o.Actual)
	}
}
