package corrector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
		m := move{to: forecaster.Blocked, actor: actor, reason: r.Error()}
		if a.begun { // what is half done must stay revertible
			m.to, m.reason = forecaster.Failed, "stopped half way: "+m.reason
		}
		err = c.record(ctx, &a.Correction, m)
		return a.Correction, err
	}
	if err != nil {
		return a.Correction, err
	}
	if a.plan.Undo != "" { // what had begun came to its end since it was looked at
		a.Correction.Undo = a.plan.Undo
		err = c.record(ctx, &a.Correction, move{to: forecaster.Applied, actor: actor})
		return a.Correction, err
	}
	if a.plan.Unchanged {
		err = c.record(ctx, &a.Correction, move{to: forecaster.Unchanged, actor: actor, reason: a.plan.Text})
		return a.Correction, err
	}
	if err := c.leading(); err != nil { // the guards may have taken their time
		return a.Correction, err
	}
	undo, err := c.actuators[a.Actuator].Apply(ctx, Action{Correction: a.Correction, Params: a.policy.Params})
	if errors.Is(err, ErrUnfinished) { // it stays approved: recover goes on with it
		c.logger.Info("correction goes on", slog.String("id", a.ID), slog.String("policy", a.Policy), slog.String("subject", a.Subject.String()), slog.String("waits", err.Error()))
		return a.Correction, nil
	}
	if err != nil {
		found, unknown := c.look(ctx, a.Correction, a.policy.Params)
		switch {
		case unknown != nil: // it stays approved: recover finds out later
			return a.Correction, fmt.Errorf("apply correction %s: %w; whether it was done: %w", a.ID, err, unknown)
		case found.Undo == "":
			err = c.record(ctx, &a.Correction, move{to: forecaster.Failed, actor: actor, reason: fmt.Sprintf("apply: %s", err)})
			return a.Correction, err
		}
		undo = found.Undo // only the answer was lost
	}
	before := a.Correction
	a.Correction.Undo = undo
	if err := c.record(ctx, &a.Correction, move{to: forecaster.Applied, actor: actor}); err != nil {
		return before, err
	}
	return a.Correction, nil
}

// leading is an error where another replica leads: only one may act. What this
// one has approved meanwhile, the leader finds in the log.
func (c *Corrector) leading() error {
	if c.leads != nil && !c.leads() {
		return fmt.Errorf("this replica does not lead: ask the leader: %w", forecaster.ErrConflict)
	}
	return nil
}

// look asks the actuator what has become of an approved correction: it is in
// place (Undo), somebody undid it (Lost), or neither. What is gone is neither.
func (c *Corrector) look(ctx context.Context, cor forecaster.Correction, params map[string]string) (Plan, error) {
	plan, err := c.actuators[cor.Actuator].Plan(ctx, Action{Correction: cor, Params: params})
	if errors.Is(err, ErrGone) {
		return Plan{}, nil
	}
	return plan, err
}
