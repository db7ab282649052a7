package forecaster

import (
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Contender is a model's losses, as Judge compares them.
type Contender struct {
	Name          string
	From          time.Time
	Every         time.Duration
	Losses        []float64
	Miscalibrated float64
}

// Judge says whether the first of ranked replaces the champion, which was
// fitted as a model of that kind on what was known at a time; "" is no champion.
func Judge(horizon time.Duration, kind string, fitted time.Time, ranked []Contender) (promote bool, message string) {
	var all []contender
	for _, c := range ranked {
		one := contender{name: c.Name, losses: c.Losses, miscalibrated: c.Miscalibrated}
		var m mean
		for i, loss := range c.Losses {
			one.origins = append(one.origins, c.From.Add(time.Duration(i)*c.Every))
			m.add(loss)
		}
		one.loss = m.value()
		all = append(all, one)
	}
	var champion *incumbent
	if kind != "" {
		champion = &incumbent{id: "id", manifest: models.Manifest{Model: kind, Through: fitted}}
	}
	v := judge(&features.Target{Horizons: []time.Duration{horizon}}, champion, all, 1)
	return v.promote, v.message
}

// Incumbent is the name that the champion has among the ranked.
const Incumbent = incumbentName

// Short is how durations are written.
func Short(d time.Duration) string { return short(d) }

// Reach is what a step reads History through.
func Reach(r features.Reader, t *features.Target, end time.Time) features.Reader {
	return newReach(r, t, end)
}
