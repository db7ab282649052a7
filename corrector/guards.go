package corrector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// attempt is what guards judge: a correction that is about to be proposed or
// applied, with what is known about it now.
type attempt struct {
	forecaster.Correction
	policy Policy
	fresh  time.Time // the newest sample behind Risk; zero: unknown
	hand   bool      // a person asked for it; no episode of a warning
	begun  bool      // it is half done already

	past  []forecaster.Correction // of the same object, by every policy; set by remember
	acted []forecaster.Correction // by the same policy, newest first: in force, and what it lately did; set by remember
	plan  Plan                    // set by planned
	says  string                  // what the guard that is being asked compared

	agreed string // which sources agreed; empty: one was enough
}

// note keeps what a guard compared, for the trace that people read.
func (a *attempt) note(format string, args ...any) { a.says = fmt.Sprintf(format, args...) }

// guards are asked one after the other; the first error ends it. A refusal
// (wrapped) forbids the correction; any other error means that the guard cannot
// tell, which forbids it too. What each said is kept with the attempt.
type guards []stage

// stage is a guard with the name that people know it by.
type stage struct {
	name   string
	midway bool // asked of what is half done too; the others would judge its own effects
	guardFunc
}

func (g guards) check(ctx context.Context, a *attempt) error {
	a.Guards = make([]forecaster.GuardVerdict, 0, len(g))
	for _, one := range g {
		if a.begun && !one.midway {
			continue
		}
		a.says = ""
		err := one.check(ctx, a)
		if err == nil {
			a.Guards = append(a.Guards, forecaster.GuardVerdict{Guard: one.name, Passed: true, Says: a.says})
			continue
		}
		says := err.Error()
		if r := asRefusal(err); r != nil {
			r.guard, says = one.name, r.reason
		}
		a.Guards = append(a.Guards, forecaster.GuardVerdict{Guard: one.name, Says: says})
		return err
	}
	return nil
}

type guardFunc func(ctx context.Context, a *attempt) error

func (f guardFunc) check(ctx context.Context, a *attempt) error { return f(ctx, a) }

// refusal is a guard's no.
type refusal struct{ guard, reason string }

func (r *refusal) Error() string { return r.guard + ": " + r.reason }

func refuse(format string, args ...any) error {
	return &refusal{reason: fmt.Sprintf(format, args...)}
}

// chain lists the guards in the order in which they are asked: what costs
// nothing first, what asks the cluster last.
func (c *Corrector) chain() guards {
	return guards{
		{"kill switch", true, c.killed},
		{"clock", true, c.steady},
		{"freshness", true, c.fresh},
		{"watch", true, c.watching},
		{"confidence", false, confident},
		{"sources", false, c.corroborated},
		{"freeze", false, c.thawed},
		{"window", false, c.within},
		{"past", true, c.remember},
		{"dedup", false, c.single},
		{"contention", false, c.uncontested},
		{"cool-down", false, c.cooled},
		{"budget", false, c.affordable},
		{"breaker", false, c.unbroken},
		{"plan", true, c.planned},
		{"opt-out", true, optedIn},
		{"disruption", false, undisrupted},
		{"pool", false, spared},
		{"domain", false, c.domainSpared},
		{"namespace", false, c.namespaceSpared},
		{"back-off", false, c.backedOff},
	}
}

// asRefusal returns the refusal in an error, nil where there is none.
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}
