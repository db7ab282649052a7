package corrector

import (
	"context"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// cooled lets some time pass after an object was acted on, or a person or
// nobody answered. Each correction of it that was of no use doubles the time,
// up to cool_down_max, until one is of use. It is what keeps a flapping risk
// from flapping the cluster.
func (c *Corrector) cooled(_ context.Context, a *attempt) error {
	own := a.past[:0:0]
	for _, p := range a.past {
		if p.Policy == a.Policy {
			own = append(own, p)
		}
	}
	n, _ := strikes(own)
	backOff := doubled(time.Duration(a.policy.CoolDown), n, time.Duration(a.policy.CoolDownMax))
	for _, p := range own {
		wait := backOff
		switch p.State {
		case forecaster.Rejected, forecaster.Expired:
			wait = time.Duration(a.policy.CoolDown)
		case forecaster.Applied, forecaster.Verified, forecaster.Failed, forecaster.Reverted:
		default:
			continue
		}
		since := c.now().Sub(p.Changed)
		if left := wait - since; left > 0 {
			return refuse("correction %s was %s %s ago; %s left of %s%s", p.ID, p.State, since.Round(time.Second), left.Round(time.Second), wait, after(n))
		}
	}
	a.note("%s%s", backOff, after(n))
	return nil
}

// backedOff slows down where corrections of a whole pool were of no use: from
// the second in a row on, nothing is done in it for cool_down, and twice as
// long with each more. The pool is the failure domain, else the namespace that
// the actuator names, else all that the policy acts on.
func (c *Corrector) backedOff(_ context.Context, a *attempt) error {
	in := a.acted[:0:0]
	for _, p := range a.acted {
		if p.Pool == a.Pool {
			in = append(in, p)
		}
	}
	where := a.Pool
	if where == "" {
		where = "all of policy " + a.Policy
	}
	n, last := strikes(in)
	if n < 2 {
		a.note("%d in a row of no use in %s", n, where)
		return nil
	}
	wait := doubled(time.Duration(a.policy.CoolDown), n-2, time.Duration(a.policy.CoolDownMax))
	if left := wait - c.now().Sub(last); left > 0 {
		return refuse("%d corrections in a row were of no use in %s; %s left of %s", n, where, left.Round(time.Second), wait)
	}
	a.note("%s since the last of %d in a row of no use in %s", wait, n, where)
	return nil
}

// doubled is d·2ⁿ, at most limit, or d where that is more.
func doubled(d time.Duration, n int, limit time.Duration) time.Duration {
	for range n {
		if d >= limit {
			return d
		}
		d = min(2*d, limit)
	}
	return d
}

func after(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", after one of no use"
	}
	return ", after several of no use"
}
