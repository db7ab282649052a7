package forecaster

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// account is what one contender lost in a backtest: by origin, and by origin
// within each horizon. Losses of levels are in units of their subject's size,
// so that a few large subjects do not outvote the others.
type account struct {
	whole mean
	by    map[int64]*mean // origin, Unix ms
	parts []part          // by horizon
	risks []models.RiskRow
}

// part is what an account holds of one horizon.
type part struct {
	by              map[int64]*mean
	covered, levels float64
}

// accounts gathers what a backtest exports, row by row.
type accounts struct {
	target *features.Target
	panel  *features.Panel
	scales map[string]float64 // by subject
	index  map[string]int     // of subjects
	of     map[string]*account
}

func newAccounts(t *features.Target, p *features.Panel) *accounts {
	a := &accounts{target: t, panel: p, scales: map[string]float64{}, index: map[string]int{}, of: map[string]*account{}}
	typical := typicalSize(p)
	for s, sub := range p.Subjects {
		a.scales[sub.String()], a.index[sub.String()] = atLeast(size(p.Series(0, s)), typical), s
	}
	return a
}

// size is what a level mostly changes by from one known value to the next: the
// denominator of MASE without a season (Hyndman and Koehler 2006). Where it
// mostly stands still it is a thousandth of its mean size, which may be 0.
func size(y []float64) float64 {
	var change, level mean
	last := math.NaN()
	for _, v := range y {
		if v-v == 0 {
			change.add(math.Abs(v - last))
			level.add(math.Abs(v))
			last = v
		}
	}
	if scale := math.Max(change.value(), level.value()/1000); scale > 0 {
		return scale
	}
	return 0
}

// typicalSize is the median size of the subjects that have one, 0 where none
// has.
func typicalSize(p *features.Panel) float64 {
	var sizes []float64
	for s := range p.Subjects {
		if v := size(p.Series(0, s)); v > 0 {
			sizes = append(sizes, v)
		}
	}
	if len(sizes) == 0 {
		return 0
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}

// atLeast is the size that losses of a subject are measured in. One that has
// always been 0 takes that of the others, or 1; none is less than a thousandth
// of the others', so that nobody who hardly moved outvotes them by a surprise.
func atLeast(size, typical float64) float64 {
	switch {
	case size > 0:
		return math.Max(size, typical/1000)
	case typical > 0:
		return typical
	}
	return 1
}

func (a *accounts) account(model string) *account {
	c := a.of[model]
	if c == nil {
		c = &account{by: map[int64]*mean{}, parts: make([]part, len(a.target.Horizons))}
		for h := range c.parts {
			c.parts[h].by = map[int64]*mean{}
		}
		a.of[model] = c
	}
	return c
}

func (c *account) add(h int, origin time.Time, loss float64) {
	at := origin.UnixMilli()
	c.whole.add(loss)
	into(c.by, at).add(loss)
	if h < len(c.parts) {
		into(c.parts[h].by, at).add(loss)
	}
}

func into(by map[int64]*mean, at int64) *mean {
	m := by[at]
	if m == nil {
		m = new(mean)
		by[at] = m
	}
	return m
}

// level takes one quantile of one forecast.
func (a *accounts) level(r models.LevelRow) error {
	if math.IsNaN(r.Actual) || math.IsNaN(r.Value) {
		return nil
	}
	c := a.account(r.Model)
	lead := time.Duration(r.Step) * a.target.Interval
	h, _ := slices.BinarySearch(a.target.Horizons, lead)
	h = min(h, len(a.target.Horizons)-1)
	c.add(h, r.Origin, models.Pinball(r.Quantile, r.Value, r.Actual)/a.scales[r.Subject])
	if h < 0 {
		return nil
	}
	switch p := &c.parts[h]; r.Quantile {
	case models.Quantiles[0]:
		p.levels++
		if r.Actual >= r.Value {
			p.covered++
		}
	case models.Quantiles[len(models.Quantiles)-1]:
		if r.Actual > r.Value {
			p.covered--
		}
	}
	return nil
}

// event takes one risk. Rows come horizon by horizon.
func (a *accounts) event(r models.EventRow) error {
	c := a.account(r.Model)
	if a.target.Warn.Heeds(r.Horizon) {
		row := models.RiskRow{Subject: a.index[r.Subject], Step: a.panel.Step(r.Origin), Risk: r.Probability}
		if n := len(c.risks); n > 0 && c.risks[n-1].Subject == row.Subject && c.risks[n-1].Step == row.Step {
			c.risks[n-1].Risk = math.Max(c.risks[n-1].Risk, row.Risk)
		} else {
			c.risks = append(c.risks, row)
		}
	}
	if d := r.Probability - r.Outcome; d == d {
		c.add(slices.Index(a.target.Horizons, r.Horizon), r.Origin, d*d)
	}
	return nil
}

// contender sums up.
func (c *account) contender(name string, t *features.Target) contender {
	out := contender{name: name, loss: c.whole.value(), risks: c.risks}
	out.origins, out.losses = byOrigin(c.by)
	for h, p := range c.parts {
		one := horizonLoss{horizon: t.Horizons[h], miscalibrated: math.NaN()}
		one.origins, one.losses = byOrigin(p.by)
		if p.levels > 0 {
			one.miscalibrated = math.Abs(p.covered/p.levels - 0.8)
		}
		out.parts = append(out.parts, one)
	}
	return out
}

func byOrigin(by map[int64]*mean) (origins []time.Time, losses []float64) {
	for _, at := range slices.Sorted(maps.Keys(by)) {
		origins, losses = append(origins, time.UnixMilli(at).UTC()), append(losses, by[at].value())
	}
	return origins, losses
}
