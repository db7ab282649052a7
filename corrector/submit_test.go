package corrector_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

func TestModes(t *testing.T) {
	tests := map[corrector.Mode]struct {
		want    forecaster.CorrectionState
		touched bool
	}{
		"":                  {forecaster.Proposed, false}, // recommend is the default
		corrector.Observe:   {forecaster.Observed, false},
		corrector.Recommend: {forecaster.Proposed, false},
		corrector.Approve:   {forecaster.Proposed, false},
		corrector.Auto:      {forecaster.Applied, true},
	}
	for mode, tt := range tests {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, corrector.Policy{Mode: mode})
			got := w.submit(w.request("gpu-17"))
			if got.State != tt.want {
				t.Errorf("state %s (%s), want %s", got.State, got.Reason, tt.want)
			}
			if touched := len(w.cluster.effects) > 0; touched != tt.touched {
				t.Errorf("cluster touched: %t", touched)
			}
			if got.Plan != "cordon gpu-17" {
				t.Errorf("plan %q", got.Plan)
			}
		})
	}
}

// TestGuards has one case for each guard: what it forbids, and that its name and
// reason are on the record.
func TestGuards(t *testing.T) {
	tests := map[string]struct {
		given  func(w *world, r *corrector.Request)
		reason string
	}{
		"old telemetry":       {func(w *world, r *corrector.Request) { r.Evidence.Fresh = w.at.Add(-11 * time.Minute) }, "freshness: the newest sample is 11m0s old"},
		"no telemetry":        {func(_ *world, r *corrector.Request) { r.Evidence = nil }, "freshness: no forecast of NodeNotReady for node/gpu-17"},
		"unknown risk":        {func(w *world, r *corrector.Request) { r.Evidence = nil; w.risks.risk["gpu-17"] = math.NaN() }, "freshness: no forecast"},
		"telemetry to come":   {func(w *world, r *corrector.Request) { r.Evidence.Fresh = w.at.Add(time.Hour) }, "freshness: the newest sample is 1h0m0s in the future"},
		"little risk":         {func(_ *world, r *corrector.Request) { r.Evidence.Risk = 0.69 }, "confidence: risk 0.69 is under min_risk 0.70"},
		"the kill switch":     {func(w *world, _ *corrector.Request) { _ = w.Kill(true, "bob", "an incident") }, "kill switch: thrown by bob: an incident"},
		"one open already":    {func(w *world, r *corrector.Request) { w.submit(w.request("gpu-17")); r.Key = "second" }, "dedup: correction"},
		"the budget is spent": {func(w *world, _ *corrector.Request) { w.submit(w.request("gpu-1")) }, "budget: 1 corrections of this policy are in force, concurrent allows 1"},
		"the count is spent": {func(w *world, _ *corrector.Request) {
			w.set(func(p *corrector.Policy) { p.Budget = corrector.Budget{Concurrent: 10, Count: 1} })
			w.submit(w.request("gpu-1"))
		}, "budget: 1 corrections within 1d, count allows 1"},
		"too many of the pool are out": {func(w *world, _ *corrector.Request) {
			w.cluster.pool = 10
			w.cluster.byNode["gpu-3"] = "somebody"
		}, "pool: 1 of 10 are out already, percent 10 allows 1"},
		"opted out": {func(w *world, _ *corrector.Request) { w.cluster.optOut["gpu-17"] = true }, "opt-out: its owner said so"},
		"no plan":   {func(w *world, _ *corrector.Request) { w.cluster.plan = errors.New("get nodes gpu-17: forbidden") }, "plan: get nodes gpu-17: forbidden"},
		"the cool-down": {func(w *world, _ *corrector.Request) {
			c := w.submit(w.request("gpu-17"))
			if _, err := w.Revert(context.Background(), c.ID, "bob", ""); err != nil {
				w.t.Fatal(err)
			}
			w.pass(29 * time.Minute)
		}, "cool-down: correction"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
			r := w.request("gpu-17")
			tt.given(w, &r)
			if r.Evidence != nil && r.Evidence.Fresh.Equal(start) {
				r.Evidence.Fresh = w.at
			}
			before := w.cluster.effects[idOf(w, "gpu-17")]
			got := w.submit(r)
			if got.State != forecaster.Blocked || !strings.HasPrefix(got.Reason, tt.reason) {
				t.Errorf("%s: %s, want blocked, %s…", got.State, got.Reason, tt.reason)
			}
			if w.cluster.effects[got.ID] != 0 || before != w.cluster.effects[idOf(w, "gpu-17")] {
				t.Error("it acted all the same")
			}
			if kept, _ := w.log.Correction(context.Background(), got.ID); kept.State != forecaster.Blocked {
				t.Errorf("the record says %q", kept.State)
			}
		})
	}
}

func idOf(w *world, name string) string { return w.cluster.byNode[name] }

func TestBlockedIsJudgedAgain(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
	w.cluster.optOut["gpu-17"] = true
	r := w.request("gpu-17")
	r.Key = "episode-1"
	first := w.submit(r)
	for range 5 {
		w.pass(time.Minute)
		r.Evidence.Fresh = w.at
		w.submit(r)
	}
	if got := w.log.actions(first.ID); len(got) != 1 {
		t.Errorf("a step a minute fills the trail: %v", got)
	}
	delete(w.cluster.optOut, "gpu-17")
	second := w.submit(r)
	if second.State != forecaster.Applied || second.ID != first.ID {
		t.Errorf("once it may: %s %s", second.State, second.Reason)
	}
	if third := w.submit(r); third.State != forecaster.Applied || w.cluster.effects[first.ID] != 1 {
		t.Errorf("the same key again: %s, %d effects", third.State, w.cluster.effects[first.ID])
	}
}

func TestSubmitErrors(t *testing.T) {
	tests := map[string]struct {
		given func(w *world, r *corrector.Request)
		want  error
		text  string
	}{
		"unknown policy": {func(_ *world, r *corrector.Request) { r.Policy = "nope" }, forecaster.ErrNotFound, `"nope"`},
		"wrong target": {func(w *world, r *corrector.Request) {
			w.set(func(p *corrector.Policy) { p.Targets = []string{"A", "B"} })
		}, corrector.ErrInvalid, "only for A, B"},
		"no target":           {func(_ *world, r *corrector.Request) { r.Target = "" }, corrector.ErrInvalid, "name the target"},
		"no subject":          {func(_ *world, r *corrector.Request) { r.Subject.Name = "" }, corrector.ErrInvalid, "want kind/name"},
		"no actor":            {func(_ *world, r *corrector.Request) { r.Actor = "" }, corrector.ErrInvalid, "no actor"},
		"no probability":      {func(_ *world, r *corrector.Request) { r.Evidence.Risk = math.NaN() }, corrector.ErrInvalid, "NaN"},
		"no risk to be had":   {func(w *world, r *corrector.Request) { r.Evidence = nil; w.risks.err = errBroken }, errBroken, "current risk"},
		"the log cannot read": {func(w *world, _ *corrector.Request) { w.log.gone = errBroken }, errBroken, "look up"},
		"the log is full":     {func(w *world, _ *corrector.Request) { w.log.broken = errBroken }, errBroken, "record approve"},
		"a key used elsewhere": {func(w *world, r *corrector.Request) {
			other := w.request("gpu-1")
			other.Key, r.Key = "k", "k"
			w.submit(other)
		}, forecaster.ErrConflict, `key "k" belongs to another request`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
			r := w.request("gpu-17")
			tt.given(w, &r)
			_, err := w.Submit(context.Background(), r)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.text)
			}
			if w.cluster.byNode["gpu-17"] != "" {
				t.Error("it acted all the same")
			}
		})
	}
}

func TestDryRunDoesNothing(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
	r := w.request("gpu-17")
	r.DryRun = true
	got := w.submit(r)
	if got.State != forecaster.Approved || got.Plan == "" {
		t.Errorf("%s %q: want what would happen", got.State, got.Plan)
	}
	if len(w.log.trail)+len(w.cluster.effects) != 0 {
		t.Error("a dry run left something behind")
	}
}

func TestUnchanged(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
	w.cluster.byNode["gpu-17"] = "somebody"
	got := w.submit(w.request("gpu-17"))
	if got.State != forecaster.Unchanged {
		t.Errorf("%s (%s)", got.State, got.Reason)
	}
	if _, err := w.Revert(context.Background(), got.ID, "bob", ""); !errors.Is(err, forecaster.ErrConflict) {
		t.Errorf("reverting what somebody else did: %v", err)
	}
}

func TestPropose(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Approve, Targets: []string{"NodeNotReady"}})
	warn := forecaster.Warning{
		Target: "NodeNotReady", Subject: node("gpu-17"), Risk: 0.8, Threshold: 0.7, Horizon: time.Hour,
		Fresh: w.at, StartsAt: w.at, Correction: "cordon-at-risk", // named, and listing the target: once
	}
	unknown := warn
	unknown.Target, unknown.Correction = "Other", "nope"
	for range 3 {
		if err := w.Propose(context.Background(), []forecaster.Warning{unknown, warn}); err != nil {
			t.Errorf("a policy that nobody configured: %v", err)
		}
	}
	got, _, _ := w.log.Corrections(context.Background(), forecaster.CorrectionQuery{})
	if len(got) != 1 || got[0].State != forecaster.Proposed || got[0].Actor != "driftcast" {
		t.Fatalf("three steps proposed %+v", got)
	}
	warn.Resolved = true
	if err := w.Propose(context.Background(), []forecaster.Warning{warn}); err != nil {
		t.Fatal(err)
	}
	if c, _ := w.log.Correction(context.Background(), got[0].ID); c.State != forecaster.Expired {
		t.Errorf("the warning is over, the proposal is %s", c.State)
	}
}
