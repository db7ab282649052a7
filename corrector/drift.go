package corrector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// Drift is what a correction rests on where that is no risk.
type Drift = forecaster.CorrectionDrift

// DriftTarget is the target of corrections that rest on a drift.
const DriftTarget = "drift"

// DriftEvidence is the verdict on one object, as the one who compares it with
// its declared state says. Without Kinds it is as declared.
type DriftEvidence struct {
	Subject    collector.Subject
	Drift      Drift
	Confidence float64   // 0…1: how sure that somebody must act
	ComparedAt time.Time // when it was last seen so
}

// Drifts tells the newest verdict on a subject, or forecaster.ErrNotFound
// (wrapped) where there is none: not compared yet, or the comparison failed.
type Drifts interface {
	Drift(ctx context.Context, subject collector.Subject) (DriftEvidence, error)
}

// ProposeDrift submits what drifts ask for: every policy that answers one of
// their kinds. What is not drifted asks for nothing. One wrong drift does not
// keep the others; the errors are joined.
func (c *Corrector) ProposeDrift(ctx context.Context, drifts []DriftEvidence) error {
	if c.leading() != nil {
		return nil //nolint:nilerr // the leader hears of the same
	}
	policies := c.Policies()
	slices.SortFunc(policies, func(p, q Policy) int { return strings.Compare(p.Name, q.Name) })
	var errs []error
	for _, d := range drifts {
		for _, p := range policies {
			if !answers(p, d.Drift) {
				continue
			}
			drift := d.Drift
			_, err := c.Submit(ctx, Request{
				Policy: p.Name, Target: DriftTarget, Subject: d.Subject, Actor: loopActor,
				Evidence: &Evidence{Risk: d.Confidence, Fresh: d.ComparedAt, Drift: &drift},
				Key:      fmt.Sprintf("%s|%s|%s|%d", p.Name, DriftTarget, d.Subject, d.Drift.Since.Unix()),
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("propose for the drift of %s: %w", d.Subject, err))
			}
		}
	}
	return errors.Join(errs...)
}

// answers says whether a policy answers one of the kinds of a drift.
func answers(p Policy, d Drift) bool {
	return slices.ContainsFunc(d.Kinds, func(kind string) bool { return slices.Contains(p.Drift, kind) })
}

// drifted asks the newest verdict on the subject; known is false where there is none.
func (c *Corrector) drifted(ctx context.Context, s collector.Subject) (d DriftEvidence, known bool, err error) {
	if c.drifts == nil {
		return d, false, nil
	}
	d, err = c.drifts.Drift(ctx, s)
	if errors.Is(err, forecaster.ErrNotFound) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("drift of %s: %w", s, err)
	}
	return d, true, nil
}

// evidence is what is known now of what a correction rests on.
func (c *Corrector) evidence(ctx context.Context, cor forecaster.Correction, p Policy) (*Evidence, error) {
	if cor.Target != DriftTarget {
		risk, fresh, err := c.risks.Risk(ctx, cor.Target, cor.Subject, cor.Horizon)
		switch {
		case errors.Is(err, forecaster.ErrNotFound), err == nil && risk != risk:
			return &Evidence{}, nil // Fresh stays zero: the guard "freshness" refuses
		case err != nil:
			return nil, fmt.Errorf("current risk of %s: %w", cor.Subject, err)
		}
		return &Evidence{Risk: risk, Fresh: fresh}, nil
	}
	d, known, err := c.drifted(ctx, cor.Subject)
	if err != nil || !known {
		return &Evidence{}, err
	}
	e := &Evidence{Fresh: d.ComparedAt, Drift: cor.Drift}
	if answers(p, d.Drift) {
		e.Risk, e.Drift = d.Confidence, &d.Drift
	}
	return e, nil // what is as declared again has no confidence
}

// gone says whether the drift that a correction rests on was seen to be gone
// after a time. What cannot be told is not gone.
func gone(cor forecaster.Correction, d DriftEvidence, after time.Time) bool {
	return d.ComparedAt.After(after) && !same(cor.Drift, d.Drift)
}

// same says whether a drift is still of the kinds and fields of an older one.
func same(was *Drift, now Drift) bool {
	if was == nil {
		return len(now.Kinds) > 0
	}
	if !slices.ContainsFunc(now.Kinds, func(kind string) bool { return slices.Contains(was.Kinds, kind) }) {
		return false
	}
	return len(was.Paths) == 0 || len(now.Paths) == 0 ||
		slices.ContainsFunc(now.Paths, func(path string) bool { return slices.Contains(was.Paths, path) })
}

// verifyDrift verifies a correction once its drift is seen to be gone.
func (c *Corrector) verifyDrift(ctx context.Context, cor forecaster.Correction, p Policy) error {
	d, known, err := c.drifted(ctx, cor.Subject)
	if err != nil || !known || !d.ComparedAt.After(cor.Applied) || c.now().Sub(d.ComparedAt) > time.Duration(p.MaxAge) {
		return err
	}
	kinds := strings.Join(cor.Drift.Kinds, ", ")
	switch {
	case gone(cor, d, cor.Applied):
		return c.record(ctx, &cor, move{to: forecaster.Verified, actor: loopActor, reason: fmt.Sprintf("the drift (%s) is gone", kinds)})
	case p.RevertUnlessImproved:
		_, err := c.undo(ctx, cor, loopActor, fmt.Sprintf("it did not help: the drift (%s) is still there", kinds))
		return err
	case cor.Reason == notBetter:
		return nil
	}
	return c.record(ctx, &cor, move{to: forecaster.Applied, action: "verify", actor: loopActor, reason: notBetter})
}
