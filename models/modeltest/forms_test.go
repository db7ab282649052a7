package modeltest_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// TestWellFormedFindsFaults spoils a good forecast in every way that counts.
func TestWellFormedFindsFaults(t *testing.T) {
	target := &features.Target{
		Name: "L", Level: "l", Subject: collector.SubjectSpec{Kind: "node", Labels: []string{"node"}}, Interval: time.Minute,
		Scale: features.ScaleLogit, Horizons: []time.Duration{time.Minute, 2 * time.Minute}, Objective: &features.Objective{Op: "<", Bound: 0.9},
	}
	f, err := features.Extract(modeltest.Panel(target, 1, 20, 1), target, features.Options{Origins: []int{15}})
	if err != nil {
		t.Fatal(err)
	}
	good := func() models.Forecast {
		quantiles := []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
		return models.Forecast{
			Target: "L", Subject: f.SubjectOf(0), Model: "m", Origin: f.OriginOf(0), Interval: time.Minute, Leads: slices.Clone(f.Leads),
			Path:  slices.Repeat(quantiles, len(f.Leads)),
			Risks: []models.Risk{{Horizon: time.Minute, Probability: 0.2}, {Horizon: 2 * time.Minute, Probability: 0.3}},
		}
	}
	for name, spoil := range map[string]func(*models.Forecast){
		"":                        func(*models.Forecast) {},
		"another target":          func(o *models.Forecast) { o.Target = "M" },
		"no model":                func(o *models.Forecast) { o.Model = "" },
		"another origin":          func(o *models.Forecast) { o.Origin = o.Origin.Add(time.Minute) },
		"a lead is missing":       func(o *models.Forecast) { o.Leads = o.Leads[1:] },
		"the path is short":       func(o *models.Forecast) { o.Path = o.Path[1:] },
		"quantiles cross":         func(o *models.Forecast) { o.Path[3] = 0.6 },
		"a quantile is NaN":       func(o *models.Forecast) { o.Path[0] = math.NaN() },
		"a ratio over 1":          func(o *models.Forecast) { o.Path[8] = 1.1 },
		"a risk is missing":       func(o *models.Forecast) { o.Risks = o.Risks[1:] },
		"risks fall":              func(o *models.Forecast) { o.Risks[1].Probability = 0.1 },
		"a risk is NaN":           func(o *models.Forecast) { o.Risks[0].Probability = math.NaN() },
		"a risk over 1":           func(o *models.Forecast) { o.Risks[1].Probability = 1.5 },
		"horizons out of order":   func(o *models.Forecast) { slices.Reverse(o.Risks) },
		"a quantile is infinite":  func(o *models.Forecast) { o.Path[8] = math.Inf(1) },
		"another subject of them": func(o *models.Forecast) { o.Subject.Name = "other" },
	} {
		out := good()
		spoil(&out)
		if got := modeltest.WellFormed(f, 0, &out); (got == "") != (name == "") {
			t.Errorf("%q: got %q", name, got)
		}
	}
}
