package models

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/driftcast/driftcast/features"
)

// LevelReport is the outcome of a backtest of level models.
type LevelReport struct {
	Target   string
	Season   int // grid steps
	Origins  int // tested
	Subjects int
	Fitted   int               // rows that the models were fitted on
	From     time.Time         // the first tested origin
	Models   []LevelModelScore // the best first: by MASE-free loss
}

// LevelModelScore is how one model did. Ratios are of Loss, below 1 is better;
// scores that are not defined are NaN.
type LevelModelScore struct {
	Model      string
	MASE       float64
	WQL        float64
	Loss       float64 // mean pinball, in the level's unit
	MAE        float64
	Coverage   float64 // of 0.1…0.9; 0.8 is perfect
	ToNaive    float64
	ToSeasonal float64
	ToWindow   float64
	Actuals    int
	Buckets    []LevelBucket // by lead, ascending
	Origins    []time.Time   // ascending
	Losses     []float64     // ScaledLoss of each of Origins, for paired tests
	Fit        time.Duration // wall time of the fit
	Err        error         // why it could not be fitted; its scores are NaN
}

// LevelBucket is how a model did at the leads after the bucket before and up to
// Through.
type LevelBucket struct {
	Through  int // grid steps
	MASE     float64
	WQL      float64
	Loss     float64 // mean pinball in the level's unit
	Coverage float64
}

// Best returns the model with the lowest loss. Models is never empty.
func (r *LevelReport) Best() LevelModelScore { return r.Models[0] }

// Score returns the score of the model of that name.
func (r *LevelReport) Score(model string) (LevelModelScore, bool) {
	for _, m := range r.Models {
		if m.Model == model {
			return m, true
		}
	}
	return LevelModelScore{}, false
}

// NaiveWins says that no model has a lower loss than naive.
func (r *LevelReport) NaiveWins() bool { return r.Best().Model == Naive{}.Name() }

// Print writes the report as a table.
func (r *LevelReport) Print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "model\tMASE\tWQL\tcoverage\tMAE\t÷naive\t÷seasonal\t÷window\t")
	for _, m := range r.Models {
		note := ""
		switch {
		case m.Err != nil:
			note = m.Err.Error()
		case m.Model == Naive{}.Name() && r.NaiveWins():
			note = "naive wins"
		}
		fmt.Fprintf(tab, "%s\t%.3f\t%.4f\t%.3f\t%.4g\t%.3f\t%.3f\t%.3f\t  %s\n",
			m.Model, m.MASE, m.WQL, m.Coverage, m.MAE, m.ToNaive, m.ToSeasonal, m.ToWindow, note)
	}
	return tab.Flush()
}

func newLevelReport(b *levelBacktest, train *features.Frame, entries []entry) *LevelReport {
	r := &LevelReport{
		Target: b.target.Name, Season: b.target.SeasonSteps(), Origins: len(b.origins),
		Subjects: len(b.panel.Subjects), Fitted: len(train.Rows), From: b.panel.Time(b.origins[0]),
	}
	for i := range entries {
		r.Models = append(r.Models, entries[i].summary(b))
	}
	naive, seasonal, window := r.Models[0].Loss, r.Models[1].Loss, r.Models[2].Loss
	for i := range r.Models {
		m := &r.Models[i]
		m.ToNaive, m.ToSeasonal, m.ToWindow = m.Loss/naive, m.Loss/seasonal, m.Loss/window
	}
	slices.SortStableFunc(r.Models, func(a, b LevelModelScore) int {
		switch {
		case math.IsNaN(a.Loss) || math.IsNaN(b.Loss):
			return boolInt(math.IsNaN(a.Loss)) - boolInt(math.IsNaN(b.Loss))
		case a.Loss < b.Loss:
			return -1
		case a.Loss > b.Loss:
			return 1
		}
		return 0
	})
	return r
}

func (e *entry) summary(b *levelBacktest) LevelModelScore {
	s := &e.score
	m := LevelModelScore{Model: e.name, MASE: s.MASE(), WQL: s.WQL(), Loss: s.Loss(), MAE: s.MAE(),
		Coverage: s.Coverage(), Actuals: s.Actuals(), Fit: e.took, Err: e.err}
	for k := range e.buckets {
		s := &e.buckets[k]
		m.Buckets = append(m.Buckets, LevelBucket{Through: b.buckets[k], MASE: s.MASE(), WQL: s.WQL(), Loss: s.Loss(), Coverage: s.Coverage()})
	}
	origins := make([]int, 0, len(e.origins))
	for i := range e.origins {
		origins = append(origins, i)
	}
	slices.Sort(origins)
	for _, i := range origins {
		m.Origins = append(m.Origins, b.panel.Time(i))
		m.Losses = append(m.Losses, e.origins[i].ScaledLoss())
	}
	return m
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
