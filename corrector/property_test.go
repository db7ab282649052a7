package corrector_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// legal is the state machine as people read it in doc.go, written a second
// time: state, and the states that may follow. "judged" are what Submit decides.
const judgedStates = "observed proposed blocked approved unchanged"

var legal = map[string]string{
	"":          judgedStates,
	"observed":  judgedStates,
	"blocked":   judgedStates,
	"unchanged": judgedStates,
	"expired":   judgedStates + " expired",
	"proposed":  "approved rejected expired",
	"approved":  "approved applied failed blocked unchanged reverted",
	"applied":   "applied verified reverted",
	"verified":  "verified reverted",
	"failed":    "failed reverted",
	"rejected":  "rejected", // its outcome
	"reverted":  "reverted",
}

func TestStateMachine(t *testing.T) {
	if len(corrector.Transitions) != len(legal) {
		t.Errorf("%d states, want %d", len(corrector.Transitions), len(legal))
	}
	for from, want := range legal {
		var got []string
		for _, to := range corrector.Transitions[forecaster.CorrectionState(from)] {
			got = append(got, string(to))
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q may become %v, want %v", from, got, want)
		}
	}
}

// TestProperties throws everything at a Corrector, in any order: requests and
// warnings, people, changed policies, the kill switch, crashes, a full disk, an
// actuator that fails before or after it acted, others who touch the nodes, and
// time. Whatever comes:
//
//   - never more in force than the budget allows, nor more of the pool out;
//   - no key changes the cluster twice;
//   - nothing new happens while the kill switch is on, or on old telemetry, or
//     to what has opted out;
//   - the trail walks the state machine;
//   - what is in force can be reverted;
//   - once all is well again, nothing stays approved, and the cluster and the
//     log agree.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const concurrent, nodes = 2, 5
		w := newWorld(t, corrector.Policy{
			Mode: corrector.Auto, Targets: []string{"NodeNotReady"}, CoolDown: model.Duration(5 * time.Minute),
			RevertUnlessImproved: rapid.Bool().Draw(rt, "revert"),
			Budget:               corrector.Budget{Concurrent: concurrent, Percent: 30},
		})
		w.cluster.pool = 10
		ctx := context.Background()
		anyNode := rapid.SampledFrom([]string{"n0", "n1", "n2", "n3", "n4"})
		var stale time.Duration
		w.risks.fresh = func() time.Time { return w.at.Add(-stale) }
		for i := range nodes {
			w.risks.risk[fmt.Sprintf("n%d", i)] = 0.9
		}
		ids := func() []string { return append(slices.Clone(w.log.order), "unknown") }
		calm := func(err error) { // all the errors that the test itself makes
			if err != nil && !errors.Is(err, errBroken) && !errors.Is(err, forecaster.ErrConflict) && !errors.Is(err, forecaster.ErrNotFound) {
				rt.Fatal(err)
			}
		}
		effects := func() (n int) {
			for _, e := range w.cluster.effects {
				n += e
			}
			return n
		}
		before := 0
		rt.Repeat(map[string]func(*rapid.T){
			"submit": func(rt *rapid.T) {
				r := w.request(anyNode.Draw(rt, "node"))
				r.Key = r.Subject.Name + rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "key")
				r.Evidence.Risk = rapid.SampledFrom([]float64{0.9, 0.5}).Draw(rt, "risk")
				r.Evidence.Fresh = w.at.Add(-stale)
				r.DryRun = rapid.IntRange(0, 5).Draw(rt, "dry") == 0
				_, err := w.Submit(ctx, r)
				calm(err)
			},
			"propose": func(rt *rapid.T) {
				episode := time.Duration(rapid.IntRange(0, 3).Draw(rt, "episode")) * time.Hour
				calm(w.Propose(ctx, []forecaster.Warning{{
					Target: "NodeNotReady", Subject: node(anyNode.Draw(rt, "node")), Risk: 0.8, Horizon: time.Hour,
					Fresh: w.at.Add(-stale), StartsAt: start.Add(episode), Resolved: rapid.IntRange(0, 4).Draw(rt, "over") == 0,
				}}))
			},
			"approve": func(rt *rapid.T) {
				_, err := w.Approve(ctx, rapid.SampledFrom(ids()).Draw(rt, "id"), "bob", "")
				calm(err)
			},
			"reject": func(rt *rapid.T) {
				_, err := w.Reject(ctx, rapid.SampledFrom(ids()).Draw(rt, "id"), "bob", "")
				calm(err)
			},
			"revert": func(rt *rapid.T) {
				id := rapid.SampledFrom(ids()).Draw(rt, "id")
				was, _ := w.log.Correction(ctx, id)
				got, err := w.Revert(ctx, id, "bob", "")
				calm(err)
				inForce := was.State == forecaster.Applied || was.State == forecaster.Verified
				if inForce && w.log.broken == nil && w.cluster.revert == nil && got.State != forecaster.Reverted {
					rt.Fatalf("reverting what is %s gave %s, %v", was.State, got.State, err)
				}
			},
			"mode": func(rt *rapid.T) {
				mode := rapid.SampledFrom([]corrector.Mode{corrector.Auto, corrector.Auto, corrector.Approve, corrector.Recommend, corrector.Observe}).Draw(rt, "mode")
				w.set(func(p *corrector.Policy) { p.Mode = mode })
			},
			"kill": func(rt *rapid.T) { calm(w.Kill(rapid.Bool().Draw(rt, "on"), "bob", "")) },
			"crash": func(*rapid.T) {
				killed := w.Killed()
				w.restart()
				calm(w.Kill(killed, "bob", ""))
			},
			"disk":   func(rt *rapid.T) { w.log.broken = rapid.SampledFrom([]error{nil, errBroken}).Draw(rt, "disk") },
			"before": func(rt *rapid.T) { w.cluster.before = rapid.SampledFrom([]error{nil, errBroken}).Draw(rt, "before") },
			"after": func(rt *rapid.T) {
				w.cluster.after = rapid.SampledFrom([]error{nil, errBroken}).Draw(rt, "after")
				w.cluster.cut = rapid.Bool().Draw(rt, "cut")
			},
			"blind":  func(rt *rapid.T) { w.cluster.plan = rapid.SampledFrom([]error{nil, errBroken}).Draw(rt, "plan") },
			"stuck":  func(rt *rapid.T) { w.cluster.revert = rapid.SampledFrom([]error{nil, errBroken}).Draw(rt, "revert") },
			"optout": func(rt *rapid.T) { w.cluster.optOut[anyNode.Draw(rt, "node")] = rapid.Bool().Draw(rt, "out") },
			"undone": func(rt *rapid.T) { delete(w.cluster.byNode, anyNode.Draw(rt, "node")) },
			"risk": func(rt *rapid.T) {
				w.risks.risk[anyNode.Draw(rt, "node")] = rapid.SampledFrom([]float64{0.9, 0.1}).Draw(rt, "risk")
			},
			"stale": func(rt *rapid.T) { stale = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(rt, "stale") },
			"pass": func(rt *rapid.T) {
				w.pass(time.Duration(rapid.IntRange(1, 30).Draw(rt, "minutes")) * time.Minute)
			},
			"tick": func(*rapid.T) { calm(w.Tick(ctx)) },
			"": func(rt *rapid.T) {
				if len(w.cluster.byNode) > concurrent {
					rt.Fatalf("in force: %v, the budget is %d", w.cluster.byNode, concurrent)
				}
				for id, n := range w.cluster.effects {
					if n > 1 {
						rt.Fatalf("correction %s changed the cluster %d times", id, n)
					}
				}
				if now := effects(); now != before {
					if w.Killed() || stale > 0 {
						rt.Fatalf("it acted: killed %t, stale %s", w.Killed(), stale)
					}
					before = now
				}
			},
		})
		walks(rt, w.log)

		// All is well again: a few turns of Run settle everything.
		w.log.broken, w.cluster.before, w.cluster.after, w.cluster.plan, w.cluster.revert = nil, nil, nil, nil, nil
		w.tick()
		w.tick()
		walks(rt, w.log)
		held := map[string]string{}
		for _, c := range w.log.byID {
			switch c.State {
			case forecaster.Approved:
				rt.Fatalf("correction %s stays approved: %s", c.ID, c.Reason)
			case forecaster.Applied, forecaster.Verified:
				held[c.Subject.Name] = c.ID
			}
		}
		for name, id := range w.cluster.byNode {
			if held[name] != id {
				rt.Fatalf("the cluster says %s is held by %s (%s), the log says %v", name, id, w.log.byID[id].State, held)
			}
		}
	})
}

// walks checks that the trail of every correction walks the state machine.
func walks(t *rapid.T, l *memLog) {
	at := map[string]string{}
	for _, e := range l.trail {
		from, to := at[e.Correction.ID], string(e.Correction.State)
		if !slices.Contains(strings.Fields(legal[from]), to) {
			t.Fatalf("entry %d: %s may not become %s", e.Seq, from, to)
		}
		at[e.Correction.ID] = to
	}
}
