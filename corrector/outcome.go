package corrector

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// Truth tells what really happened.
type Truth interface {
	// Happened says whether the event of a target happened to a subject after
	// from and until to; known is false where nothing tells.
	Happened(ctx context.Context, target string, subject collector.Subject, from, to time.Time) (happened, known bool, err error)
}

// grace is how long after the horizon it is asked what happened, before that is
// called unknown.
const grace = 24 * time.Hour

// span is the time that decides on a correction's outcome: the horizon since it
// was applied, or, where it was not, proposed.
func (c *Corrector) span(cor forecaster.Correction) (from, to time.Time) {
	from = cor.Proposed
	if !cor.Applied.IsZero() {
		from = cor.Applied
	}
	horizon := cor.Horizon
	if horizon == 0 {
		p, _ := c.policy(cor.Policy) // where it is gone, the default says
		horizon = time.Duration(p.WithDefaults().JudgeAfter)
	}
	return from, from.Add(horizon)
}

// settleOutcome judges what became of a correction once its horizon has passed:
// of one that was applied, since then; of one that was not (control group,
// rejected, expired, observed, failed), since it was proposed. It only notes it.
func (c *Corrector) settleOutcome(ctx context.Context, cor forecaster.Correction) error {
	acted := !cor.Applied.IsZero()
	from, to := c.span(cor)
	now := c.now()
	if from.IsZero() || !c.passed(to, cor) {
		return nil
	}
	happened, known, err := c.happened(ctx, cor, from, to)
	if err != nil {
		return err
	}
	if !known && now.Before(to.Add(grace)) {
		return nil // it may become known
	}
	o := forecaster.CorrectionOutcome{At: now, Known: known, Happened: known && happened}
	if acted {
		o.Verdict, o.Says = judgeActed(cor, o, to)
	} else {
		o.Verdict, o.Says = judgeLeft(cor, o)
	}
	cor.Outcome = o
	if cor.Drift != nil && acted && o.Happened && cor.Contested == "" {
		cor.Contested = c.whoBrought(ctx, cor)
	}
	if err := c.record(ctx, &cor, move{to: cor.State, action: "outcome", actor: loopActor, reason: o.Says, aside: true}); err != nil {
		return err
	}
	c.metrics.outcomes.WithLabelValues(cor.Policy, group(cor), string(o.Verdict)).Inc()
	return nil
}

// happened asks what happened: of a drift, whether it is there now.
func (c *Corrector) happened(ctx context.Context, cor forecaster.Correction, from, to time.Time) (happened, known bool, err error) {
	if cor.Target == DriftTarget {
		d, known, err := c.drifted(ctx, cor.Subject)
		if err != nil || !known || d.ComparedAt.Before(to) {
			return false, false, err
		}
		return same(cor.Drift, d.Drift), true, nil
	}
	if c.truth == nil {
		return false, false, nil
	}
	happened, known, err = c.truth.Happened(ctx, cor.Target, cor.Subject, from, to)
	if err != nil {
		return false, false, fmt.Errorf("what happened to %s: %w", cor.Subject, err)
	}
	return happened, known, nil
}

// whoBrought names who brought back the drift that a correction had put right.
func (c *Corrector) whoBrought(ctx context.Context, cor forecaster.Correction) string {
	d, known, err := c.drifted(ctx, cor.Subject)
	if err != nil || !known || !returned(cor, &d.Drift) {
		return ""
	}
	if d.Drift.By == "" {
		return "somebody"
	}
	return d.Drift.By
}

// judgeActed judges a correction that was applied. What was taken back early
// tells nothing of whether it would have helped, unless it was verified before.
func judgeActed(cor forecaster.Correction, o forecaster.CorrectionOutcome, to time.Time) (forecaster.OutcomeVerdict, string) {
	early := cor.State == forecaster.Reverted && cor.Ended.Before(to)
	switch {
	case cor.Contested != "":
		return forecaster.NotHelped, "it was undone by " + cor.Contested
	case early && cor.Reason == ErrGone.Error():
		return forecaster.Inconclusive, ErrGone.Error()
	case o.Known && o.Happened && cor.Drift != nil:
		return forecaster.NotHelped, "the drift (" + strings.Join(cor.Drift.Kinds, ", ") + ") is there again"
	case early && cor.Verified.IsZero():
		return forecaster.TakenBack, "it was taken back before it could tell"
	case o.Known && o.Happened:
		return forecaster.NotHelped, cor.Target + " happened all the same"
	case !cor.Verified.IsZero() && o.Known:
		return forecaster.Helped, "what was feared fell and did not happen"
	case !cor.Verified.IsZero():
		return forecaster.Helped, "what was feared fell; whether it happened is not known"
	case o.Known:
		return forecaster.Helped, "it did not happen"
	}
	return forecaster.Inconclusive, "what happened is not known"
}

// judgeLeft judges a correction that was not applied.
func judgeLeft(cor forecaster.Correction, o forecaster.CorrectionOutcome) (forecaster.OutcomeVerdict, string) {
	switch {
	case !o.Known:
		return forecaster.Inconclusive, "what happened is not known"
	case o.Happened:
		return forecaster.Happened, "nothing was done, and it happened"
	}
	return forecaster.Spared, "nothing was done, and it did not happen"
}

// group is what a correction is compared as.
func group(cor forecaster.Correction) string {
	switch {
	case !cor.Applied.IsZero():
		return "acted"
	case cor.Control:
		return "control"
	}
	return "left"
}
