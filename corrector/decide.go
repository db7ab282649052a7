package corrector

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/forecaster"
)

// Approve lets a person approve a proposal; it is applied at once, unless a
// guard now forbids it: the state of what it returns tells. Errors:
// forecaster.ErrNotFound; forecaster.ErrConflict where it is not proposed, has
// expired, or its policy's mode does not let people approve.
func (c *Corrector) Approve(ctx context.Context, id, actor, reason string) (forecaster.Correction, error) {
	if err := c.enter(ctx); err != nil {
		return forecaster.Correction{}, err
	}
	defer c.leave()
	if err := c.leading(); err != nil {
		return forecaster.Correction{}, err
	}
	cor, err := c.proposal(ctx, id)
	if err != nil {
		return forecaster.Correction{}, err
	}
	p, err := c.policy(cor.Policy)
	if err != nil {
		return forecaster.Correction{}, err
	}
	if p.Mode != Approve && p.Mode != Auto {
		return forecaster.Correction{}, fmt.Errorf("policy %s only %ss: do it by hand (%s), or set its mode to approve: %w",
			p.Name, p.Mode, cor.Plan, forecaster.ErrConflict)
	}
	if c.passed(cor.ExpiresAt, cor) { // in doubt, the guard "clock" says no
		if err := c.expire(ctx, cor); err != nil {
			return forecaster.Correction{}, err
		}
		return forecaster.Correction{}, fmt.Errorf("correction %s has expired: %w", id, forecaster.ErrConflict)
	}
	a, err := c.attempt(ctx, cor, p, cor.Horizon, nil)
	if err != nil {
		return forecaster.Correction{}, err
	}
	if err := c.record(ctx, &a.Correction, move{to: forecaster.Approved, actor: actor, reason: reason}); err != nil {
		return forecaster.Correction{}, err
	}
	return c.carryOut(ctx, a)
}

// Reject lets a person refuse a proposal. Errors as Approve.
func (c *Corrector) Reject(ctx context.Context, id, actor, reason string) (forecaster.Correction, error) {
	if err := c.enter(ctx); err != nil {
		return forecaster.Correction{}, err
	}
	defer c.leave()
	cor, err := c.proposal(ctx, id)
	if err != nil {
		return forecaster.Correction{}, err
	}
	err = c.record(ctx, &cor, move{to: forecaster.Rejected, actor: actor, reason: reason})
	return cor, err
}

// proposal returns the correction if it waits for a person.
func (c *Corrector) proposal(ctx context.Context, id string) (forecaster.Correction, error) {
	cor, err := c.log.Correction(ctx, id)
	if err != nil {
		return cor, fmt.Errorf("correction %s: %w", id, err)
	}
	if cor.State != forecaster.Proposed {
		return cor, fmt.Errorf("correction %s is %s, not proposed: %w", id, cor.State, forecaster.ErrConflict)
	}
	return cor, nil
}

// Revert undoes a correction. It is always allowed: no guard, kill switch, mode
// or missing policy forbids it. Reverting what is reverted already returns it as
// it stands. Errors: forecaster.ErrNotFound; forecaster.ErrConflict where
// nothing was applied; what the actuator says where it cannot.
func (c *Corrector) Revert(ctx context.Context, id, actor, reason string) (forecaster.Correction, error) {
	if err := c.enter(ctx); err != nil {
		return forecaster.Correction{}, err
	}
	defer c.leave()
	cor, err := c.log.Correction(ctx, id)
	if err != nil {
		return cor, fmt.Errorf("correction %s: %w", id, err)
	}
	switch cor.State {
	case forecaster.Reverted:
		return cor, nil
	case forecaster.Approved, forecaster.Applied, forecaster.Verified, forecaster.Failed:
		return c.undo(ctx, cor, actor, reason)
	}
	return cor, fmt.Errorf("correction %s is %s: there is nothing to undo: %w", id, cor.State, forecaster.ErrConflict)
}

// reverting begins the reason of a correction whose undoing has begun; Run
// finishes what a crash left so.
const reverting = "reverting: "

// undo records the intent, reverts, and records the end. The door is held.
func (c *Corrector) undo(ctx context.Context, cor forecaster.Correction, actor, reason string) (forecaster.Correction, error) {
	actuator, ok := c.actuators[cor.Actuator]
	if !ok {
		return cor, fmt.Errorf("revert correction %s: actuator %q is not configured any more; undo it by hand: %s", cor.ID, cor.Actuator, cor.Plan)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout) // once begun, a lost client does not stop it
	defer cancel()
	reason = strings.TrimPrefix(reason, reverting)
	if err := c.record(ctx, &cor, move{to: cor.State, action: "revert", actor: actor, reason: reverting + reason}); err != nil {
		return cor, err
	}
	if err := actuator.Revert(ctx, Action{Correction: cor, Params: c.params(cor.Policy)}); err != nil && !errors.Is(err, ErrGone) {
		err = fmt.Errorf("revert correction %s: %w", cor.ID, err)
		return cor, errors.Join(err, c.record(ctx, &cor, move{to: cor.State, action: "fail", actor: actor, reason: err.Error()}))
	}
	err := c.record(ctx, &cor, move{to: forecaster.Reverted, actor: actor, reason: reason})
	return cor, err
}

// params returns the parameters of a policy, nil where it is gone.
func (c *Corrector) params(policy string) map[string]string {
	p, _ := c.policy(policy)
	return p.Params
}
