package corrector_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// proposed is a world with one proposal for gpu-17 in it.
func proposed(t *testing.T, p corrector.Policy) (*world, forecaster.Correction) {
	t.Helper()
	w := newWorld(t, p)
	w.risks.risk["gpu-17"] = 0.9
	c := w.submit(w.request("gpu-17"))
	if c.State != forecaster.Proposed {
		t.Fatalf("%s (%s)", c.State, c.Reason)
	}
	return w, c
}

func TestApprove(t *testing.T) {
	tests := map[string]struct {
		given func(w *world)
		want  forecaster.CorrectionState
		err   error
		text  string // of the reason or the error
	}{
		"is done at once":                  {func(*world) {}, forecaster.Applied, nil, ""},
		"not where policy recommends":      {func(w *world) { w.set(func(p *corrector.Policy) { p.Mode = corrector.Recommend }) }, forecaster.Proposed, forecaster.ErrConflict, "set its mode to approve"},
		"not where policy observes":        {func(w *world) { w.set(func(p *corrector.Policy) { p.Mode = corrector.Observe }) }, forecaster.Proposed, forecaster.ErrConflict, "only observes"},
		"not after it expired":             {func(w *world) { w.pass(time.Hour) }, forecaster.Expired, forecaster.ErrConflict, "has expired"},
		"not while killed":                 {func(w *world) { _ = w.Kill(true, "bob", "incident") }, forecaster.Blocked, nil, "kill switch"},
		"not when the risk has fallen":     {func(w *world) { w.risks.risk["gpu-17"] = 0.2 }, forecaster.Blocked, nil, "confidence: risk 0.20"},
		"not when nothing is known now":    {func(w *world) { delete(w.risks.risk, "gpu-17") }, forecaster.Blocked, nil, "freshness"},
		"not when opted out meanwhile":     {func(w *world) { w.cluster.optOut["gpu-17"] = true }, forecaster.Blocked, nil, "opt-out"},
		"not when the pool has shrunk":     {func(w *world) { w.cluster.pool = 5 }, forecaster.Blocked, nil, "pool: 0 of 5"},
		"not when somebody was quicker":    {func(w *world) { w.cluster.byNode["gpu-17"] = "somebody" }, forecaster.Unchanged, nil, ""},
		"the actuator says no":             {func(w *world) { w.cluster.before = errBroken }, forecaster.Failed, nil, "apply: broken"},
		"done, but the answer was lost":    {func(w *world) { w.cluster.after = errBroken }, forecaster.Applied, nil, ""},
		"the log is full: nothing is done": {func(w *world) { w.log.broken = errBroken }, forecaster.Proposed, errBroken, "record approve"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, c := proposed(t, corrector.Policy{Mode: corrector.Approve})
			tt.given(w)
			got, err := w.Approve(context.Background(), c.ID, "bob", "")
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			text := got.Reason
			if err != nil {
				text = err.Error()
			}
			kept, _ := w.log.Correction(context.Background(), c.ID)
			if kept.State != tt.want || !strings.Contains(text, tt.text) {
				t.Errorf("%s: %s, want %s: %s", kept.State, text, tt.want, tt.text)
			}
			if did := w.cluster.effects[c.ID] == 1; did != (tt.want == forecaster.Applied) {
				t.Errorf("acted: %t", did)
			}
			if tt.want == forecaster.Applied && (kept.Actor != "bob" || kept.Undo == "") {
				t.Errorf("the record: %+v", kept)
			}
		})
	}
	w, c := proposed(t, corrector.Policy{Mode: corrector.Approve})
	if _, err := w.Approve(context.Background(), "nope", "bob", ""); !errors.Is(err, forecaster.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if got, err := w.Reject(context.Background(), c.ID, "bob", "not today"); err != nil || got.State != forecaster.Rejected || got.Reason != "not today" {
		t.Errorf("reject: %+v %v", got, err)
	}
	if _, err := w.Approve(context.Background(), c.ID, "eve", ""); !errors.Is(err, forecaster.ErrConflict) {
		t.Errorf("approve what was rejected: %v", err)
	}
}

func TestRevertIsAlwaysAllowed(t *testing.T) {
	w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
	c := w.submit(w.request("gpu-17"))
	_ = w.Kill(true, "bob", "incident")
	w.cluster.optOut["gpu-17"] = true
	w.cluster.pool = 1
	w.risks.err = errBroken
	if err := w.SetPolicies(nil); err != nil { // even the policy is gone
		t.Fatal(err)
	}
	w.cluster.revert = errBroken
	if _, err := w.Revert(context.Background(), c.ID, "bob", "oops"); !errors.Is(err, errBroken) {
		t.Errorf("the actuator could not: %v", err)
	}
	w.cluster.revert = nil
	got, err := w.Revert(context.Background(), c.ID, "bob", "oops")
	if err != nil || got.State != forecaster.Reverted || w.cluster.byNode["gpu-17"] != "" {
		t.Errorf("%s, %v, on the node: %q", got.State, err, w.cluster.byNode["gpu-17"])
	}
	if again, err := w.Revert(context.Background(), c.ID, "bob", "oops"); err != nil || again.State != forecaster.Reverted {
		t.Errorf("twice: %v", err)
	}
	want := []string{"approve:approved", "apply:applied", "revert:applied", "fail:applied", "revert:applied", "revert:reverted"}
	if got := w.log.actions(c.ID); !slices.Equal(got, want) {
		t.Errorf("trail %v, want %v", got, want)
	}
}

func TestVerify(t *testing.T) {
	tests := map[string]struct {
		revert bool
		risk   float64
		want   forecaster.CorrectionState
		onNode bool
	}{
		"it helped":                          {true, 0.3, forecaster.Verified, true},
		"it did not help: it is taken back":  {true, 0.8, forecaster.Reverted, false},
		"it did not help: it stays in place": {false, 0.8, forecaster.Applied, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, corrector.Policy{Mode: corrector.Auto, RevertUnlessImproved: tt.revert})
			w.risks.risk["gpu-17"] = tt.risk
			c := w.submit(w.request("gpu-17"))
			w.pass(14 * time.Minute)
			w.tick()
			if kept, _ := w.log.Correction(context.Background(), c.ID); kept.State != forecaster.Applied {
				t.Fatalf("before its time: %s", kept.State)
			}
			w.pass(time.Minute)
			w.risks.err = errBroken
			if err := w.Tick(context.Background()); err == nil {
				t.Error("an unknown risk was no error")
			}
			w.risks.err = nil
			for range 40 { // the verdict is recorded once, not with every tick
				w.tick()
				w.pass(time.Minute)
			}
			kept, _ := w.log.Correction(context.Background(), c.ID)
			if kept.State != tt.want || (w.cluster.byNode["gpu-17"] == c.ID) != tt.onNode {
				t.Errorf("%s (%s), on the node %q", kept.State, kept.Reason, w.cluster.byNode["gpu-17"])
			}
			if got := w.log.actions(c.ID); len(got) > 4 {
				t.Errorf("trail %v", got)
			}
		})
	}
}

func TestRunFollows(t *testing.T) {
	t.Run("proposals expire, and are proposed again after the cool-down", func(t *testing.T) {
		w, c := proposed(t, corrector.Policy{Mode: corrector.Approve})
		w.pass(59 * time.Minute)
		w.tick()
		w.pass(time.Minute)
		w.tick()
		r := w.request("gpu-17")
		r.Key = c.Key
		if got := w.submit(r); got.State != forecaster.Blocked || !strings.HasPrefix(got.Reason, "cool-down") {
			t.Errorf("right after it expired: %s %s", got.State, got.Reason)
		}
		w.pass(30 * time.Minute)
		r.Evidence.Fresh = w.at
		if got := w.submit(r); got.State != forecaster.Proposed || !got.ExpiresAt.Equal(w.at.Add(time.Hour)) {
			t.Errorf("half an hour later: %s %s", got.State, got.Reason)
		}
	})
	t.Run("what somebody undid by hand frees the budget", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
		c := w.submit(w.request("gpu-17"))
		delete(w.cluster.byNode, "gpu-17")
		w.tick()
		if kept, _ := w.log.Correction(context.Background(), c.ID); kept.State != forecaster.Reverted || kept.Reason != "undone by somebody else" {
			t.Errorf("%s (%s)", kept.State, kept.Reason)
		}
		if got := w.submit(w.request("gpu-1")); got.State != forecaster.Applied {
			t.Errorf("the next one: %s (%s)", got.State, got.Reason)
		}
	})
	t.Run("a subject that is gone frees the budget", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
		c := w.submit(w.request("gpu-17"))
		w.cluster.plan = corrector.ErrGone
		w.tick()
		if kept, _ := w.log.Correction(context.Background(), c.ID); kept.State != forecaster.Reverted {
			t.Errorf("%s (%s)", kept.State, kept.Reason)
		}
	})
	t.Run("a cluster that cannot be asked changes nothing", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
		c := w.submit(w.request("gpu-17"))
		w.cluster.plan = errBroken
		w.tick()
		if kept, _ := w.log.Correction(context.Background(), c.ID); kept.State != forecaster.Applied {
			t.Errorf("%s (%s)", kept.State, kept.Reason)
		}
	})
}

func TestRunExpiresOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		c, err := corrector.New(corrector.Options{
			Policies: []corrector.Policy{{Name: "p", Actuator: "cordon"}}, Actuators: map[string]corrector.Actuator{"cordon": newCluster(100)},
			Log: log, Risks: &risks{}, Now: time.Now, // synctest's clock
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		proposal, err := c.Submit(ctx, corrector.Request{
			Policy: "p", Target: "NodeNotReady", Subject: node("gpu-17"), Evidence: &corrector.Evidence{Risk: 0.9, Fresh: time.Now()}, Actor: "alice",
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			after time.Duration
			want  forecaster.CorrectionState
		}{{59 * time.Minute, forecaster.Proposed}, {time.Minute + 15*time.Second, forecaster.Expired}} {
			time.Sleep(step.after)
			synctest.Wait()
			if kept, _ := log.Correction(ctx, proposal.ID); kept.State != step.want {
				t.Errorf("%s later: %s, want %s", step.after, kept.State, step.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestKillSwitchFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kill")
	open := func() *corrector.Corrector {
		c, err := corrector.New(corrector.Options{Log: newMemLog(), Risks: &risks{}, KillFile: path})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := open().Kill(true, "bob", "incident 7"); err != nil {
		t.Fatal(err)
	}
	after := open()
	if k := after.KillSwitch(); !k.Engaged || k.Actor != "bob" || k.Reason != "incident 7" {
		t.Errorf("after a restart: %+v", k)
	}
	if err := after.Kill(false, "bob", "over"); err != nil || after.Killed() || open().Killed() {
		t.Errorf("released: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil { // touch(1)
		t.Fatal(err)
	}
	if !after.Killed() {
		t.Error("the file alone does not throw it")
	}
}
