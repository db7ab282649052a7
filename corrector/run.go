package corrector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// Run looks after what is open until ctx ends: it finishes what a crash left
// half done, expires proposals, verifies and, where the policy says so, reverts.
func (c *Corrector) Run(ctx context.Context) error {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		if err := c.tick(ctx); err != nil && ctx.Err() == nil {
			c.logger.Error("look after corrections", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// tick looks once at every correction that something may be due for. All that it
// knows is from the log, and every step reads its correction again behind the
// door: another replica may have led meanwhile, and what it did is there.
func (c *Corrector) tick(ctx context.Context) error {
	c.clock.look(c.now()) // that a jump is seen even where nobody asks for anything
	errs := []error{c.watchSwitch(ctx)}
	if c.leading() != nil {
		return errors.Join(errs...)
	}
	for _, one := range []struct {
		query forecaster.CorrectionQuery
		look  func(context.Context, forecaster.Correction) error
	}{
		{forecaster.CorrectionQuery{Holding: true}, c.follow},
		{forecaster.CorrectionQuery{State: forecaster.Proposed}, c.expireLate},
		{forecaster.CorrectionQuery{Waiting: true}, c.await},
	} {
		due, err := c.all(ctx, one.query)
		errs = append(errs, err)
		for _, cor := range due {
			if one.query.Waiting && !c.worthAwaiting(cor) {
				continue
			}
			errs = append(errs, c.withDoor(ctx, cor, one.look))
		}
		if one.query.Holding && err == nil {
			c.countInForce(due)
		}
	}
	return errors.Join(errs...)
}

// countInForce shows how many are in force, by policy.
func (c *Corrector) countInForce(holding []forecaster.Correction) {
	n := map[string]int{}
	for _, p := range c.Policies() {
		n[p.Name] = 0
	}
	for _, cor := range holding {
		if c.inForce(cor) {
			n[cor.Policy]++
		}
	}
	for name, count := range n {
		c.metrics.inForce.WithLabelValues(name).Set(float64(count))
	}
}

// worthAwaiting says whether there is anything to do for an open outcome now.
func (c *Corrector) worthAwaiting(cor forecaster.Correction) bool {
	_, to := c.span(cor)
	return c.passed(to, cor) || cor.State == forecaster.Verified && !cor.Holds()
}

// await follows what is verified and holds nothing, for as long as its outcome
// is open, and judges the outcome once it can be known.
func (c *Corrector) await(ctx context.Context, cor forecaster.Correction) error {
	if cor.State == forecaster.Verified && !cor.Holds() {
		if lost, err := c.lost(ctx, cor); err != nil || lost {
			return err
		}
	}
	return c.settleOutcome(ctx, cor)
}

// withDoor reads the correction again behind the door: it may have moved on, and
// then the next turn looks at it as it stands.
func (c *Corrector) withDoor(ctx context.Context, cor forecaster.Correction, look func(context.Context, forecaster.Correction) error) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	now, err := c.log.Correction(ctx, cor.ID)
	if err == nil && now.Version == cor.Version {
		err = look(ctx, now)
	}
	if err != nil {
		return fmt.Errorf("correction %s: %w", cor.ID, err)
	}
	return nil
}

// recover settles a correction that was approved and, because the process died
// or the log could not be written, never got further. Nothing else leaves one
// approved while the door is free.
func (c *Corrector) recover(ctx context.Context, cor forecaster.Correction) error {
	if strings.HasPrefix(cor.Reason, reverting) {
		_, err := c.undo(ctx, cor, cor.Actor, cor.Reason)
		return err
	}
	if _, ok := c.actuators[cor.Actuator]; !ok {
		return fmt.Errorf("actuator %q is not configured: cannot tell whether it was applied", cor.Actuator)
	}
	found, err := c.look(ctx, cor, c.params(cor.Policy))
	switch {
	case err != nil:
		return fmt.Errorf("whether it was applied: %w", err)
	case found.Undo != "":
		cor.Undo = found.Undo
		return c.record(ctx, &cor, move{to: forecaster.Applied, actor: cor.Actor, reason: "found applied after a restart"})
	case found.Lost:
		cor.Contested = cmp.Or(found.By, "somebody else")
		return c.record(ctx, &cor, move{to: forecaster.Reverted, actor: loopActor, reason: undoneByOthers})
	}
	p, err := c.policy(cor.Policy)
	if err != nil {
		return c.record(ctx, &cor, move{to: forecaster.Blocked, actor: loopActor, reason: "policy: it is gone"})
	}
	if c.doubted(cor.Policy) {
		return nil // it goes on, or is too late, once the time is known again
	}
	if age := c.now().Sub(cor.Changed); !found.Begun && age > time.Duration(p.Expires) { // nobody would expect it any more
		reason := fmt.Sprintf("freshness: it was approved %s ago and never begun, more than expires %s", age.Round(time.Second), p.Expires)
		return c.record(ctx, &cor, move{to: forecaster.Blocked, actor: loopActor, reason: reason})
	}
	a, err := c.attempt(ctx, cor, p, cor.Horizon, nil)
	if err != nil {
		return err
	}
	a.begun = found.Begun
	_, err = c.carryOut(ctx, a)
	return err
}

const undoneByOthers = "undone by somebody else"

// expireLate withdraws a proposal that nobody answered, or whose drift is gone.
func (c *Corrector) expireLate(ctx context.Context, cor forecaster.Correction) error {
	if cor.Target == DriftTarget {
		d, known, err := c.drifted(ctx, cor.Subject)
		if err == nil && known && gone(cor, d, cor.Proposed) {
			return c.record(ctx, &cor, move{to: forecaster.Expired, actor: loopActor, reason: "the drift is gone"})
		}
	}
	if !c.passed(cor.ExpiresAt, cor) {
		return nil
	}
	return c.expire(ctx, cor)
}

func (c *Corrector) expire(ctx context.Context, cor forecaster.Correction) error {
	return c.record(ctx, &cor, move{to: forecaster.Expired, actor: loopActor, reason: "nobody answered in time"})
}

// follow finishes what a crash left half done, notices what others undid, and
// verifies what is due.
func (c *Corrector) follow(ctx context.Context, cor forecaster.Correction) error {
	if cor.State == forecaster.Approved {
		return c.recover(ctx, cor)
	}
	if strings.HasPrefix(cor.Reason, reverting) {
		_, err := c.undo(ctx, cor, cor.Actor, cor.Reason)
		return err
	}
	if lost, err := c.lost(ctx, cor); err != nil || lost {
		return err
	}
	p, err := c.policy(cor.Policy)
	if err != nil || cor.State == forecaster.Verified || !c.passed(cor.Applied.Add(time.Duration(p.VerifyAfter)), cor) {
		return nil //nolint:nilerr // a policy that is gone verifies nothing any more
	}
	if cor.Drift != nil {
		return c.verifyDrift(ctx, cor, p)
	}
	return c.verify(ctx, cor, p)
}

// lost records that the subject is gone or somebody undid the correction, so
// that it counts against no budget any more. Who undid it too soon is
// kept: the guard "contention" does not fight.
func (c *Corrector) lost(ctx context.Context, cor forecaster.Correction) (bool, error) {
	if cor.Drift != nil && !cor.Verified.IsZero() {
		if who := c.whoBrought(ctx, cor); who != "" {
			cor.Contested = who
			return true, c.record(ctx, &cor, move{to: forecaster.Reverted, actor: loopActor, reason: "the drift was brought back by " + who})
		}
	}
	actuator, ok := c.actuators[cor.Actuator]
	if !ok || cor.Undo == "" {
		return false, nil
	}
	plan, err := actuator.Plan(ctx, Action{Correction: cor, Params: c.params(cor.Policy)})
	reason := undoneByOthers
	switch {
	case errors.Is(err, ErrGone):
		reason = ErrGone.Error()
	case err != nil:
		c.logger.Warn("cannot look at what was corrected", slog.String("id", cor.ID), slog.String("subject", cor.Subject.String()), slog.Any("err", err))
		return false, nil
	case !plan.Lost:
		return false, nil
	default:
		// Once its horizon has passed it has done its service, and whoever takes
		// it back then ends it; before, they fight.
		if _, to := c.span(cor); !c.passed(to, cor) {
			cor.Contested = cmp.Or(plan.By, "somebody else")
		}
	}
	return true, c.record(ctx, &cor, move{to: forecaster.Reverted, actor: loopActor, reason: reason})
}

// notBetter is the reason of a correction that has not helped so far.
const notBetter = "the risk has not fallen since"

// verify compares the current risk with what the policy acts on. An unknown or
// old risk verifies nothing: it is looked at again with the next tick.
func (c *Corrector) verify(ctx context.Context, cor forecaster.Correction, p Policy) error {
	risk, fresh, err := c.risks.Risk(ctx, cor.Target, cor.Subject, cor.Horizon)
	if errors.Is(err, forecaster.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("current risk of %s: %w", cor.Subject, err)
	}
	age := c.now().Sub(fresh)
	switch {
	case age > time.Duration(p.MaxAge) || fresh.Before(cor.Applied):
		return nil
	case risk < p.MinRisk:
		reason := fmt.Sprintf("the risk fell from %.2f to %.2f", cor.Risk, risk)
		return c.record(ctx, &cor, move{to: forecaster.Verified, actor: loopActor, reason: reason})
	case p.RevertUnlessImproved:
		_, err := c.undo(ctx, cor, loopActor, fmt.Sprintf("it did not help: the risk was %.2f and is %.2f", cor.Risk, risk))
		return err
	case cor.Reason == notBetter:
		return nil
	}
	return c.record(ctx, &cor, move{to: forecaster.Applied, action: "verify", actor: loopActor, reason: notBetter})
}
