package models_test

import (
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// TestHonesty runs the second half of the conformance suite over every model.
func TestHonesty(t *testing.T) {
	bounded := levelTarget(features.ScaleLog)
	bounded.Objective = &features.Objective{Op: "<", Bound: 1.2}
	for name, target := range map[string]*features.Target{"event": eventTarget(), "log with a bound": bounded} {
		for i, m := range models.Catalog(target) {
			if testing.Short() && i > 2 {
				break // the naive ones
			}
			if m.Name() == (models.Forest{}).Name() {
				m = models.Forest{Trees: 3} // grown as all 32 are, in less time
			}
			t.Run(name+"/"+m.Name(), func(t *testing.T) {
				t.Parallel()
				modeltest.Honesty(t, m, target)
				modeltest.Starved(t, m, target)
			})
		}
	}
}
