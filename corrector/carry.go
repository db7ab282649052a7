package corrector

import (
	"context"
	"fmt"

	"github.com/driftcast/driftcast/forecaster"
)

// carryOut applies an approved correction: the guards are asked once more, right
// before. Whatever the moment of a crash, the log says approved, and recover
// finds out from the actuator whether it was done. The door is held.
func (c *Corrector) carryOut(ctx context.Context, a *attempt) (forecaster.Correction, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout) // once begun, a lost client does not stop it
	defer cancel()
	actor := a.Actor
	err := c.guards.check(ctx, a)
	if r := asRefusal(err); r != nil {
		c.metrics.refusals.WithLabelValues(a.Policy, r.guard).Inc()
		err = c.record(ctx, &a.Correction, move{to: forecaster.Blocked, actor: actor, reason: r.Error()})
		return a.Correction, err
	}
	if err != nil {
		return a.Correction, err
	}
	a.Correction.Plan = a.plan.Text
	if a.plan.Unchanged {
		err = c.record(ctx, &a.Correction, move{to: forecaster.Unchanged, actor: actor, reason: a.plan.Text})
		return a.Correction, err
	}
	undo, err := c.actuators[a.Actuator].Apply(ctx, Action{Correction: a.Correction, Params: a.policy.Params})
	if err != nil {
		if done, found := c.inPlace(ctx, a.Correction, a.policy.Params); found {
			undo, err = done, nil // it was done, only the answer was lost
		}
	}
	if err != nil {
		reason := fmt.Sprintf("apply: %s", err)
		err = c.record(ctx, &a.Correction, move{to: forecaster.Failed, actor: actor, reason: reason})
		return a.Correction, err
	}
	before := a.Correction
	a.Correction.Undo = undo
	if err := c.record(ctx, &a.Correction, move{to: forecaster.Applied, actor: actor}); err != nil {
		return before, err
	}
	return a.Correction, nil
}

// inPlace asks the actuator whether this very correction has been applied.
func (c *Corrector) inPlace(ctx context.Context, cor forecaster.Correction, params map[string]string) (undo string, found bool) {
	plan, err := c.actuators[cor.Actuator].Plan(ctx, Action{Correction: cor, Params: params})
	return plan.Undo, err == nil && plan.Undo != ""
}
