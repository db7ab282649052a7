package corrector

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// affordable keeps the policy's counts: in force now, and acted within Per. When
// a correction acted is not kept for those of before, but it was no later than
// Expires after it was proposed: this errs towards too few, and never by more.
func (c *Corrector) affordable(_ context.Context, a *attempt) error {
	b := a.policy.Budget
	since := c.now().Add(-time.Duration(b.Per) - time.Duration(a.policy.Expires))
	var now, lately int
	for _, p := range a.acted {
		if c.inForce(p) {
			now++
		}
		if p.Proposed.After(since) {
			lately++
		}
	}
	if now >= b.Concurrent {
		return refuse("%d corrections of this policy are in force, concurrent allows %d", now, b.Concurrent)
	}
	if b.Count > 0 && lately >= b.Count {
		return refuse("%d corrections within %s, count allows %d", lately, b.Per, b.Count)
	}
	a.note("%d of %d in force", now, b.Concurrent)
	return nil
}

// spared keeps enough of the pool in, whoever took the others out.
func spared(_ context.Context, a *attempt) error {
	p := a.plan
	if p.Pool == 0 || p.Unchanged || p.Undo != "" {
		return nil
	}
	return share(a, "pool", p.Out, p.Pool, "percent", a.policy.Budget.Percent)
}

// share refuses where one more out of so many is more than a percentage.
func share(a *attempt, where string, out, of int, key string, percent float64) error {
	allowed := int(math.Floor(float64(of) * percent / 100))
	if out+1 > allowed {
		return refuse("%d of %d are out already, %s %g allows %d", out, of, key, percent, allowed)
	}
	a.note("%d of %d of the %s are out, %s %g allows %d", out, of, where, key, percent, allowed)
	return nil
}

// domainSpared keeps failure domains (zones, racks): no more of them are touched
// at once than domains says, and no more of the members of one are out than
// domain_percent. A domain that is not known is one of its own, and refused where
// the policy bounds its share.
func (c *Corrector) domainSpared(ctx context.Context, a *attempt) error {
	b, p := a.policy.Budget, a.plan
	if p.Unchanged || p.Undo != "" {
		return nil
	}
	if b.DomainPercent > 0 && p.Pool > 0 {
		if p.Domain == "" || p.DomainPool == 0 {
			return refuse("the failure domain of %s is not known, and domain_percent bounds its share: label the nodes with their zone or rack", a.Subject)
		}
		if err := share(a, "domain "+p.Domain, p.DomainOut, p.DomainPool, "domain_percent", b.DomainPercent); err != nil {
			return err
		}
	}
	if b.Domains == 0 {
		return nil
	}
	touched := []string{p.Domain}
	for _, other := range a.acted {
		if c.inForce(other) && !slices.Contains(touched, other.Domain) {
			touched = append(touched, other.Domain)
		}
	}
	if len(touched) > b.Domains {
		return refuse("corrections are in force in %q, %q would be one more, domains allows %d at once", touched[1:], p.Domain, b.Domains)
	}
	a.note("%d of %d domains at once", len(touched), b.Domains)
	return nil
}

// namespaceSpared bounds what is in force in one namespace at once, by all
// policies together.
func (c *Corrector) namespaceSpared(ctx context.Context, a *attempt) error {
	limit := a.policy.Budget.Namespace
	if limit == 0 || a.plan.Namespace == "" || a.plan.Unchanged || a.plan.Undo != "" {
		return nil
	}
	n := 0
	err := c.each(ctx, forecaster.CorrectionQuery{Holding: true}, func(p forecaster.Correction) bool {
		if p.ID != a.ID && p.Namespace == a.plan.Namespace && c.inForce(p) {
			n++
		}
		return true
	})
	if err != nil {
		return err
	}
	if n >= limit {
		return refuse("%d corrections are in force in namespace %s, namespace allows %d", n, a.plan.Namespace, limit)
	}
	a.note("%d of %d in force in namespace %s", n, limit, a.plan.Namespace)
	return nil
}
