package corrector

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Evidence is what a request rests on: a risk, or a drift.
type Evidence struct {
	Risk  float64   // the risk of the event, or how sure the finding of a drift is; 0…1
	Fresh time.Time // the newest sample behind it, or when the drift was last seen
	Drift *Drift    // nil: it rests on a risk
}

// Witness is one more source that speaks for acting on a subject.
type Witness struct {
	Source string    // what speaks, in a stable word: "target GpuXid", "drift version-skew", "condition Ready"
	Says   string    // with its number: "risk 0.40 over its threshold 0.30"
	At     time.Time // when it was last so
}

// Witnesses tells who else speaks for acting on a subject. It returns only those
// that do so now: a risk over its own target's threshold, a drift, a condition
// that is bad. The request's own target may be among them; it is not counted.
type Witnesses interface {
	Witnesses(ctx context.Context, subject collector.Subject) ([]Witness, error)
}

// fresh fails closed: unknown, old and future telemetry alike forbid.
func (c *Corrector) fresh(_ context.Context, a *attempt) error {
	limit := time.Duration(a.policy.MaxAge)
	switch age := c.now().Sub(a.fresh); {
	case a.fresh.IsZero() && a.Target == DriftTarget:
		return refuse("no verdict on a drift of %s: nothing is known of it", a.Subject)
	case a.fresh.IsZero():
		return refuse("no forecast of %s for %s: nothing is known of it", a.Target, a.Subject)
	case age > limit:
		return refuse("the newest sample is %s old, more than max_age %s", age.Round(time.Second), limit)
	case age < -limit:
		return refuse("the newest sample is %s in the future: compare the clocks", (-age).Round(time.Second))
	default:
		a.note("the newest sample is %s old, max_age %s", age.Round(time.Second), limit)
	}
	return nil
}

// watching refuses while the cluster is not seen as it is now: its watch has
// stood still for longer than max_age.
func (c *Corrector) watching(_ context.Context, a *attempt) error {
	if c.watched == nil {
		a.note("no cluster is watched")
		return nil
	}
	last, limit := c.watched(), time.Duration(a.policy.MaxAge)
	age := c.now().Sub(last)
	switch {
	case last.IsZero():
		return refuse("the cluster has not been seen yet")
	case age > limit:
		return refuse("the cluster was last seen %s ago, more than max_age %s", age.Round(time.Second), limit)
	case age < -limit:
		return refuse("the cluster was last seen %s in the future: compare the clocks", (-age).Round(time.Second))
	}
	a.note("the cluster was seen %s ago", age.Round(time.Second))
	return nil
}

func confident(_ context.Context, a *attempt) error {
	what := "risk"
	if a.Drift != nil {
		what = "confidence of the drift"
	}
	if math.IsNaN(a.Risk) || a.Risk < a.policy.MinRisk {
		return refuse("%s %.2f is under min_risk %.2f", what, a.Risk, a.policy.MinRisk)
	}
	a.note("%s %.2f, min_risk %.2f", what, a.Risk, a.policy.MinRisk)
	return nil
}

// corroborated wants as many independent sources as the policy says, the
// request's own among them. What is old or unknown does not speak.
func (c *Corrector) corroborated(ctx context.Context, a *attempt) error {
	if a.policy.Sources <= 1 {
		a.note("one source is enough")
		return nil
	}
	if c.witnesses == nil {
		return refuse("%d are wanted, and nothing else is asked here: set sources to 1", a.policy.Sources)
	}
	found, err := c.witnesses.Witnesses(ctx, a.Subject)
	if err != nil {
		return fmt.Errorf("other sources on %s: %w", a.Subject, err)
	}
	own := a.sources()
	agree, limit := map[string]string{}, time.Duration(a.policy.MaxAge)
	for _, w := range found {
		age := c.now().Sub(w.At)
		if !slices.Contains(own, w.Source) && age <= limit && age >= -limit {
			agree[w.Source] = w.Says
		}
	}
	words := make([]string, 0, len(agree))
	for source, says := range agree {
		words = append(words, strings.TrimSpace(source+" "+says))
	}
	slices.Sort(words)
	if 1+len(agree) < a.policy.Sources {
		also := "nothing else does"
		if len(words) > 0 {
			also = strings.Join(words, ", ") + " too"
		}
		return refuse("%s speaks for it, %s; %d sources are wanted", strings.Join(own, ", "), also, a.policy.Sources)
	}
	a.note("%s agrees with %s", strings.Join(own, ", "), strings.Join(words, ", "))
	a.agreed = a.says
	return nil
}

// sources are what the request itself rests on, in the words of a Witness: one
// comparison is one source, however many kinds of drift it found.
func (a *attempt) sources() []string {
	if a.Drift == nil {
		return []string{"target " + a.Target}
	}
	own := make([]string, len(a.Drift.Kinds))
	for i, kind := range a.Drift.Kinds {
		own[i] = "drift " + kind
	}
	return own
}
