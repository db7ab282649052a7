package forecaster

import (
	"math"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Limit returns the risk from which a target warns, and where that comes from;
// "" is the target itself. budgeted is the threshold that its champion's
// backtest found for its budget (models.Manifest.Threshold). A target that names
// a risk and a budget warns from the higher of the two; one that names a budget
// alone, from the budget's.
func Limit(t *features.Target, budgeted float64) (threshold float64, because string) {
	w := t.Warn
	if !(budgeted > 0) || w.Budget.Count <= 0 || w.Risk >= budgeted {
		return w.Threshold(), ""
	}
	return math.Min(budgeted, 1), "the budget of " + perTime(w.Budget)
}

// perTime writes a budget as target files do: 2/day.
func perTime(b features.Budget) string {
	names := map[time.Duration]string{time.Hour: "hour", 24 * time.Hour: "day", 7 * 24 * time.Hour: "week"}
	per := names[b.Per]
	if per == "" {
		per = short(b.Per)
	}
	return strconv.FormatFloat(b.Count, 'g', -1, 64) + "/" + per
}

// budgeted finds the threshold that keeps to the target's budget, 0 where it
// has none or none can be found: of an event on the risks of the backtest, of
// a level on those of the rows that its risks were calibrated on.
func budgeted(t *features.Target, fitted models.Fitted, f *features.Frame, best contender) float64 {
	if t.Warn.Budget.Count <= 0 || (!t.IsEvent() && t.Objective == nil) {
		return 0
	}
	rows := best.risks
	if !t.IsEvent() {
		rows = nil
		var out models.Forecast
		for row, r := range f.Rows {
			if fitted.Predict(f, row, &out) != nil || t.Objective.Breached(lastKnown(f.Past(row))) {
				continue
			}
			rows = append(rows, models.RiskRow{Subject: r.Subject, Step: r.Origin, Risk: HighestRisk(t.Warn, out.Risks)})
		}
	}
	threshold := models.BudgetThreshold(rows, t.Interval, t.Warn.Budget)
	if math.IsNaN(threshold) {
		return 0
	}
	return threshold
}

// lastKnown is the newest value that is known, NaN where none is.
func lastKnown(past []float64) float64 {
	for i := len(past) - 1; i >= 0; i-- {
		if past[i] == past[i] {
			return past[i]
		}
	}
	return math.NaN()
}

// HighestRisk is the highest risk at any horizon that is warned of, NaN where
// none is known.
func HighestRisk(warn features.Warn, risks []models.Risk) float64 {
	highest := math.NaN()
	for _, r := range risks {
		if warn.Heeds(r.Horizon) && !(r.Probability <= highest) {
			highest = r.Probability
		}
	}
	return highest
}
