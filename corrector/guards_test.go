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

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

func hours(n float64) model.Duration { return model.Duration(n * float64(time.Hour)) }

// TestWorldsGuards has the guards that look at more than the request: at the
// cluster, the calendar, other policies, the clock. "" is that it acts.
func TestWorldsGuards(t *testing.T) {
	plan := func(change func(*corrector.Plan)) func(w *world) {
		return func(w *world) { w.cluster.also = func(_ corrector.Action, p *corrector.Plan) { change(p) } }
	}
	policy := func(change func(*corrector.Policy)) func(w *world) { return func(w *world) { w.set(change) } }
	both := func(some ...func(w *world)) func(w *world) {
		return func(w *world) {
			for _, one := range some {
				one(w)
			}
		}
	}
	budget := func(b corrector.Budget) func(w *world) {
		return policy(func(p *corrector.Policy) { p.Budget = b })
	}
	other := func(name string, act corrector.Policy) func(w *world) {
		return func(w *world) {
			act.Name, act.Mode = "other", corrector.Auto
			w.others = []corrector.Policy{act}
			w.set(func(*corrector.Policy) {})
			r := w.request(name)
			r.Policy = "other"
			if c := w.submit(r); c.State != forecaster.Applied {
				w.t.Fatalf("the other policy: %s (%s)", c.State, c.Reason)
			}
			delete(w.cluster.byNode, name) // another kind of action, as far as the cluster goes
			w.cluster.marks = map[string]string{}
		}
	}
	says := func(source string, age time.Duration) func(w *world) {
		return func(w *world) {
			w.set(func(p *corrector.Policy) { p.Sources = 2 })
			w.witnesses["node/gpu-17"] = append(w.witnesses["node/gpu-17"], corrector.Witness{Source: source, Says: "0.40 over 0.30", At: w.at.Add(-age)})
		}
	}
	window := func(cron, zone string, d model.Duration) func(w *world) { // it is Monday 12:00 UTC, 13:00 in Amsterdam
		return policy(func(p *corrector.Policy) { p.Windows = []corrector.Window{{Cron: cron, For: d, Timezone: zone}} })
	}
	freeze := func(from, to, zone string) func(w *world) {
		return policy(func(p *corrector.Policy) {
			p.Freeze = []corrector.Freeze{{From: from, To: to, Timezone: zone, Reason: "year end"}}
		})
	}
	tests := map[string]struct {
		given func(w *world)
		want  string // how the reason begins; "": it acts
	}{
		"the cluster is not watched":            {func(w *world) { w.watched = 11 * time.Minute }, "watch: the cluster was last seen 11m0s ago, more than max_age 10m"},
		"the cluster was never seen":            {func(w *world) { w.watched = never }, "watch: the cluster has not been seen yet"},
		"the watch is from the future":          {func(w *world) { w.watched = -time.Hour }, "watch: the cluster was last seen 1h0m0s in the future"},
		"one source where two are wanted":       {policy(func(p *corrector.Policy) { p.Sources = 2 }), "sources: target NodeNotReady speaks for it, nothing else does; 2 sources"},
		"its own source again":                  {says("target NodeNotReady", 0), "sources: target NodeNotReady speaks for it, nothing else does"},
		"a second source that is old":           {says("target GpuXid", time.Hour), "sources: "},
		"a second source":                       {says("target GpuXid", 0), ""},
		"the second source twice, three wanted": {both(says("condition Ready", 0), says("condition Ready", time.Minute), policy(func(p *corrector.Policy) { p.Sources = 3 })), "sources: target NodeNotReady speaks for it, condition Ready 0.40 over 0.30 too; 3 sources"},
		"the configuration stops":               {func(w *world) { w.SetStopped(true) }, "kill switch: thrown by configuration"},
		"a ConfigMap stops":                     {func(w *world) { w.elsewhere.on = true }, "kill switch: thrown by configmap: key kill-switch is true"},
		"a ConfigMap that cannot be read stops": {func(w *world) { w.elsewhere.err = errBroken }, "kill switch: thrown by kill switch: it cannot be asked: broken"},
		"the clock jumped ahead":                {func(w *world) { w.jump(2 * time.Hour) }, "clock: the clock jumped by 2h0m0s, 0s ago; nothing is done for 10m0s"},
		"the clock jumped back":                 {func(w *world) { w.jump(-2 * time.Hour) }, "clock: the clock jumped by -2h0m0s"},
		"the clock was corrected by a little":   {func(w *world) { w.jump(-30 * time.Second) }, ""},
		"the clock jumped long ago":             {func(w *world) { w.jump(-2 * time.Hour); w.tick(); w.pass(10 * time.Minute) }, ""},
		"the log is from the future": {func(w *world) {
			w.set(func(p *corrector.Policy) { p.Budget.Concurrent = 9 })
			w.submit(w.request("gpu-1"))
			w.jump(-2 * time.Hour)
			w.restart() // which knows of no jump
		}, "past: correction "},
		"in a freeze":                        {freeze("2026-11-20", "2026-11-23", ""), "freeze: 2026-11-20 to 2026-11-23: year end"},
		"before a freeze":                    {freeze("2026-11-24", "2026-11-30", ""), ""},
		"after a freeze":                     {freeze("2026-11-20", "2026-11-22", ""), ""},
		"a freeze to a time":                 {freeze("2026-11-20", "2026-11-23T12:00:00Z", ""), ""},
		"a freeze that began in the east":    {both(func(w *world) { w.pass(11 * time.Hour) }, freeze("2026-11-24", "2026-11-24", "Asia/Tokyo")), "freeze: "},
		"within a window":                    {window("0 9 * * 1-5", "", hours(4)), ""},
		"the minute in which a window ends":  {window("0 9 * * 1-5", "", hours(3)), "window: it is none of the allowed times"},
		"the minute in which it begins":      {window("0 12 * * 1-5", "", hours(1)), ""},
		"on another day":                     {window("0 9 * * 2-5", "", hours(8)), "window: "},
		"a window of another zone":           {window("0 13 * * *", "Europe/Amsterdam", hours(1)), ""},
		"a window that began yesterday":      {window("0 22 * * *", "", hours(15)), ""},
		"a disruption budget forbids":        {plan(func(p *corrector.Plan) { p.Blocked = []string{"ml/trainer", "ml/web"} }), "disruption: ml/trainer, ml/web allows no eviction now"},
		"this very one was undone":           {plan(func(p *corrector.Plan) { p.Lost = true }), "plan: somebody has undone this very correction"},
		"too much of the rack is out":        {both(budget(corrector.Budget{DomainPercent: 50}), plan(func(p *corrector.Plan) { p.Domain, p.DomainPool, p.DomainOut = "r1", 4, 2 })), "domain: 2 of 4 are out already, domain_percent 50 allows 2"},
		"the rack has room":                  {both(budget(corrector.Budget{DomainPercent: 50}), plan(func(p *corrector.Plan) { p.Domain, p.DomainPool, p.DomainOut = "r1", 4, 1 })), ""},
		"the rack is not known":              {budget(corrector.Budget{DomainPercent: 50}), "domain: the failure domain of node/gpu-17 is not known"},
		"a second rack":                      {both(func(w *world) { w.cluster.domain = func(n string) string { return n } }, budget(corrector.Budget{Concurrent: 9, Domains: 1}), func(w *world) { w.submit(w.request("gpu-1")) }), `domain: corrections are in force in ["gpu-1"]`},
		"the same rack":                      {both(func(w *world) { w.cluster.domain = func(string) string { return "r1" } }, budget(corrector.Budget{Concurrent: 9, Domains: 1}), func(w *world) { w.submit(w.request("gpu-1")) }), ""},
		"the namespace is full":              {both(plan(func(p *corrector.Plan) { p.Namespace = "ml" }), other("gpu-1", corrector.Policy{Actuator: "taint"}), budget(corrector.Budget{Namespace: 1})), "namespace: 1 corrections are in force in namespace ml, namespace allows 1"},
		"another policy works against it":    {other("gpu-17", corrector.Policy{Actuator: "uncordon"}), "dedup: cordon would work against correction"},
		"another policy did the same":        {other("gpu-17", corrector.Policy{Actuator: "cordon"}), "dedup: cordon would work against correction"},
		"another policy took the first step": {other("gpu-17", corrector.Policy{Actuator: "taint"}), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
			tt.given(w)
			got := w.submit(w.request("gpu-17"))
			want := forecaster.Blocked
			if tt.want == "" {
				want = forecaster.Applied
			}
			if got.State != want || !strings.HasPrefix(got.Reason+got.Contested, tt.want) {
				t.Errorf("%s: %s, want %s: %s…", got.State, got.Reason, want, tt.want)
			}
			if acted := w.cluster.effects[got.ID] > 0; acted != (tt.want == "") {
				t.Errorf("acted: %t", acted)
			}
			trace := got.Guards
			if guard, _, _ := strings.Cut(tt.want, ":"); tt.want != "" {
				last := trace[len(trace)-1]
				if last.Guard != guard || last.Passed || !strings.HasSuffix(got.Reason, last.Says) {
					t.Errorf("the trace ends with %+v", last)
				}
				trace = trace[:len(trace)-1]
			}
			if slices.ContainsFunc(trace, func(v forecaster.GuardVerdict) bool { return !v.Passed }) {
				t.Errorf("a no before the last: %+v", trace)
			}
		})
	}
	t.Run("a source that cannot be asked is an error", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto, Sources: 2})
		w.witnesses["broken"] = nil
		if _, err := w.Submit(context.Background(), w.request("gpu-17")); !errors.Is(err, errBroken) {
			t.Error(err)
		}
	})
	t.Run("the reason says which sources agreed", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Approve})
		says("target GpuXid", 0)(w)
		if got := w.submit(w.request("gpu-17")); got.Reason != "target NodeNotReady agrees with target GpuXid 0.40 over 0.30" {
			t.Error(got.Reason)
		}
	})
	t.Run("another replica leads", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
		w.follower = true
		if _, err := w.Submit(context.Background(), w.request("gpu-17")); !errors.Is(err, forecaster.ErrConflict) {
			t.Error(err)
		}
		if err := w.Propose(context.Background(), []forecaster.Warning{{Target: "NodeNotReady", Subject: node("gpu-17"), Correction: w.policy.Name}}); err != nil || len(w.log.trail) > 0 {
			t.Errorf("a follower's loop: %v, %d entries", err, len(w.log.trail))
		}
	})
}

// TestOpposed: which actuators of two policies may be in force on one object.
func TestOpposed(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"cordon", "cordon"}: true, {"cordon", "uncordon"}: true, {"uncordon", "drain"}: true, {"scale", "rollout-undo"}: true, {"apply", "apply"}: true,
		{"pause", "resume"}: true, {"rollout-restart", "pause"}: true,
		{"taint", "cordon"}: false, {"cordon", "drain"}: false, {"label", "label"}: false, {"hand-off", "drain"}: false, {"pager", "apply"}: false,
	} {
		if got := corrector.Opposed(pair[0], pair[1]); got != want || corrector.Opposed(pair[1], pair[0]) != want {
			t.Errorf("%s and %s: %t, want %t", pair[0], pair[1], got, want)
		}
	}
}

// TestBackOff: each correction of no use doubles the cool-down of its object, and
// the second in a row slows down the whole pool; one of use ends it.
func TestBackOff(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Auto, CoolDown: hours(1), CoolDownMax: hours(3), Breaker: corrector.Breaker{Bad: -1}, Budget: corrector.Budget{Concurrent: 9}})
	ctx := context.Background()
	useless := func(name string) {
		t.Helper()
		c := w.submit(w.request(name))
		if c.State != forecaster.Applied {
			t.Fatalf("%s: %s (%s)", name, c.State, c.Reason)
		}
		if _, err := w.Revert(ctx, c.ID, "bob", "no"); err != nil {
			t.Fatal(err)
		}
	}
	waits := func(name string, want time.Duration, guard string) {
		t.Helper()
		w.pass(want - time.Minute)
		if c := w.submit(w.request(name)); c.State != forecaster.Blocked || !strings.HasPrefix(c.Reason, guard) {
			t.Errorf("a minute before %s: %s (%s), want %s", want, c.State, c.Reason, guard)
		}
		w.pass(time.Minute)
	}
	useless("gpu-17")
	waits("gpu-17", 2*time.Hour, "cool-down") // after one: twice an hour
	useless("gpu-17")                         // the pool waits for an hour from here, gpu-17 for the most there is
	waits("gpu-1", time.Hour, "back-off: 2 corrections in a row were of no use in all of policy cordon-at-risk")
	waits("gpu-17", 2*time.Hour, "cool-down") // three in all
	useless("gpu-17")
	waits("gpu-1", 2*time.Hour, "back-off: 3 corrections")
	w.risks.risk["gpu-1"] = 0.1
	c := w.submit(w.request("gpu-1"))
	w.pass(15 * time.Minute)
	w.tick()
	if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Verified {
		t.Fatalf("%s (%s)", kept.State, kept.Reason)
	}
	if c := w.submit(w.request("gpu-2")); c.State != forecaster.Applied {
		t.Errorf("after one of use: %s (%s)", c.State, c.Reason)
	}
}

// TestBreaker tells its story with times: three useless corrections trip it, a
// probe is let through after its rest, and what follows a good probe is paced.
func TestBreaker(t *testing.T) {
	ctx := context.Background()
	story := func(t *testing.T) (*world, func(name string) forecaster.Correction) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto, CoolDown: 1, CoolDownMax: 1, Budget: corrector.Budget{Concurrent: 50, Percent: 100}})
		n := 0
		submit := func(name string) forecaster.Correction {
			if name == "" {
				n++
				name = fmt.Sprintf("n%d", n)
			}
			w.risks.risk[name] = 0.1 // afterwards: each helps
			w.pass(time.Second)      // more than any cool-down here
			return w.submit(w.request(name))
		}
		for range 3 {
			c := submit("")
			if _, err := w.Revert(ctx, c.ID, "bob", "no"); err != nil {
				t.Fatal(err)
			}
		}
		if c := submit(""); c.State != forecaster.Blocked || !strings.HasPrefix(c.Reason, "breaker: 3 corrections within 6h were of no use; 59m59s to go") {
			t.Fatalf("after three: %s (%s)", c.State, c.Reason)
		}
		return w, submit
	}
	t.Run("one probe, and then one a pace", func(t *testing.T) {
		w, submit := story(t)
		w.pass(time.Hour)
		probe := submit("")
		if probe.State != forecaster.Applied {
			t.Fatalf("the probe: %s (%s)", probe.State, probe.Reason)
		}
		if c := submit(""); !strings.Contains(c.Reason, "a probe is under way") {
			t.Errorf("beside the probe: %s (%s)", c.State, c.Reason)
		}
		w.pass(15 * time.Minute)
		w.tick() // verified: of use
		for round := range 4 {
			acted := 0
			for range 5 {
				if submit("").State == forecaster.Applied {
					acted++
				}
			}
			if acted != 1 {
				t.Errorf("in pace %d %d acted: it stampedes or freezes", round, acted)
			}
			w.pass(15 * time.Minute)
			w.tick()
		}
	})
	t.Run("a bad probe rests again", func(t *testing.T) {
		w, submit := story(t)
		w.pass(time.Hour)
		if _, err := w.Revert(ctx, submit("").ID, "bob", "no"); err != nil {
			t.Fatal(err)
		}
		w.pass(59 * time.Minute)
		if c := submit(""); c.State != forecaster.Blocked {
			t.Errorf("in its second rest: %s", c.State)
		}
		w.pass(time.Minute)
		if c := submit(""); c.State != forecaster.Applied {
			t.Errorf("after its second rest: %s (%s)", c.State, c.Reason)
		}
	})
	t.Run("a probe that never tells does not freeze it", func(t *testing.T) {
		w, submit := story(t)
		w.pass(time.Hour)
		submit("")
		w.risks.risk = map[string]float64{} // nothing is known any more
		w.pass(91 * time.Minute)            // rest, and twice verify_after
		w.tick()
		if c := submit(""); c.State != forecaster.Applied {
			t.Errorf("%s (%s)", c.State, c.Reason)
		}
	})
	t.Run("it never keeps anything from being undone, and ends by itself", func(t *testing.T) {
		w, submit := story(t)
		w.pass(time.Hour)
		c := submit("")
		if got, err := w.Revert(ctx, c.ID, "bob", ""); err != nil || got.State != forecaster.Reverted {
			t.Error(got.State, err)
		}
		w.pass(13 * time.Hour)
		for range 3 {
			if c := submit(""); c.State != forecaster.Applied {
				t.Errorf("half a day later: %s (%s)", c.State, c.Reason)
			}
		}
	})
}

// TestHold: what is verified counts against the budget while it holds its object
// out of service, for as long as the policy says; what holds nothing does not.
func TestHold(t *testing.T) {
	ctx := context.Background()
	verified := func(t *testing.T, pool int, hold model.Duration) *world {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto, Hold: hold, CoolDown: 1, CoolDownMax: 1})
		w.cluster.pool = pool
		w.risks.risk["gpu-17"] = 0.1
		c := w.submit(w.request("gpu-17"))
		w.pass(15 * time.Minute)
		w.tick()
		if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Verified {
			t.Fatalf("%s (%s)", kept.State, kept.Reason)
		}
		return w
	}
	for name, tt := range map[string]struct {
		pool  int
		hold  model.Duration
		after time.Duration
		want  forecaster.CorrectionState
	}{
		"a cordon counts for as long as it is there": {100, 0, 30 * 24 * time.Hour, forecaster.Blocked},
		"a cordon counts for as long as it may":      {100, hours(24), 24*time.Hour - time.Second, forecaster.Blocked},
		"and no longer":                              {100, hours(24), 24 * time.Hour, forecaster.Applied},
		"a roll-out that is verified holds nothing":  {0, 0, time.Minute, forecaster.Applied},
	} {
		t.Run(name, func(t *testing.T) {
			w := verified(t, tt.pool, tt.hold)
			w.pass(tt.after)
			if got := w.submit(w.request("gpu-1")); got.State != tt.want {
				t.Errorf("%s (%s), want %s", got.State, got.Reason, tt.want)
			}
		})
	}
	t.Run("the same workload may be corrected again once it is verified", func(t *testing.T) {
		w := verified(t, 0, 0)
		w.cluster.byNode = map[string]string{} // scaled, and the peak is over
		w.pass(time.Minute)
		w.cluster.also = func(_ corrector.Action, p *corrector.Plan) { p.Lost = false }
		if got := w.submit(w.request("gpu-17")); got.State != forecaster.Applied {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
	})
}
