package actuators_test

import (
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func act(id, node string) corrector.Action {
	return corrector.Action{Correction: forecaster.Correction{
		ID: id, Policy: "cordon-at-risk", Target: "NodeNotReady", Risk: 0.82, Horizon: 6 * time.Hour, Actor: "alice", Mode: "approve",
		Subject: collector.Subject{Kind: "node", Name: node},
	}}
}
