package corrector

import (
	"cmp"
	"context"
	"strings"
)

// planned asks the actuator what it would do; one that cannot say may not act.
func (c *Corrector) planned(ctx context.Context, a *attempt) error {
	actuator, ok := c.actuators[a.Actuator]
	if !ok {
		return refuse("unknown actuator %q", a.Actuator)
	}
	plan, err := actuator.Plan(ctx, Action{Correction: a.Correction, Params: a.policy.Params})
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return refuse("%s", err)
	}
	a.plan = plan
	a.Plan, a.Diff, a.Revision = plan.Text, plan.Diff, plan.Revision
	a.Namespace, a.Domain = plan.Namespace, plan.Domain
	a.Pool, a.OutOfService = cmp.Or(plan.Domain, plan.Namespace), plan.Pool > 0
	if plan.Lost {
		return refuse("somebody has undone this very correction")
	}
	a.note("%s", plan.Text)
	return nil
}

func optedIn(_ context.Context, a *attempt) error {
	if a.plan.OptOut != "" {
		return refuse("%s", a.plan.OptOut)
	}
	return nil
}

// undisrupted refuses what PodDisruptionBudgets forbid now; when they allow it
// again, the same request is judged again.
func undisrupted(_ context.Context, a *attempt) error {
	if len(a.plan.Blocked) > 0 && !a.plan.Unchanged {
		return refuse("%s allows no eviction now", strings.Join(a.plan.Blocked, ", "))
	}
	return nil
}
