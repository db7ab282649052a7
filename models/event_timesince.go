package models

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// TimeSince is the one-line rule that learned event models have to beat: the
// risk by the time since the subject's own latest event, which for most
// failures falls the longer ago it was.
type TimeSince struct{}

// Name implements Model.
func (TimeSince) Name() string { return "time-since-last" }

// Fit implements Model.
func (m TimeSince) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return fitEvent(ctx, m.Name(), false, f, o, crossed(fitTimeSince))
}

// How the hazard over time is estimated.
const (
	timeSinceBins   = 24 // of equal mass
	timeSinceShrink = 20 // rows of the base rate added to every bin
)

// timeSince holds, for each horizon, log-odds at the bins' mean log times. An
// event never seen has log-odds of its own.
type timeSince struct {
	need  int
	times []float64 // mean of log(1+steps), ascending
	odds  []float64 // horizons×len(times)
	never []float64 // horizons
}

func fitTimeSince(ctx context.Context, d eventData) (eventScorer, error) {
	f := d.frame
	m := timeSince{need: holdSteps(f.Target)}
	age := make([]float64, len(d.rows)) // log(1+steps); NaN: never
	var seen []float64
	for i, row := range d.rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		age[i] = m.age(f, row)
		if !math.IsNaN(age[i]) {
			seen = append(seen, age[i])
		}
	}
	slices.Sort(seen)
	var edges []float64 // upper, of the bins
	for b := 1; b <= timeSinceBins && len(seen) > 0; b++ {
		edge := seen[max(0, b*len(seen)/timeSinceBins-1)]
		if len(edges) == 0 || edge > edges[len(edges)-1] {
			edges = append(edges, edge)
		}
	}
	bin := make([]int, len(age))
	sums, counts := make([]float64, len(edges)), make([]float64, len(edges))
	for i, a := range age {
		if bin[i] = -1; !math.IsNaN(a) {
			bin[i], _ = slices.BinarySearch(edges, a)
			sums[bin[i]] += a
			counts[bin[i]]++
		}
	}
	for b := range edges {
		m.times = append(m.times, sums[b]/counts[b])
	}
	for h := range d.horizons {
		m.fitHorizon(d, h, bin)
	}
	return m, nil
}

// fitHorizon appends the log-odds of one horizon: the bins' shrunk rates, made
// to fall with time.
func (m *timeSince) fitHorizon(d eventData, h int, bin []int) {
	bins := len(m.times)
	base := baseRate(d, h)
	hits, total := make([]float64, bins+1), make([]float64, bins+1) // the last: never
	for i, b := range bin {
		y := d.label(i, h)
		if math.IsNaN(y) {
			continue
		}
		if b < 0 {
			b = bins
		}
		hits[b] += y
		total[b]++
	}
	rate := func(b int) float64 { return (hits[b] + timeSinceShrink*base) / (total[b] + timeSinceShrink) }
	// Pool from the latest time to the earliest, so that rates never fall in
	// that order, then read the blocks back at each bin.
	x, y, w := make([]float64, bins), make([]float64, bins), make([]float64, bins)
	for i := range bins {
		b := bins - 1 - i
		x[i], y[i], w[i] = -m.times[b], rate(b), total[b]+timeSinceShrink
	}
	bx, by, _ := pava(x, y, w)
	for b := range bins {
		m.odds = append(m.odds, logit(interpolate(bx, by, -m.times[b])))
	}
	m.never = append(m.never, logit(rate(bins)))
}

// age is log(1+steps) since the latest event; NaN where none was seen.
func (m timeSince) age(f *features.Frame, row int) float64 {
	p := lookBack(f.Past(row), f.Target, m.need, true)
	if p.since < 0 {
		return math.NaN()
	}
	return math.Log1p(float64(p.since))
}

func (m timeSince) score(f *features.Frame, row int, out []Risk) {
	age, bins := m.age(f, row), len(m.times)
	for h := range out {
		if math.IsNaN(age) || bins == 0 {
			out[h].Probability = m.never[h]
		} else {
			out[h].Probability = interpolate(m.times, m.odds[h*bins:(h+1)*bins], age)
		}
	}
}

func (m timeSince) explain(f *features.Frame, row int, dst []Driver) []Driver {
	h := len(m.never) - 1
	risks := make([]Risk, len(m.never))
	m.score(f, row, risks)
	d := Driver{
		Column: "time_since_event", Value: math.NaN(), Contribution: risks[h].Probability - m.never[h],
		Text: "no " + f.Target.Name + " seen before",
	}
	if p := lookBack(f.Past(row), f.Target, m.need, true); p.since >= 0 {
		ago := time.Duration(p.since) * f.Target.Interval
		d.Value = ago.Seconds()
		d.Text = fmt.Sprintf("last %s %s ago", f.Target.Name, spell(ago))
	}
	return append(dst, d)
}

func (m timeSince) pack(p *packer) {
	p.integer(m.need)
	p.floats(m.times)
	p.floats(m.odds)
	p.floats(m.never)
}

func unpackTimeSince(u *unpacker, horizons, _ int) (eventScorer, error) {
	m := timeSince{need: u.integer(), times: u.floats(), odds: u.floats(), never: u.floats()}
	if u.err == nil && (len(m.never) != horizons || len(m.odds) != horizons*len(m.times) ||
		!finite(m.times...) || !slices.IsSorted(m.times) || !finite(m.odds...) || !finite(m.never...)) {
		u.fail("times")
	}
	return m, u.err
}
