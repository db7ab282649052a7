package corrector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// TestClockJumps: while the time is in doubt, nothing expires, is given up,
// verified or judged because time seems to have passed. A jump that is taken back
// leaves no trace; one that lasts is believed.
func TestClockJumps(t *testing.T) {
	const days = 3 * 24 * time.Hour
	for name, one := range map[string]struct {
		mode  corrector.Mode
		given func(w *world) // before it is asked for
		then  func(w *world) // after it, and while the clock is wrong
		stays forecaster.CorrectionState
		next  string // what the trail says next where the jump lasts
		why   string
	}{
		"a proposal does not expire": {mode: corrector.Approve, stays: forecaster.Proposed, next: "expire:expired", why: "nobody answered in time"},
		"what is half done waits": {
			mode: corrector.Auto, stays: forecaster.Approved, next: "apply:applied",
			given: func(w *world) {
				w.cluster.before = fmt.Errorf("drain: pod chat-0: %w", corrector.ErrUnfinished)
				w.cluster.also = func(_ corrector.Action, p *corrector.Plan) { p.Begun = w.cluster.effects["c"] == 0 }
			},
			then: func(w *world) { w.cluster.before = nil },
		},
		"what never began is not given up": {
			mode: corrector.Auto, stays: forecaster.Approved, next: "block:blocked", why: "freshness: it was approved 72h10m0s ago and never begun",
			given: func(w *world) {
				w.cluster.before = errBroken
				w.cluster.also = func(a corrector.Action, _ *corrector.Plan) { // no plan can be had once it is approved
					if a.State == forecaster.Approved {
						w.cluster.plan = errBroken
					}
				}
			},
			then: func(w *world) { w.cluster.plan, w.cluster.before, w.cluster.also = nil, nil, nil },
		},
		"what is applied is not verified": {
			mode: corrector.Auto, stays: forecaster.Applied, next: "verify:verified", why: "the risk fell from 0.90 to 0.10",
			then: func(w *world) { w.risks.risk["gpu-1"] = 0.1 },
		},
		"what is open is not judged": {
			mode: corrector.Observe, stays: forecaster.Observed, next: "outcome:observed",
			given: func(w *world) { w.truth.happened["gpu-1"] = true },
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lasts := range []bool{false, true} {
				w := newWorld(t, corrector.Policy{Mode: one.mode})
				w.risks.risk["gpu-1"] = 0.9
				if one.given != nil {
					one.given(w)
				}
				if _, err := w.Submit(context.Background(), w.request("gpu-1")); err != nil && !errors.Is(err, errBroken) {
					t.Fatal(err)
				}
				if one.then != nil {
					one.then(w)
				}
				id, entries := w.log.order[0], len(w.log.trail)
				w.jump(days)
				for range 10 {
					if w.tick(); len(w.log.trail) != entries || w.log.byID[id].State != one.stays {
						t.Fatalf("in doubt: %v", w.log.actions(id))
					}
					w.pass(time.Minute)
				}
				if !lasts {
					w.jump(-days)
					if w.tick(); len(w.log.trail) != entries {
						t.Errorf("taken back: %v", w.log.actions(id))
					}
					continue
				}
				w.tick()
				all, got := w.log.actions(id), w.log.byID[id]
				if len(all) <= entries || all[entries] != one.next || !strings.HasPrefix(got.Reason, one.why) {
					t.Errorf("believed: %v (%s), want %s (%s) next", all, got.Reason, one.next, one.why)
				}
			}
		})
	}
}

// TestApproveInDoubt: a person's yes is not called too late by a clock that
// jumped; it is refused by the clock's guard, and can be asked for again.
func TestApproveInDoubt(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Approve})
	w.risks.risk["gpu-1"] = 0.9
	r := w.request("gpu-1")
	r.Key = "an episode"
	cor := w.submit(r)
	w.jump(72 * time.Hour)
	got, err := w.Approve(context.Background(), cor.ID, "bob", "")
	if err != nil || got.State != forecaster.Blocked || !strings.HasPrefix(got.Reason, "clock: the clock jumped by 72h0m0s") {
		t.Fatalf("in doubt: %s (%s), %v", got.State, got.Reason, err)
	}
	w.pass(10 * time.Minute)
	r.Evidence.Fresh = w.at
	if got := w.submit(r); got.ID != cor.ID || got.State != forecaster.Proposed {
		t.Errorf("afterwards: %s (%s)", got.State, got.Reason)
	}
}
