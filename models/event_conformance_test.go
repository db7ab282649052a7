package models_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

func eventTarget() *features.Target {
	return &features.Target{
		Name: "NodeNotReady", Subject: collector.SubjectSpec{Kind: "node", Labels: []string{"node"}},
		Interval: time.Minute, Event: "up == 0", Horizons: []time.Duration{15 * time.Minute, time.Hour},
		Signals: []string{"load", "errors"},
	}
}

func TestEventModelsConform(t *testing.T) {
	target := eventTarget()
	for _, m := range models.Catalog(target) {
		if m.Name() == (models.Forest{}).Name() {
			m = models.Forest{Trees: 3} // grown as all 32 are, in less time
		}
		t.Run(m.Name(), func(t *testing.T) { modeltest.Run(t, m, target) })
	}
}
