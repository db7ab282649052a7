package models_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

func levelTarget(scale features.Scale) *features.Target {
	return &features.Target{
		Name:     "Latency",
		Subject:  collector.SubjectSpec{Kind: "service", Labels: []string{"service"}},
		Interval: time.Minute,
		Level:    "latency_seconds",
		Horizons: []time.Duration{5 * time.Minute, 20 * time.Minute},
		Scale:    scale,
		Season:   60,
		Signals:  []string{"load"},
	}
}

// TestLevelModels runs the conformance suite over every level model and scale,
// with and without an objective.
func TestLevelModels(t *testing.T) {
	bounded := levelTarget(features.ScaleLog)
	bounded.Objective = &features.Objective{Op: "<", Bound: 1.2}
	targets := map[string]*features.Target{
		"raw":              levelTarget(features.ScaleRaw),
		"logit":            levelTarget(features.ScaleLogit),
		"count":            levelTarget(features.ScaleCount),
		"log with a bound": bounded,
	}
	for name, target := range targets {
		if testing.Short() && (name == "logit" || name == "count") {
			continue // the other two go the same ways, and there are a dozen models
		}
		for _, m := range models.Catalog(target) {
			t.Run(name+"/"+m.Name(), func(t *testing.T) {
				t.Parallel()
				modeltest.Run(t, m, target)
			})
		}
	}
}
