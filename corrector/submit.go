package corrector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// Request asks for a correction.
type Request struct {
	Policy   string
	Target   string // empty: the policy's own, where it has exactly one
	Subject  collector.Subject
	Evidence *Evidence // nil: the newest forecast is asked
	Horizon  time.Duration
	Actor    string // who asks
	Reason   string // why, in words; may be empty
	DryRun   bool   // judge and plan, but record and do nothing
	Key      string // the same key is never applied twice; empty: every request is a new one
}

// Submit is the one door. It judges the request and proposes, applies or blocks
// it as the policy's mode and the guards say; the state of what it returns tells
// which, and its Reason why. The same Key answers with the same correction.
//
// Errors: ErrInvalid, forecaster.ErrNotFound (policy), forecaster.ErrConflict
// (the key belongs to another request), or what kept the log from being read or
// written, in which case nothing was done.
func (c *Corrector) Submit(ctx context.Context, r Request) (forecaster.Correction, error) {
	p, err := c.policy(r.Policy)
	if err != nil {
		return forecaster.Correction{}, err
	}
	if err := r.complete(p, c.now()); err != nil {
		return forecaster.Correction{}, err
	}
	if err := c.enter(ctx); err != nil {
		return forecaster.Correction{}, err
	}
	defer c.leave()
	if err := c.leading(); err != nil && !r.DryRun {
		return forecaster.Correction{}, err
	}

	cor, err := c.log.Correction(ctx, identity(r.Key))
	switch {
	case errors.Is(err, forecaster.ErrNotFound):
		cor = forecaster.Correction{ID: identity(r.Key), Key: r.Key, Policy: p.Name, Target: r.Target,
			Subject: r.Subject}
	case err != nil:
		return forecaster.Correction{}, fmt.Errorf("look up correction %s: %w", identity(r.Key), err)
	case cor.Policy != p.Name || cor.Subject != r.Subject || cor.Target != r.Target:
		return forecaster.Correction{}, fmt.Errorf("key %q belongs to another request, for %s on %s: %w",
			r.Key, cor.Policy, cor.Subject, forecaster.ErrConflict)
	case !judgedAgain(cor.State) || cor.Control: // who is in the control group stays there
		return cor, nil
	}
	a, err := c.attempt(ctx, cor, p, r.Horizon, r.Evidence)
	if err != nil {
		return forecaster.Correction{}, err
	}
	a.hand = r.Actor != loopActor
	return c.settle(ctx, a, r)
}

// settle judges an attempt, records the verdict and acts where the mode says so.
func (c *Corrector) settle(ctx context.Context, a *attempt, r Request) (forecaster.Correction, error) {
	to, reason, err := c.judge(ctx, a)
	if err != nil {
		return forecaster.Correction{}, err
	}
	cor := a.Correction
	if to == cor.State && (to != forecaster.Blocked || sameCause(reason, cor.Reason)) {
		return cor, nil // nothing new to say: a step a minute must not fill the trail
	}
	cor.Mode, cor.Proposed, cor.Control = string(a.policy.Mode), c.now(), reason == controlReason
	cor.Outcome = forecaster.CorrectionOutcome{}
	cor.ExpiresAt = time.Time{}
	if to == forecaster.Proposed {
		cor.ExpiresAt = cor.Proposed.Add(time.Duration(a.policy.Expires))
	}
	if reason == "" {
		reason = joined(a.agreed, r.Reason)
	}
	if r.DryRun {
		cor.State, cor.Reason, cor.Actor, cor.Changed = to, reason, r.Actor, cor.Proposed
		return cor, nil
	}
	if err := c.record(ctx, &cor, move{to: to, actor: r.Actor, reason: reason}); err != nil {
		return forecaster.Correction{}, err
	}
	if to != forecaster.Approved {
		return cor, nil
	}
	a.Correction = cor
	return c.carryOut(ctx, a)
}

// judge asks the guards; their verdict is a state and the reason for it.
func (c *Corrector) judge(ctx context.Context, a *attempt) (forecaster.CorrectionState, string, error) {
	err := c.guards.check(ctx, a)
	if r := asRefusal(err); r != nil {
		c.metrics.refusals.WithLabelValues(a.Policy, r.guard).Inc()
		return forecaster.Blocked, r.Error(), nil
	}
	switch {
	case err != nil:
		return "", "", err
	case a.plan.Unchanged:
		return forecaster.Unchanged, a.plan.Text, nil
	case a.policy.Mode == Observe:
		return forecaster.Observed, "", nil
	case controlled(a):
		a.Guards = append(a.Guards, forecaster.GuardVerdict{Guard: "control", Says: controlReason})
		return forecaster.Observed, controlReason, nil
	case a.policy.Mode == Auto:
		return forecaster.Approved, joined("the policy's mode is auto", a.agreed), nil
	}
	return forecaster.Proposed, "", nil
}

// attempt puts together what guards judge; without evidence, the newest is asked.
func (c *Corrector) attempt(ctx context.Context, cor forecaster.Correction, p Policy, horizon time.Duration, e *Evidence) (*attempt, error) {
	cor.Horizon, cor.Actuator, cor.Object = horizon, p.Actuator, forecaster.ObjectOf(cor.Subject)
	if e == nil {
		var err error
		if e, err = c.evidence(ctx, cor, p); err != nil {
			return nil, err
		}
	}
	cor.Risk, cor.Drift = e.Risk, e.Drift
	return &attempt{Correction: cor, policy: p, fresh: e.Fresh}, nil
}

// joined are the words that are not empty, in one.
func joined(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), "; ")
}

// complete checks a request and fills what the policy knows.
func (r *Request) complete(p Policy, now time.Time) error {
	switch {
	case r.Target != "":
	case len(p.Targets) == 1 && len(p.Drift) == 0:
		r.Target = p.Targets[0]
	case len(p.Targets) == 0 && len(p.Drift) > 0:
		r.Target = DriftTarget
	}
	drift := r.Target == DriftTarget
	switch {
	case drift && len(p.Drift) == 0:
		return fmt.Errorf("policy %s: %w: it answers no drift", p.Name, ErrInvalid)
	case drift && r.Evidence != nil && r.Evidence.Drift == nil, !drift && r.Evidence != nil && r.Evidence.Drift != nil:
		return fmt.Errorf("policy %s: %w: target %q and its evidence do not belong together", p.Name, ErrInvalid, r.Target)
	case r.Target == "":
		return fmt.Errorf("policy %s: %w: name the target", p.Name, ErrInvalid)
	case !drift && len(p.Targets) > 0 && !slices.Contains(p.Targets, r.Target):
		return fmt.Errorf("policy %s: %w: it is not for target %q, only for %s", p.Name, ErrInvalid, r.Target, strings.Join(p.Targets, ", "))
	case r.Actor == "":
		return fmt.Errorf("policy %s: %w: no actor", p.Name, ErrInvalid)
	case r.Evidence != nil && !(r.Evidence.Risk >= 0 && r.Evidence.Risk <= 1): // NaN too
		return fmt.Errorf("policy %s: %w: risk %v is no probability", p.Name, ErrInvalid, r.Evidence.Risk)
	case r.Horizon < 0:
		return fmt.Errorf("policy %s: %w: horizon %s", p.Name, ErrInvalid, r.Horizon)
	}
	if _, err := collector.ParseSubject(r.Subject.String()); err != nil {
		return fmt.Errorf("policy %s: %w: %w", p.Name, ErrInvalid, err)
	}
	if r.Key == "" {
		r.Key = fmt.Sprintf("%s|%s|%s|%s|%d", r.Actor, p.Name, r.Target, r.Subject, now.UnixNano())
	}
	return nil
}

// Propose submits what warnings ask for: the policy that each names, where there
// is one of that name (packs name more than most people allow), and every policy
// that lists its target. A resolved warning withdraws its proposals. One wrong
// warning does not keep the others; the errors are joined.
func (c *Corrector) Propose(ctx context.Context, warnings []forecaster.Warning) error {
	if c.leading() != nil {
		return nil //nolint:nilerr // the leader hears of the same
	}
	var errs []error
	for _, w := range warnings {
		if w.Resolved {
			errs = append(errs, c.withdraw(ctx, w))
			continue
		}
		for _, policy := range c.answering(w) {
			_, err := c.Submit(ctx, Request{
				Policy: policy, Target: w.Target, Subject: w.Subject, Horizon: w.Horizon,
				Evidence: &Evidence{Risk: math.Min(1, w.Risk), Fresh: w.Fresh}, Actor: loopActor,
				Key: fmt.Sprintf("%s|%s|%s|%d", policy, w.Target, w.Subject, w.StartsAt.Unix()),
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("propose for %s of %s: %w", w.Target, w.Subject, err))
			}
		}
	}
	return errors.Join(errs...)
}

// loopActor is who the audit trail says acted when nobody did.
const loopActor = "driftcast"

// answering names the policies that a warning asks for, sorted.
func (c *Corrector) answering(w forecaster.Warning) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var names []string
	for name, p := range c.policies {
		if name == w.Correction || slices.Contains(p.Targets, w.Target) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// withdraw expires the proposals of a warning that is over.
func (c *Corrector) withdraw(ctx context.Context, w forecaster.Warning) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	waiting, err := c.all(ctx, forecaster.CorrectionQuery{State: forecaster.Proposed, Subject: w.Subject.String()})
	if err != nil {
		return err
	}
	for _, cor := range waiting {
		if cor.Target != w.Target {
			continue
		}
		m := move{to: forecaster.Expired, actor: loopActor, reason: fmt.Sprintf("the risk has fallen to %.2f", w.Risk)}
		if err := c.record(ctx, &cor, m); err != nil {
			return err
		}
	}
	return nil
}

// identity is the ID of the correction with a key.
func identity(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:8])
}

// sameCause says whether two reasons name the same guard; the numbers after it
// change with every step.
func sameCause(a, b string) bool {
	guardA, _, _ := strings.Cut(a, ":")
	guardB, _, _ := strings.Cut(b, ":")
	return guardA == guardB
}
