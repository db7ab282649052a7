package forecaster

import (
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// truth tells what came of the rows of a labelled frame.
type truth struct {
	frame  *features.Frame
	leads  []int
	onsets map[int][]int // by subject, as they are asked for
	future []float64
}

func newTruth(f *features.Frame, leads []int) *truth {
	return &truth{frame: f, leads: leads, onsets: map[int][]int{}}
}

// fill writes what came of one row at the h-th horizon.
func (tr *truth) fill(o *Outcome, row, h int, base map[time.Duration]float64) {
	f, t := tr.frame, tr.frame.Target
	steps := max(1, int(o.Horizon/t.Interval))
	o.Happened = f.Label(row, h)
	if o.Happened == 1 {
		o.Began = tr.began(f.Rows[row], steps)
	}
	if t.IsEvent() {
		if p, ok := base[o.Horizon]; ok {
			o.Naive = p
		}
		return
	}
	tr.future = f.Future(row, tr.future[:0])
	o.Actual = tr.future[slices.Index(tr.leads, steps)]
	past := f.Past(row)
	for i := len(past) - 1; i >= 0; i-- {
		if past[i] == past[i] {
			o.Naive = past[i]
			break
		}
	}
}

// began returns when the first event within steps of a row began.
func (tr *truth) began(r features.Row, steps int) time.Time {
	t := tr.frame.Target
	onsets, ok := tr.onsets[r.Subject]
	if !ok {
		series := tr.frame.Panel.Series(0, r.Subject)
		if !t.IsEvent() {
			series = breaches(series, t.Objective)
		}
		onsets = features.Onsets(series, int((t.For+t.Interval-1)/t.Interval))
		tr.onsets[r.Subject] = onsets
	}
	for _, i := range onsets {
		if i > r.Origin && i <= r.Origin+steps {
			return tr.frame.Panel.Time(i)
		}
	}
	return time.Time{}
}

// breaches is 1 where a level breaks its objective, 0 where it keeps it, NaN
// where it is not known.
func breaches(level []float64, o *features.Objective) []float64 {
	out := make([]float64, len(level))
	for i, v := range level {
		switch {
		case v != v:
			out[i] = math.NaN()
		case o.Breached(v):
			out[i] = 1
		}
	}
	return out
}

// riskOf returns what a model that says the same of all rows says.
func riskOf(m models.Fitted, f *features.Frame) map[time.Duration]float64 {
	var fc models.Forecast
	for row := range f.Rows {
		if m.Predict(f, row, &fc) == nil {
			out := map[time.Duration]float64{}
			for _, r := range fc.Risks {
				out[r.Horizon] = r.Probability
			}
			return out
		}
	}
	return nil
}
