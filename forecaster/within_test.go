package forecaster_test

import (
	"math"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// TestALongHorizonIsForecastAndNotWarnedOf: what is likely within a week is no
// reason to cordon a node today, and does not raise the threshold of a day.
func TestALongHorizonIsForecastAndNotWarnedOf(t *testing.T) {
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	target := &features.Target{
		Name: "NodeNotReady", Event: "up == 0", Subject: collector.SubjectSpec{Kind: "node", Labels: []string{"node"}},
		Interval: time.Hour, Horizons: []time.Duration{day, week}, Warn: features.Warn{Budget: features.Budget{Count: 1, Per: day}},
	}
	for name, tc := range map[string]struct {
		within time.Duration
		risks  [2]float64 // within a day, a week
		want   time.Duration
	}{
		"only the week is likely, and counts":      {0, [2]float64{0.2, 0.9}, week},
		"only the week is likely, and is left out": {day, [2]float64{0.2, 0.9}, 0},
		"the day is likely":                        {day, [2]float64{0.7, 0.9}, day},
		"neither":                                  {0, [2]float64{0.1, 0.3}, 0},
	} {
		of := *target
		of.Warn.Within = tc.within
		got, over := forecaster.Warned(&of, 0.6, []models.Risk{{Horizon: day, Probability: tc.risks[0]}, {Horizon: week, Probability: tc.risks[1]}})
		if got != tc.want || over != (tc.want > 0) {
			t.Errorf("%s: warned of %s (%t), want %s", name, got, over, tc.want)
		}
	}

	// Risks of a day climb to 0.3, those of a week to 0.9; one alert a day is allowed.
	p := &features.Panel{
		Start: time.Unix(0, 0).UTC(), Interval: time.Hour, Len: 240, Signals: []string{target.Name},
		Subjects: []collector.Subject{{Kind: "node", Name: "a"}}, Values: [][]float64{make([]float64, 240)},
	}
	var rows []models.EventRow
	for i := range p.Len {
		share := math.Abs(math.Sin(float64(i)))
		for h, highest := range []float64{0.3, 0.9} {
			rows = append(rows, models.EventRow{
				Target: target.Name, Subject: p.Subjects[0].String(), Origin: p.Time(i), Horizon: target.Horizons[h],
				Model: "m", Probability: highest * share, Outcome: math.NaN(),
			})
		}
	}
	for within, most := range map[time.Duration]float64{0: 0.9, day: 0.3} {
		of := *target
		of.Warn.Within = within
		got, err := forecaster.ThresholdOf(&of, p, rows)
		if err != nil || got > most+1e-9 || got < 0.8*most {
			t.Errorf("within %s: a threshold of %.3f (%v), want one that risks of up to %.1f reach", within, got, err, most)
		}
	}
}

// TestHighestRisk: what is not warned of counts for nobody who asks whether there
// is a warning: the loop, the API and the command alike.
func TestHighestRisk(t *testing.T) {
	risks := []models.Risk{{Horizon: time.Hour, Probability: 0.2}, {Horizon: 24 * time.Hour, Probability: 0.4}, {Horizon: 7 * 24 * time.Hour, Probability: 0.9}}
	for within, want := range map[time.Duration]float64{0: 0.9, 24 * time.Hour: 0.4, time.Hour: 0.2} {
		if got := forecaster.HighestRisk(features.Warn{Within: within}, risks); got != want {
			t.Errorf("within %s: got %v, want %v", within, got, want)
		}
	}
	if got := forecaster.HighestRisk(features.Warn{Within: time.Minute}, risks); got == got {
		t.Errorf("none is warned of: got %v, want NaN", got)
	}
}
