package future

import (
	"math"
	"sort"
	"time"

	"github.com/driftcast/driftcast/models"
)

// line is the points of one curve, as collector.Curve has them.
type line struct {
	times  []int64
	values []float64
}

// track is what was said of one subject, a line a variant.
type track []line

// say adds a point. Where it comes too long after the last one, what was said
// then has ended before: a value that stands (hold) after a while, a line at
// once.
func (l *line) say(at time.Time, v float64, stands time.Duration, hold bool) {
	t := at.UnixMilli()
	if n := len(l.times); n > 0 {
		last := l.times[n-1]
		if t <= last {
			return
		}
		if t-last > stands.Milliseconds() && !math.IsNaN(l.values[n-1]) {
			end := last + 1
			if hold {
				end = last + stands.Milliseconds()
			}
			l.times, l.values = append(l.times, end), append(l.values, math.NaN())
		}
	}
	l.times, l.values = append(l.times, t), append(l.values, v)
}

// before drops the points from t on.
func (l *line) before(t int64) {
	n := sort.Search(len(l.times), func(i int) bool { return l.times[i] >= t })
	l.times, l.values = l.times[:n], l.values[:n]
}

// follow adds the newest forecast to what was said before it.
func (said track) follow(f *family, fc *models.Forecast) {
	origin := fc.Origin.UnixMilli()
	for k, v := range f.variants {
		if f.risk {
			said[k].before(origin)
			said[k].say(fc.Origin, riskAt(fc, v.horizon), standsFor(v.horizon), true)
			said[k].say(f.ends(fc), math.NaN(), math.MaxInt64, true)
			continue
		}
		said[k].before(origin + 1)
		stands := standsFor(f.shortest())
		for i := range min(len(fc.Leads), len(fc.Path)/len(models.Quantiles)) {
			said[k].say(leadTime(fc, i), fc.Path[i*len(models.Quantiles)+v.quantile], stands, false)
			stands = math.MaxInt64 // however far apart its leads are
		}
	}
}

// ends is the last moment that a forecast speaks of.
func (f *family) ends(fc *models.Forecast) time.Time {
	switch {
	case f.risk:
		return fc.Origin.Add(StaleAfter(f.target))
	case len(fc.Leads) == 0:
		return fc.Origin
	}
	return leadTime(fc, len(fc.Leads)-1)
}

func leadTime(fc *models.Forecast, i int) time.Time {
	return fc.Origin.Add(time.Duration(fc.Leads[i]) * fc.Interval)
}

func riskAt(fc *models.Forecast, horizon time.Duration) float64 {
	for _, r := range fc.Risks {
		if r.Horizon == horizon {
			return r.Probability
		}
	}
	return math.NaN()
}
