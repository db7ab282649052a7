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

	naive models.Fitted // of a level; nil: none could be fitted
	row   int           // that said and size are of; -1: none
	said  models.Forecast
	size  float64 // of the row's subject; see atLeast

	typical float64 // size of a subject
}

func newTruth(f *features.Frame, leads []int) *truth {
	return &truth{frame: f, leads: leads, onsets: map[int][]int{}, row: -1}
}

// fill writes what came of one row at the h-th horizon.
func (tr *truth) fill(o *Outcome, row, h int, base map[time.Duration]float64) {
	f, t := tr.frame, tr.frame.Target
	steps := t.Steps(o.Horizon)
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
	lead := slices.Index(tr.leads, steps)
	o.Actual, o.Naive = tr.future[lead], lastKnown(f.Past(row))
	tr.lose(o, row, lead)
}

// lose writes the losses of a level's forecast and of the naive one, which is
// asked here what it would have said.
func (tr *truth) lose(o *Outcome, row, lead int) {
	o.Loss = models.MeanPinball(o.Quantiles[:], o.Actual)
	if tr.naive == nil {
		return
	}
	if tr.row != row {
		tr.row = row
		if tr.naive.Predict(tr.frame, row, &tr.said) != nil {
			tr.said.Path = tr.said.Path[:0] // nothing was known
		}
		tr.size = atLeast(size(tr.frame.Past(row)), tr.typical)
	}
	n := len(models.Quantiles)
	if len(tr.said.Path) < (lead+1)*n {
		return
	}
	q := tr.said.Path[lead*n : (lead+1)*n]
	o.NaiveLoss, o.Weight = models.MeanPinball(q, o.Actual), 1/tr.size
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
