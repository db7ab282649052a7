package models_test

import (
	"strings"
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

func TestBlendNamesItsExperts(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	fitted, ask := learn(t, models.Blend{}, target, modeltest.Panel(target, 2, 700, 3), 600, 9)
	drivers := fitted.(models.Explainer).Explain(ask, 0, nil)
	last := drivers[len(drivers)-1]
	if last.Column != "experts" || !strings.HasPrefix(last.Text, "forecast by ") || !strings.Contains(last.Text, " %") {
		t.Errorf("got %+v, want the experts and their shares", last)
	}
	if len(drivers) > 5 {
		t.Errorf("got %d drivers, want at most the five that are shown", len(drivers))
	}
}
