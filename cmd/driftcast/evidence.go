package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models/shift"
	"github.com/driftcast/driftcast/store"
)

// What corrections rest on beside risks: drift, regressions, other sources, and
// what really happened.

// latencyRegression is the kind of drift that policies name for a regression.
const latencyRegression = "latency-regression"

// evidence knows the drift of the cluster and the latency regressions that
// follow a change of a workload.
type evidence struct{ service *service }

// Drift implements corrector.Drifts.
func (e evidence) Drift(_ context.Context, subject collector.Subject) (corrector.DriftEvidence, error) {
	for _, d := range e.of(func(s collector.Subject) bool { return s == subject }) {
		return d, nil // there is one verdict a subject
	}
	return corrector.DriftEvidence{}, fmt.Errorf("drift of %s: %w", subject, forecaster.ErrNotFound)
}

// of is the verdict on each subject that is wanted: what was compared, drifted or
// not, and what regressed. Unknown findings are no verdict.
func (e evidence) of(wanted func(collector.Subject) bool) []corrector.DriftEvidence {
	merged := map[collector.Subject]*corrector.DriftEvidence{}
	add := func(d corrector.DriftEvidence) {
		known, ok := merged[d.Subject]
		if !ok {
			merged[d.Subject] = &d
			return
		}
		known.ComparedAt = latest(known.ComparedAt, d.ComparedAt)
		if len(d.Drift.Kinds) == 0 {
			return
		}
		if len(known.Drift.Kinds) == 0 {
			known.Drift, known.Confidence = d.Drift, d.Confidence
			return
		}
		known.Drift.Kinds = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(known.Drift.Kinds), d.Drift.Kinds...))))
		known.Drift.Paths = append(slices.Clone(known.Drift.Paths), d.Drift.Paths...)
		known.Confidence = max(known.Confidence, d.Confidence)
		if d.Drift.Since.Before(known.Drift.Since) {
			known.Drift.Since = d.Drift.Since
		}
		known.Drift.By, known.Drift.Revision = cmp.Or(known.Drift.By, d.Drift.By), cmp.Or(known.Drift.Revision, d.Drift.Revision)
	}
	if w := e.service.watching; w != nil {
		report := w.detector.Last()
		for i := range report.Findings {
			if f := &report.Findings[i]; f.Verdict != drift.Unknown && wanted(f.Object.Subject()) {
				add(found(f))
			}
		}
	}
	now := e.service.world.now()
	for _, r := range e.service.forecaster.Regressions() {
		if d, ok := regressed(r, now); ok && wanted(d.Subject) {
			add(d)
		}
	}
	out := make([]corrector.DriftEvidence, 0, len(merged))
	for _, d := range merged {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b corrector.DriftEvidence) int { return cmp.Compare(a.Subject.String(), b.Subject.String()) })
	return out
}

// found is a finding as evidence.
func found(f *drift.Finding) corrector.DriftEvidence {
	d := corrector.DriftEvidence{Subject: f.Object.Subject(), Confidence: f.Confidence, ComparedAt: f.ComparedAt,
		Drift: corrector.Drift{Source: f.Source, Revision: f.Revision, Since: f.Since}}
	for _, field := range f.Differences {
		d.Drift.Kinds = append(d.Drift.Kinds, string(field.Kind))
		d.Drift.Paths = append(d.Drift.Paths, field.Path)
		d.Drift.By = cmp.Or(d.Drift.By, field.Manager)
	}
	d.Drift.Kinds = slices.Compact(slices.Sorted(slices.Values(d.Drift.Kinds)))
	return d
}

// regressed is a regression as evidence against the workload whose change it
// follows most closely; ok is false where it follows none, or only something
// that is no workload: there is nothing to roll back then.
func regressed(r shift.Regression, now time.Time) (d corrector.DriftEvidence, ok bool) {
	if len(r.Follows) == 0 {
		return d, false
	}
	change := r.Follows[0]
	name := cmp.Or(change.Labels.Value("deployment"), change.Labels.Value("statefulset"), change.Labels.Value("daemonset"), change.Labels.Value("workload"))
	if name == "" {
		return d, false
	}
	d = corrector.DriftEvidence{Confidence: r.Confidence, ComparedAt: now,
		Subject: collector.Subject{Kind: "workload", Namespace: change.Labels.Value("namespace"), Name: name}}
	if r.State == shift.Gone {
		return d, true // seen, and not as it was: a verdict without kinds
	}
	d.Drift = corrector.Drift{Kinds: []string{latencyRegression}, Source: "regression of " + r.Target, Since: r.Onset}
	if change.To == change.To {
		d.Drift.Revision = strconv.FormatFloat(change.To, 'f', -1, 64)
	}
	return d, true
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// proposer hands what warnings and drifts ask for to the corrector.
type proposer struct {
	*corrector.Corrector
	evidence evidence
}

// Propose implements forecaster.Proposer.
func (p proposer) Propose(ctx context.Context, warnings []forecaster.Warning) error {
	return errors.Join(p.Corrector.Propose(ctx, warnings), p.ProposeDrift(ctx, p.evidence.of(func(collector.Subject) bool { return true })))
}

// witnesses are who else speaks for acting on a subject: warnings of other
// targets, drift, and bad conditions of its node.
type witnesses struct {
	service *service
	store   *store.Store
}

// Witnesses implements corrector.Witnesses.
func (w witnesses) Witnesses(ctx context.Context, subject collector.Subject) ([]corrector.Witness, error) {
	object := forecaster.ObjectOf(subject)
	warnings, err := w.store.ActiveWarnings(ctx)
	if err != nil {
		return nil, err
	}
	var out []corrector.Witness
	for _, a := range warnings {
		if forecaster.ObjectOf(a.Subject) == object && a.Risk >= a.Threshold {
			out = append(out, corrector.Witness{Source: "target " + a.Target, At: a.Fresh, Says: fmt.Sprintf("risk %.2f over its threshold %.2f", a.Risk, a.Threshold)})
		}
	}
	for _, d := range (evidence{w.service}).of(func(s collector.Subject) bool { return forecaster.ObjectOf(s) == object }) {
		for _, kind := range d.Drift.Kinds {
			out = append(out, corrector.Witness{Source: "drift " + kind, At: d.ComparedAt, Says: fmt.Sprintf("since %s", d.Drift.Since.UTC().Format(time.RFC3339))})
		}
	}
	if w.service.watching == nil {
		return out, nil
	}
	observer := w.service.watching.observer
	if parsed, err := collector.ParseSubject(object); err == nil && parsed.Kind == "node" {
		if node, ok := observer.Object(cluster.Ref{Version: "v1", Kind: "Node", Name: parsed.Name}); ok {
			for _, c := range badConditions(node) {
				out = append(out, corrector.Witness{Source: "condition " + c.Type, At: observer.Fresh(), Says: fmt.Sprintf("is %s since %s", c.Status, c.Since.UTC().Format(time.RFC3339))})
			}
		}
	}
	return out, nil
}

// truth tells from History what happened to a subject.
type truth struct {
	history *collector.History
	targets func() []features.Target
}

// Happened implements corrector.Truth: the target's condition held within the
// time. It may have begun before: what was there all along was not helped.
func (t truth) Happened(ctx context.Context, name string, subject collector.Subject, from, to time.Time) (happened, known bool, err error) {
	targets := t.targets()
	i := slices.IndexFunc(targets, func(target features.Target) bool { return target.Name == name })
	if i < 0 {
		return false, false, nil
	}
	own := targets[i]
	own.Signals = nil
	window := collector.Window{Start: from.Truncate(own.Interval), End: to.Add(own.For).Truncate(own.Interval), Step: own.Interval}
	panel, err := features.LoadSubjects(ctx, t.history, &own, window, func(s collector.Subject) bool { return s == subject })
	if err != nil || len(panel.Subjects) == 0 {
		return false, false, err
	}
	happened, known = features.Held(&own, panel.Series(0, 0))
	return happened, known, nil
}

// configMapSwitch is the kill switch that kubectl can throw.
type configMapSwitch struct {
	connection *cluster.Connection
	killSwitchConfig
}

// Engaged implements corrector.Switch.
func (s configMapSwitch) Engaged(ctx context.Context) (corrector.KillSwitch, error) {
	key := cmp.Or(s.Key, "stopped")
	value, _, err := s.connection.ConfigMapValue(ctx, s.Namespace, s.Name, key)
	if err != nil {
		return corrector.KillSwitch{}, err
	}
	off := value == ""
	if b, err := strconv.ParseBool(value); err == nil && !b {
		off = true
	}
	where := fmt.Sprintf("configmap %s/%s", s.Namespace, s.Name)
	return corrector.KillSwitch{Engaged: !off, Actor: where, Reason: key + " is " + value}, nil
}
