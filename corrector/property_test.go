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
//   - nothing new happens while a kill switch is on or cannot be asked, on old
//     telemetry, while the cluster is not watched, where another replica leads, in
//     a freeze, or after the clock jumped until telemetry can be trusted again;
//   - no more failure domains are touched at once than the budget allows;
//   - who is in the control group is left alone;
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
			Budget:               corrector.Budget{Concurrent: concurrent, Percent: 30, Domains: rapid.IntRange(0, 1).Draw(rt, "domains")},
			CoolDownMax:          model.Duration(rapid.SampledFrom([]time.Duration{5 * time.Minute, time.Hour}).Draw(rt, "cool-down")),
			Contention:           model.Duration(rapid.SampledFrom([]time.Duration{time.Second, time.Hour}).Draw(rt, "contention")),
			Breaker:              corrector.Breaker{Bad: rapid.SampledFrom([]int{-1, 2}).Draw(rt, "breaker"), Rest: model.Duration(20 * time.Minute), Pace: model.Duration(5 * time.Minute)},
			Control:              rapid.SampledFrom([]float64{0, 0.3}).Draw(rt, "control"),
			Freeze:               []corrector.Freeze{{From: "2026-11-23T14:00:00Z", To: "2026-11-23T15:00:00Z"}},
		})
		w.cluster.pool = 10
		w.cluster.domain = func(node string) string { return map[bool]string{true: "a", false: "b"}[node < "n2"] }
		var doubt time.Duration // until when, on the clock that nobody can set, it must not act
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
		before, thrown, stopped := 0, false, false
		acts := func() bool {
			frozen := !w.at.Before(start.Add(2*time.Hour)) && w.at.Before(start.Add(3*time.Hour))
			return !thrown && !stopped && !w.elsewhere.on && w.elsewhere.err == nil && stale == 0 && w.watched == 0 && !w.follower && !frozen && w.ran >= doubt
		}
		actions := map[string]func(*rapid.T){
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
			"kill": func(rt *rapid.T) {
				on := rapid.Bool().Draw(rt, "on")
				err := w.Kill(on, "bob", "")
				calm(err)
				thrown = on || thrown && errors.Is(err, errBroken) // what the trail cannot be told is not released
			},
			"elsewhere": func(rt *rapid.T) {
				w.elsewhere.on = rapid.IntRange(0, 2).Draw(rt, "on") == 0
				w.elsewhere.err = rapid.SampledFrom([]error{nil, nil, errBroken}).Draw(rt, "error")
			},
			"stopped": func(rt *rapid.T) { stopped = rapid.IntRange(0, 2).Draw(rt, "on") == 0; w.SetStopped(stopped) },
			"watch":   func(rt *rapid.T) { w.watched = rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(rt, "watch") },
			"leader":  func(rt *rapid.T) { w.follower = rapid.IntRange(0, 2).Draw(rt, "follows") == 0 },
			"jump": func(rt *rapid.T) {
				w.jump(time.Duration(rapid.SampledFrom([]int{-90, -3, 3, 90}).Draw(rt, "minutes")) * time.Minute)
				doubt = w.ran + 10*time.Minute
				calm(w.Tick(ctx)) // Run looks at the clock; two jumps that cancel out in between hurt nobody
			},
			"acknowledge": func(rt *rapid.T) {
				_, err := w.Acknowledge(ctx, rapid.SampledFrom(ids()).Draw(rt, "id"), "bob", "")
				calm(err)
			},
			"happens": func(rt *rapid.T) {
				w.truth.happened[anyNode.Draw(rt, "node")] = rapid.Bool().Draw(rt, "happened")
			},
			"crash": func(*rapid.T) {
				killed := thrown
				w.restart()
				w.SetStopped(stopped)
				calm(w.Kill(killed, "bob", ""))
				doubt = 0 // a new process cannot know; what the log has from the future it still sees
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
				domains := map[string]bool{}
				for name := range w.cluster.byNode {
					domains[w.cluster.domain(name)] = true
				}
				if most := w.policy.Budget.Domains; most > 0 && len(domains) > most {
					rt.Fatalf("in force: %v, in %d domains", w.cluster.byNode, len(domains))
				}
				for id, n := range w.cluster.effects {
					if c := w.log.byID[id]; c.Control {
						rt.Fatalf("correction %s acted on the control group", id)
					}
					if n > 1 {
						rt.Fatalf("correction %s changed the cluster %d times", id, n)
					}
				}
				if now := effects(); now != before {
					if !acts() {
						rt.Fatalf("it acted at %s: thrown %t, stopped %t, elsewhere %+v, stale %s, watched %s ago, follower %t, in doubt until %s of %s",
							w.at, thrown, stopped, *w.elsewhere, stale, w.watched, w.follower, doubt, w.ran)
					}
					before = now
				}
			},
		}
		// Some trouble in each run, not all of it: else nothing would ever act.
		for _, trouble := range []string{"mode", "kill", "elsewhere", "stopped", "watch", "leader", "jump", "disk", "before", "after", "blind", "stuck", "optout", "stale"} {
			if rapid.IntRange(0, 3).Draw(rt, trouble) > 0 {
				delete(actions, trouble)
			}
		}
		rt.Repeat(actions)
		walks(rt, w.log)

		// All is well again: a few turns of Run settle everything.
		w.follower, w.elsewhere.err = false, nil
		w.log.broken, w.cluster.before, w.cluster.after, w.cluster.plan, w.cluster.revert = nil, nil, nil, nil, nil
		if w.tick(); w.ran < doubt {
			w.pass(doubt - w.ran) // what has begun waits until the time is known again
		}
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
