package forecaster

import (
	"bytes"
	"cmp"
	"encoding/gob"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// online is what the intervals of the models that serve, the shadow among them,
// have learned from matured outcomes, by model: each from its own.
type online map[string]*models.Online

// adjust moves the intervals of forecasts that a model issues by what came of
// its earlier ones (models.Online).
func (o online) adjust(t *features.Target, model string, forecasts []models.Forecast) {
	widths := o[model]
	if t.IsEvent() || widths == nil {
		return
	}
	for i := range forecasts {
		widths.Adjust(&forecasts[i], t.Scale)
	}
}

// learn takes in matured outcomes of the models that serve, oldest first. What
// others had learned is forgotten.
func (s *state) learn(t *features.Target, outcomes []Outcome) {
	if t.IsEvent() || s.champion.id == "" {
		return
	}
	serve := func(id string) bool { return id == s.champion.id || id != "" && id == s.shadow.id }
	maps.DeleteFunc(s.online, func(id string, _ *models.Online) bool { return !serve(id) })
	own := slices.DeleteFunc(slices.Clone(outcomes), func(o Outcome) bool { return !serve(o.Model) })
	slices.SortStableFunc(own, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Horizon, b.Horizon), a.Origin.Compare(b.Origin))
	})
	for _, o := range own {
		if s.online[o.Model] == nil {
			s.online[o.Model] = &models.Online{}
		}
		origin, lead := int(o.Origin.Unix()/int64(t.Interval/time.Second)), t.Steps(o.Horizon)
		s.online[o.Model].Observe(origin, lead, o.Lower, o.Upper, o.Actual)
	}
}

// keptWidths is what one model has learned, in bytes.
type keptWidths struct {
	Model  string
	Widths *models.Online
}

// MarshalBinary implements encoding.BinaryMarshaler. The same is always the same
// bytes.
func (o online) MarshalBinary() ([]byte, error) {
	var kept []keptWidths
	for _, id := range slices.Sorted(maps.Keys(o)) {
		kept = append(kept, keptWidths{id, o[id]})
	}
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(kept); err != nil {
		return nil, fmt.Errorf("online intervals: %w", err)
	}
	return out.Bytes(), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler, into a map that is
// there. Where it fails nothing has been learned.
func (o online) UnmarshalBinary(b []byte) error {
	var kept []keptWidths
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&kept); err != nil {
		return fmt.Errorf("online intervals: %w: %w", models.ErrCorrupt, err)
	}
	for _, k := range kept {
		o[k.Model] = k.Widths
	}
	return nil
}
