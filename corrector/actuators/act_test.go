package actuators_test

import (
	"context"
	"time"

	"k8s.io/client-go/rest"

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

// reader is an actuator whose role allows reading only.
type reader struct {
	s *server
	corrector.Actuator
}

func (r reader) as(do func()) {
	r.s.mu.Lock()
	r.s.readOnly = true
	r.s.mu.Unlock()
	do()
	r.s.mu.Lock()
	r.s.readOnly = false
	r.s.mu.Unlock()
}

func (r reader) Plan(ctx context.Context, a corrector.Action) (p corrector.Plan, err error) {
	r.as(func() { p, err = r.Actuator.Plan(ctx, a) })
	return p, err
}

func (r reader) Apply(ctx context.Context, a corrector.Action) (undo string, err error) {
	r.as(func() { undo, err = r.Actuator.Apply(ctx, a) })
	return undo, err
}

func restOf(s *server) *rest.Config {
	c := &rest.Config{Host: s.URL}
	c.ContentType = "application/json" // the little server knows no protobuf
	return c
}
