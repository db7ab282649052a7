package corrector

import (
	"context"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// remember reads what was done before: to the object by every policy, and by
// this policy to any object. Everything that guards know of the past is from the
// log, so that a restart or another leader knows no less.
func (c *Corrector) remember(ctx context.Context, a *attempt) error {
	a.past, a.acted = nil, nil
	keep := func(to *[]forecaster.Correction) func(forecaster.Correction) bool {
		return func(p forecaster.Correction) bool {
			if p.ID != a.ID {
				*to = append(*to, p)
			}
			return true
		}
	}
	err := c.each(ctx, forecaster.CorrectionQuery{Object: a.Object}, func(p forecaster.Correction) bool {
		a.past = append(a.past, p)
		return true
	})
	if err != nil {
		return err
	}
	if err := c.each(ctx, forecaster.CorrectionQuery{Policy: a.Policy, Holding: true}, keep(&a.acted)); err != nil {
		return err
	}
	held := map[string]bool{}
	for _, p := range a.acted {
		held[p.ID] = true
	}
	since := c.now().Add(-a.policy.memory())
	err = c.each(ctx, forecaster.CorrectionQuery{Policy: a.Policy, Acted: true}, func(p forecaster.Correction) bool {
		if p.ID != a.ID && !held[p.ID] {
			a.acted = append(a.acted, p)
		}
		return p.Proposed.After(since) // newest first: the rest is older
	})
	if err != nil {
		return err
	}
	for _, p := range a.acted {
		if ahead := p.Changed.Sub(c.now()); ahead > slack {
			return refuse("correction %s is from %s in the future: compare the clocks", p.ID, ahead.Round(time.Second))
		}
	}
	slices.SortStableFunc(a.acted, func(p, q forecaster.Correction) int { return q.Proposed.Compare(p.Proposed) })
	a.note("%d corrections of %s, %d lately by this policy", len(a.past), a.Object, len(a.acted))
	return nil
}

// memory is how far back the guards of a policy look, by when corrections were
// proposed: they act within Expires of it, and their fate is known within
// JudgeAfter of that, as a rule.
func (p Policy) memory() time.Duration {
	return time.Duration(p.Expires) + time.Duration(p.JudgeAfter) +
		max(time.Duration(p.Budget.Per), 3*time.Duration(p.Breaker.Window), time.Duration(p.CoolDownMax))
}

// inForce says whether a correction acts on its object or may do so. One that is
// verified stays in force for as long as it holds its object out of service,
// and no longer than its policy's hold.
func (c *Corrector) inForce(p forecaster.Correction) bool {
	if !p.Holds() || p.State != forecaster.Verified {
		return p.Holds()
	}
	policy, _ := c.policy(p.Policy) // where it is gone, hold is 0: for ever
	hold := time.Duration(policy.Hold)
	return hold == 0 || c.now().Sub(p.Verified) < hold
}

// fate says how a correction came out, for pacing: it was of use, or it was not.
type fate int

const (
	pending fate = iota // not known yet
	neutral             // neither: its subject went away, it was never applied, or others ended it in time
	good
	bad
)

// fateOf tells the fate of a correction, and when it was known. Reverting what
// had been verified is the normal end of what helped.
func fateOf(p forecaster.Correction) (fate, time.Time) {
	ended := p.Ended
	if ended.IsZero() {
		ended = p.Changed
	}
	switch {
	case p.Contested != "":
		return bad, ended
	case p.Outcome.Verdict == forecaster.NotHelped:
		return bad, p.Outcome.At
	case p.Outcome.Verdict == forecaster.Helped:
		return good, p.Outcome.At
	case !p.Verified.IsZero():
		return good, p.Verified
	case p.State == forecaster.Failed:
		return bad, p.Changed
	case p.State == forecaster.Reverted && (p.Applied.IsZero() || p.Reason == ErrGone.Error() || p.Reason == undoneByOthers):
		return neutral, ended
	case p.State == forecaster.Reverted:
		return bad, ended
	case p.State == forecaster.Applied && p.Reason == notBetter:
		return bad, p.Changed
	}
	return pending, time.Time{}
}

// strikes counts the corrections, newest first, that were of no use since the
// last that was, and when the newest of them was known.
func strikes(list []forecaster.Correction) (n int, last time.Time) {
	for _, p := range list {
		switch f, at := fateOf(p); f {
		case good:
			return n, last
		case bad:
			if n++; at.After(last) {
				last = at
			}
		}
	}
	return n, last
}
