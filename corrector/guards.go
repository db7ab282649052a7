package corrector

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// attempt is what guards judge: a correction that is about to be proposed or
// applied, with what is known about it now.
type attempt struct {
	forecaster.Correction
	policy Policy
	fresh  time.Time // the newest sample behind Risk; zero: unknown
	begun  bool      // it is half done already

	past []forecaster.Correction // of this subject by this policy; set by remember
	plan Plan                    // set by planned
}

// guard is one stage of judgement. A refusal (wrapped) forbids the correction;
// any other error means that the guard cannot tell, which forbids it too.
type guard interface {
	check(ctx context.Context, a *attempt) error
}

// guards are a guard: the first error ends it.
type guards []guard

func (g guards) check(ctx context.Context, a *attempt) error {
	for _, one := range g {
		if err := one.check(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

type guardFunc func(ctx context.Context, a *attempt) error

func (f guardFunc) check(ctx context.Context, a *attempt) error { return f(ctx, a) }

// refusal is a guard's no.
type refusal struct{ guard, reason string }

func (r *refusal) Error() string { return r.guard + ": " + r.reason }

func refuse(guard, format string, args ...any) error {
	return &refusal{guard, fmt.Sprintf(format, args...)}
}

// chain lists the guards in the order in which they are asked: what costs
// nothing first, what asks the cluster last.
func (c *Corrector) chain() guards {
	return guards{
		guardFunc(c.killed), guardFunc(c.fresh), guardFunc(confident),
		guardFunc(c.remember), guardFunc(single), guardFunc(c.cooled), guardFunc(c.affordable),
		guardFunc(c.planned), guardFunc(optedIn), guardFunc(spared),
	}
}

func (c *Corrector) killed(context.Context, *attempt) error {
	if k := c.KillSwitch(); k.Engaged {
		return refuse("kill switch", "thrown by %s: %s", k.Actor, k.Reason)
	}
	return nil
}

// fresh fails closed: unknown, old and future telemetry alike forbid.
func (c *Corrector) fresh(_ context.Context, a *attempt) error {
	limit := time.Duration(a.policy.MaxAge)
	switch age := c.now().Sub(a.fresh); {
	case a.fresh.IsZero():
		return refuse("freshness", "no forecast of %s for %s: nothing is known of it", a.Target, a.Subject)
	case age > limit:
		return refuse("freshness", "the newest sample is %s old, more than max_age %s", age.Round(time.Second), limit)
	case age < -limit:
		return refuse("freshness", "the newest sample is %s in the future: compare the clocks", (-age).Round(time.Second))
	}
	return nil
}

func confident(_ context.Context, a *attempt) error {
	if math.IsNaN(a.Risk) || a.Risk < a.policy.MinRisk {
		return refuse("confidence", "risk %.2f is under min_risk %.2f", a.Risk, a.policy.MinRisk)
	}
	return nil
}

// remember reads what the policy did to the subject before; it forbids nothing.
func (c *Corrector) remember(ctx context.Context, a *attempt) error {
	a.past = nil
	return c.each(ctx, forecaster.CorrectionQuery{Subject: a.Subject.String(), Policy: a.Policy}, func(p forecaster.Correction) bool {
		a.past = append(a.past, p)
		return true
	})
}

// single forbids a second open correction of one subject by one policy.
func single(_ context.Context, a *attempt) error {
	for _, p := range a.past {
		if p.ID != a.ID && open(p) {
			return refuse("dedup", "correction %s of the same subject is %s", p.ID, p.State)
		}
	}
	return nil
}

// open says whether a correction waits, acts, or holds its subject.
func open(c forecaster.Correction) bool { return c.State == forecaster.Proposed || inForce(c) }

// inForce says whether a correction acts on its subject or may do so. One that
// is verified stays in force for as long as there is something to undo.
func inForce(c forecaster.Correction) bool {
	switch c.State {
	case forecaster.Approved, forecaster.Applied:
		return true
	case forecaster.Verified:
		return c.Undo != ""
	}
	return false
}

// cooled lets some time pass after a subject was acted on, or a person or
// nobody answered. It is what keeps a flapping risk from flapping the cluster.
func (c *Corrector) cooled(_ context.Context, a *attempt) error {
	for _, p := range a.past {
		switch p.State {
		case forecaster.Applied, forecaster.Verified, forecaster.Failed, forecaster.Reverted, forecaster.Rejected, forecaster.Expired:
			since := c.now().Sub(p.Changed)
			if left := time.Duration(a.policy.CoolDown) - since; left > 0 {
				return refuse("cool-down", "correction %s was %s %s ago; %s left",
					p.ID, p.State, since.Round(time.Second), left.Round(time.Second))
			}
		}
	}
	return nil
}

// affordable keeps the policy's counts: in force now, and acted within Per. When
// a correction acted is not kept once it is reverted, but it was no later than
// Expires after it was proposed: this errs towards too few, and never by more.
func (c *Corrector) affordable(ctx context.Context, a *attempt) error {
	b := a.policy.Budget
	since := c.now().Add(-time.Duration(b.Per) - time.Duration(a.policy.Expires))
	var now, lately int
	for _, state := range []forecaster.CorrectionState{forecaster.Approved, forecaster.Applied, forecaster.Verified, forecaster.Reverted, forecaster.Failed} {
		over := state == forecaster.Reverted || state == forecaster.Failed
		if over && b.Count == 0 {
			continue
		}
		err := c.each(ctx, forecaster.CorrectionQuery{Policy: a.Policy, State: state}, func(p forecaster.Correction) bool {
			recent := p.Proposed.After(since)
			if p.ID != a.ID && inForce(p) {
				now++
			}
			if p.ID != a.ID && recent {
				lately++
			}
			return recent || !over // newest first: the rest is older
		})
		if err != nil {
			return err
		}
	}
	if now >= b.Concurrent {
		return refuse("budget", "%d corrections of this policy are in force, concurrent allows %d", now, b.Concurrent)
	}
	if b.Count > 0 && lately >= b.Count {
		return refuse("budget", "%d corrections within %s, count allows %d", lately, b.Per, b.Count)
	}
	return nil
}

// planned asks the actuator what it would do; one that cannot say may not act.
func (c *Corrector) planned(ctx context.Context, a *attempt) error {
	actuator, ok := c.actuators[a.Actuator]
	if !ok {
		return refuse("plan", "unknown actuator %q", a.Actuator)
	}
	plan, err := actuator.Plan(ctx, Action{Correction: a.Correction, Params: a.policy.Params})
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return refuse("plan", "%s", err)
	}
	a.plan = plan
	return nil
}

func optedIn(_ context.Context, a *attempt) error {
	if a.plan.OptOut != "" {
		return refuse("opt-out", "%s", a.plan.OptOut)
	}
	return nil
}

// spared keeps enough of the pool in, whoever took the others out.
func spared(_ context.Context, a *attempt) error {
	p := a.plan
	if p.Pool == 0 || p.Unchanged || p.Undo != "" {
		return nil
	}
	allowed := int(math.Floor(float64(p.Pool) * a.policy.Budget.Percent / 100))
	if p.Out+1 > allowed {
		return refuse("pool", "%d of %d are out already, percent %g allows %d", p.Out, p.Pool, a.policy.Budget.Percent, allowed)
	}
	return nil
}

// asRefusal returns the refusal in an error, nil where there is none.
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}
