package models_test

import (
	"math"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// TestLevelDriversSayWhatTheSeriesDid wants the peak of a season ago first,
// with its unit, and nothing of what comes after the origin.
func TestLevelDriversSayWhatTheSeriesDid(t *testing.T) {
	target := &features.Target{Name: "Latency", Level: "latency", Interval: time.Minute, Season: 60, Horizons: []time.Duration{30 * time.Minute},
		Objective: &features.Objective{Op: "<", Bound: 2}, Units: map[string]string{"Latency": "s"}}
	values := make([]float64, 400)
	for i := range values {
		values[i] = 1 + 0.01*float64(i%7)
		if i%60 == 20 {
			values[i] = 9
		}
	}
	origin := 300 // i%60 == 0: the peak of a season ago lies 20 minutes after that time
	for i := origin + 1; i < len(values); i++ {
		values[i] = math.Inf(1)
	}
	panel := &features.Panel{Start: time.Unix(0, 0), Interval: time.Minute, Len: len(values),
		Subjects: []collector.Subject{{Kind: "service", Name: "chat"}}, Signals: []string{"Latency"}, Values: [][]float64{values}}
	train, err := features.Extract(panel, target, features.Options{Origins: []int{100, 130, 160, 190, 220, 250, 260}, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := models.SeasonalNaive{}.Fit(t.Context(), train, models.FitOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	now, err := features.Extract(panel, target, features.Options{Origins: []int{origin}})
	if err != nil {
		t.Fatal(err)
	}
	drivers := fitted.(models.Explainer).Explain(now, 0, nil)
	if len(drivers) == 0 || drivers[0].Text != "highest of the 30m after this time 1h ago 9 s" {
		t.Errorf("got %+v", drivers)
	}
	for _, d := range drivers {
		if math.IsInf(d.Value, 0) {
			t.Errorf("%q looks past the origin", d.Text)
		}
	}
}
