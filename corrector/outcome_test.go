package corrector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// TestOutcomes: an hour after it was applied, or proposed, a correction is asked
// what became of its subject.
func TestOutcomes(t *testing.T) {
	ctx := context.Background()
	verified := func(w *world, c forecaster.Correction) {
		w.risks.risk["gpu-17"] = 0.1
		w.pass(15 * time.Minute)
		w.tick()
	}
	revert := func(w *world, c forecaster.Correction) {
		if _, err := w.Revert(ctx, c.ID, "bob", ""); err != nil {
			w.t.Fatal(err)
		}
	}
	happens := func(yes bool) func(*world, forecaster.Correction) {
		return func(w *world, _ forecaster.Correction) { w.truth.happened["gpu-17"] = yes }
	}
	tests := map[string]struct {
		mode  corrector.Mode
		given []func(*world, forecaster.Correction)
		want  forecaster.OutcomeVerdict
		says  string
	}{
		"the risk fell and it did not happen":    {corrector.Auto, []func(*world, forecaster.Correction){verified, happens(false)}, forecaster.Helped, "what was feared fell and did not happen"},
		"the risk fell, and it happened":         {corrector.Auto, []func(*world, forecaster.Correction){verified, happens(true)}, forecaster.NotHelped, "NodeNotReady happened all the same"},
		"it did not happen":                      {corrector.Auto, []func(*world, forecaster.Correction){happens(false)}, forecaster.Helped, "it did not happen"},
		"nobody knows":                           {corrector.Auto, nil, forecaster.Inconclusive, "what happened is not known"},
		"the risk fell, nobody knows":            {corrector.Auto, []func(*world, forecaster.Correction){verified}, forecaster.Helped, "what was feared fell; whether"},
		"taken back":                             {corrector.Auto, []func(*world, forecaster.Correction){revert, happens(false)}, forecaster.TakenBack, "it was taken back"},
		"taken back once it had helped":          {corrector.Auto, []func(*world, forecaster.Correction){verified, revert, happens(false)}, forecaster.Helped, "what was feared fell"},
		"undone by others":                       {corrector.Auto, []func(*world, forecaster.Correction){func(w *world, _ forecaster.Correction) { delete(w.cluster.byNode, "gpu-17") }, happens(false)}, forecaster.NotHelped, "it was undone by somebody else"},
		"the node is gone":                       {corrector.Auto, []func(*world, forecaster.Correction){func(w *world, _ forecaster.Correction) { w.cluster.plan = corrector.ErrGone }}, forecaster.Inconclusive, "the subject is gone"},
		"rejected, and it happened":              {corrector.Approve, []func(*world, forecaster.Correction){func(w *world, c forecaster.Correction) { _, _ = w.Reject(ctx, c.ID, "bob", "") }, happens(true)}, forecaster.Happened, "nothing was done, and it happened"},
		"nobody answered, and it did not happen": {corrector.Approve, []func(*world, forecaster.Correction){happens(false)}, forecaster.Spared, "nothing was done, and it did not happen"},
		"it was only observed":                   {corrector.Observe, []func(*world, forecaster.Correction){happens(true)}, forecaster.Happened, "nothing was done, and it happened"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, corrector.Policy{Mode: tt.mode})
			w.risks.risk["gpu-17"] = 0.9
			c := w.submit(w.request("gpu-17"))
			for _, then := range tt.given {
				then(w, c)
			}
			w.tick()
			if kept, _ := w.log.Correction(ctx, c.ID); !kept.Outcome.At.IsZero() {
				t.Fatalf("before its horizon: %+v", kept.Outcome)
			}
			w.pass(time.Hour)
			w.tick()
			w.tick()
			if _, known := w.truth.happened["gpu-17"]; !known { // it waits for a day
				if kept, _ := w.log.Correction(ctx, c.ID); !kept.Outcome.At.IsZero() {
					t.Fatalf("it did not wait: %+v", kept.Outcome)
				}
				w.pass(24 * time.Hour)
				w.tick()
			}
			kept, _ := w.log.Correction(ctx, c.ID)
			if kept.Outcome.Verdict != tt.want || !strings.HasPrefix(kept.Outcome.Says, tt.says) {
				t.Errorf("%s (%s), want %s (%s)", kept.Outcome.Verdict, kept.Outcome.Says, tt.want, tt.says)
			}
			entries := len(w.log.actions(c.ID))
			w.pass(time.Hour)
			w.tick()
			if now := w.log.actions(c.ID); len(now) != entries || !strings.HasPrefix(now[entries-1], "outcome:") {
				t.Errorf("the trail goes on: %v", now)
			}
			if n := testutil.CollectAndCount(w.registry, "driftcast_correction_outcomes_total"); n != 1 {
				t.Errorf("%d outcomes are counted", n)
			}
		})
	}
	t.Run("a truth that cannot be asked judges nothing", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
		c := w.submit(w.request("gpu-17"))
		w.truth.err = errBroken
		w.pass(time.Hour)
		if err := w.Tick(ctx); !errors.Is(err, errBroken) {
			t.Error(err)
		}
		if kept, _ := w.log.Correction(ctx, c.ID); !kept.Outcome.At.IsZero() {
			t.Errorf("%+v", kept.Outcome)
		}
	})
}

// TestControlGroup: the share that the policy says is left alone, the same
// episodes each time, and their outcomes stand beside those that were corrected.
func TestControlGroup(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, corrector.Policy{Mode: corrector.Auto, Targets: []string{"NodeNotReady"}, Control: 0.25,
		Budget: corrector.Budget{Concurrent: 500, Percent: 100}})
	w.cluster.pool, w.log.page = 1000, 1000
	var warnings []forecaster.Warning
	for i := range 400 {
		name := fmt.Sprintf("n%d", i)
		w.truth.happened[name] = false
		warnings = append(warnings, forecaster.Warning{Target: "NodeNotReady", Subject: node(name), Risk: 0.9, Horizon: time.Hour, Fresh: w.at, StartsAt: w.at})
	}
	for range 2 {
		if err := w.Propose(ctx, warnings); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.log.order) != 400 {
		t.Fatalf("%d corrections for 400 episodes", len(w.log.order))
	}
	left := 0
	for _, c := range w.log.byID {
		if c.Control {
			left++
			w.truth.happened[c.Subject.Name] = left%2 == 0
			if c.State != forecaster.Observed || !strings.HasPrefix(c.Reason, "control group") || w.cluster.effects[c.ID] > 0 {
				t.Fatalf("%s (%s)", c.State, c.Reason)
			}
		}
	}
	if left < 70 || left > 130 { // 100 ± 3.5 σ
		t.Errorf("%d of 400 were left alone, want about 100", left)
	}
	if got := w.submit(w.request("by-hand")); got.Control {
		t.Error("what a person asks for was left alone")
	}
	w.pass(time.Hour)
	w.tick()
	scores, err := w.Scores(ctx, start)
	if err != nil || len(scores) != 1 {
		t.Fatal(scores, err)
	}
	s := scores[0]
	if s.Control != (forecaster.Tally{Known: left, Happened: left / 2}) || s.Acted.Known != 400-left || s.Acted.Happened != 0 || s.Helped != 400-left || s.Proposed != 401-left {
		t.Errorf("%+v", s)
	}
	want := fmt.Sprintf("cordon-at-risk: %d proposed, %d approved, %d helped; without action (control, n=%d): %d happened", 401-left, 401-left, 400-left, left, left/2)
	if s.String() != want {
		t.Errorf("got %q\nwant %q", s, want)
	}
	if scores, err = w.Scores(ctx, w.at.Add(time.Hour)); err != nil || scores[0].Proposed != 0 {
		t.Errorf("since later: %+v, %v", scores, err)
	}
}

// TestActedWithin: an outcome is censored where a correction overlapped with it.
func TestActedWithin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := func(name string) time.Time {
			return start.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, name)) * time.Minute)
		}
		applied, ended, from := at("applied"), at("ended"), at("from")
		to := from.Add(time.Duration(rapid.IntRange(0, 10).Draw(rt, "length")) * time.Minute)
		if ended.Before(applied) {
			applied, ended = ended, applied
		}
		c := forecaster.Correction{State: forecaster.Applied, Undo: "x", Approved: applied, Applied: applied, Changed: applied, Proposed: start}
		if got, want := c.ActedWithin(from, to), !applied.After(to); got != want {
			rt.Fatalf("in place since %s: %t within %s…%s", applied, got, from, to)
		}
		c.State, c.Ended, c.Changed = forecaster.Reverted, ended, ended
		if got, want := c.ActedWithin(from, to), !applied.After(to) && !ended.Before(from); got != want {
			rt.Fatalf("from %s to %s: %t within %s…%s", applied, ended, got, from, to)
		}
		c.State, c.Undo, c.Ended = forecaster.Verified, "", time.Time{} // a restart: nothing is in place
		if got, want := c.ActedWithin(from, to), !applied.After(to) && !applied.Before(from); got != want {
			rt.Fatalf("at %s: %t within %s…%s", applied, got, from, to)
		}
		for _, s := range []forecaster.CorrectionState{forecaster.Proposed, forecaster.Blocked, forecaster.Observed, forecaster.Rejected, forecaster.Expired, forecaster.Unchanged} {
			if c.State = s; c.ActedWithin(from, to) {
				rt.Fatalf("%s acted", s)
			}
		}
	})
}
