package api

import (
	"cmp"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/forecaster"
)

// correction leaves out what the actuator needs to undo it: that is its own
// affair, and may hold whole objects.
func correction(c forecaster.Correction) gen.Correction {
	shown := gen.Correction{Id: c.ID, Policy: c.Policy, Actuator: c.Actuator, Mode: c.Mode, Target: c.Target, Subject: subject(c.Subject),
		Risk: number(c.Risk), HorizonSeconds: seconds(c.Horizon), State: gen.CorrectionState(c.State), Reason: c.Reason,
		Plan: c.Plan, Diff: c.Diff, Revision: c.Revision, Namespace: c.Namespace, Guards: convert(c.Guards, guardVerdict), Outcome: correctionOutcome(c.Outcome),
		Control: c.Control, Contested: c.Contested, Key: optional(c.Key), Actor: c.Actor,
		Proposed: moment(c.Proposed), Changed: moment(c.Changed), Applied: moment(c.Applied), ExpiresAt: moment(c.ExpiresAt)}
	if d := c.Drift; d != nil {
		shown.Drift = &gen.CorrectionDrift{Kinds: append([]string{}, d.Kinds...), Paths: append([]string{}, d.Paths...), By: d.By,
			Source: d.Source, Revision: d.Revision, Since: moment(d.Since)}
	}
	return shown
}

func guardVerdict(g forecaster.GuardVerdict) gen.GuardVerdict {
	return gen.GuardVerdict{Guard: g.Guard, Passed: g.Passed, Says: g.Says}
}

// correctionOutcome is null until it has been judged.
func correctionOutcome(o forecaster.CorrectionOutcome) *gen.CorrectionOutcome {
	if o.At.IsZero() {
		return nil
	}
	shown := gen.CorrectionOutcome{At: o.At.UTC(), Verdict: gen.CorrectionOutcomeVerdict(cmp.Or(o.Verdict, forecaster.Inconclusive)), Says: o.Says}
	if o.Known {
		shown.Happened = &o.Happened
	}
	return &shown
}

// auditEntry has no correction where the entry is the kill switch's.
func auditEntry(e forecaster.AuditEntry) gen.AuditEntry {
	shown := gen.AuditEntry{Seq: e.Seq, At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Reason: e.Correction.Reason, Previous: e.Previous, Hash: e.Hash}
	if e.Correction.ID != "" {
		shown.Correction = pointer(correction(e.Correction))
	}
	return shown
}
