package corrector_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// TestContention: somebody uncordons what was cordoned. It stops for that node
// until a person takes note, or a week has passed; for other nodes it goes on.
func TestContention(t *testing.T) {
	ctx := context.Background()
	undone := func(t *testing.T) (*world, forecaster.Correction) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto, CoolDown: 1, CoolDownMax: 1, Budget: corrector.Budget{Concurrent: 9}})
		c := w.submit(w.request("gpu-17"))
		delete(w.cluster.byNode, "gpu-17")
		w.cluster.also = func(_ corrector.Action, p *corrector.Plan) { p.By = "kubectl" }
		w.tick()
		w.cluster.also = nil
		kept, _ := w.log.Correction(ctx, c.ID)
		if kept.State != forecaster.Reverted || kept.Contested != "kubectl" {
			t.Fatalf("%s (%s), contested by %q", kept.State, kept.Reason, kept.Contested)
		}
		return w, c
	}
	t.Run("stops for that node alone, and says who", func(t *testing.T) {
		w, c := undone(t)
		w.pass(6 * 24 * time.Hour)
		got := w.submit(w.request("gpu-17"))
		if got.State != forecaster.Blocked || !strings.HasPrefix(got.Reason, "contention: kubectl fights back against correction "+c.ID) {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
		r := w.request("gpu-17:3")
		r.Subject.Kind = "gpu" // of the same node
		if got := w.submit(r); !strings.HasPrefix(got.Reason, "contention") {
			t.Errorf("a GPU of it: %s (%s)", got.State, got.Reason)
		}
		if got := w.submit(w.request("gpu-1")); got.State != forecaster.Applied {
			t.Errorf("another node: %s (%s)", got.State, got.Reason)
		}
	})
	t.Run("ends after a long time", func(t *testing.T) {
		w, _ := undone(t)
		w.pass(7 * 24 * time.Hour)
		if got := w.submit(w.request("gpu-17")); got.State != forecaster.Applied {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
	})
	t.Run("ends when a person takes note, by the one that is blocked too", func(t *testing.T) {
		w, c := undone(t)
		blocked := w.submit(w.request("gpu-17"))
		if _, err := w.Acknowledge(ctx, blocked.ID, "bob", "it was me"); err != nil {
			t.Fatal(err)
		}
		kept, _ := w.log.Correction(ctx, c.ID)
		if kept.Acknowledged.IsZero() || kept.State != forecaster.Reverted || kept.Reason != "undone by somebody else" {
			t.Errorf("%+v", kept)
		}
		if last := w.log.trail[len(w.log.trail)-1]; last.Action != "acknowledge" || last.Actor != "bob" {
			t.Errorf("the trail ends with %+v", last)
		}
		w.pass(time.Minute)
		if got := w.submit(w.request("gpu-17")); got.State != forecaster.Applied {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
		if _, err := w.Acknowledge(ctx, c.ID, "bob", ""); !errors.Is(err, forecaster.ErrConflict) {
			t.Errorf("twice: %v", err)
		}
		if _, err := w.Acknowledge(ctx, "nope", "bob", ""); !errors.Is(err, forecaster.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
	})
	t.Run("taking it back once its horizon has passed is no fight", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto, CoolDown: 1, CoolDownMax: 1})
		c := w.submit(w.request("gpu-17"))
		w.pass(2 * time.Hour)
		delete(w.cluster.byNode, "gpu-17")
		w.tick()
		if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Reverted || kept.Contested != "" {
			t.Fatalf("%s, contested by %q", kept.State, kept.Contested)
		}
		w.pass(time.Minute)
		if got := w.submit(w.request("gpu-17")); got.State != forecaster.Applied {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
	})
	t.Run("undoing through the door is no fight", func(t *testing.T) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto, CoolDown: 1, CoolDownMax: 1})
		if _, err := w.Revert(ctx, w.submit(w.request("gpu-17")).ID, "bob", ""); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if got := w.submit(w.request("gpu-17")); got.State != forecaster.Applied {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
	})
}

var web = collector.Subject{Kind: "workload", Namespace: "shop", Name: "web"}

// drifted is the verdict that web's image was edited at a time.
func (w *world) drifted(by string, since time.Time, kinds ...string) corrector.DriftEvidence {
	d := corrector.DriftEvidence{Subject: web, Confidence: 0.95, ComparedAt: w.at}
	if len(kinds) > 0 {
		d.Drift = corrector.Drift{Kinds: kinds, Paths: []string{"/spec/template/spec/containers/name=web/image"}, By: by,
			Source: "git", Revision: "abc1234", Since: since}
	}
	w.drifts[web] = d
	return d
}

// TestDrift is a drift from its finding to its end.
func TestDrift(t *testing.T) {
	ctx := context.Background()
	propose := func(t *testing.T, w *world, d corrector.DriftEvidence) []forecaster.Correction {
		t.Helper()
		if err := w.ProposeDrift(ctx, []corrector.DriftEvidence{d}); err != nil {
			t.Fatal(err)
		}
		all, _, _ := w.log.Corrections(ctx, forecaster.CorrectionQuery{})
		return all
	}
	fresh := func(t *testing.T, mode corrector.Mode) *world {
		w := newWorld(t, corrector.Policy{Mode: mode, Drift: []string{"image", "spec"}, CoolDown: 1, CoolDownMax: 1})
		w.cluster.pool = 0 // a workload is of no pool
		return w
	}
	t.Run("is answered by the policy that says so, once an onset", func(t *testing.T) {
		w := fresh(t, corrector.Approve)
		d := w.drifted("kubectl-edit", start, "image", "replicas")
		propose(t, w, d)
		all := propose(t, w, d)
		if len(all) != 1 || all[0].State != forecaster.Proposed || all[0].Target != corrector.DriftTarget || all[0].Risk != 0.95 || all[0].Drift.Revision != "abc1234" {
			t.Fatalf("%+v", all)
		}
		got, err := w.Approve(ctx, all[0].ID, "bob", "")
		if err != nil || got.State != forecaster.Applied || got.Drift.By != "kubectl-edit" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("of a kind that nobody answers asks for nothing", func(t *testing.T) {
		w := fresh(t, corrector.Auto)
		if all := propose(t, w, w.drifted("hpa", start, "replicas")); len(all) > 0 {
			t.Errorf("%+v", all)
		}
	})
	t.Run("that is not sure, or old, is refused", func(t *testing.T) {
		w := fresh(t, corrector.Auto)
		d := w.drifted("kubectl-edit", start, "image")
		d.Confidence = 0.5
		if all := propose(t, w, d); !strings.HasPrefix(all[0].Reason, "confidence: confidence of the drift 0.50") {
			t.Error(all[0].Reason)
		}
		d.Confidence, d.ComparedAt = 0.9, start.Add(-time.Hour)
		if all := propose(t, w, d); !strings.HasPrefix(all[0].Reason, "freshness") {
			t.Error(all[0].Reason)
		}
	})
	for name, tt := range map[string]struct {
		then func(w *world)
		want string
	}{
		"has gone since":         {func(w *world) { w.drifted("", start) }, "confidence: confidence of the drift 0.00"},
		"cannot be compared now": {func(w *world) { delete(w.drifts, web) }, "freshness: no verdict on a drift of workload/shop/web"},
	} {
		t.Run("that "+name+" is not approved", func(t *testing.T) {
			w := fresh(t, corrector.Approve)
			c := propose(t, w, w.drifted("kubectl-edit", start, "image"))[0]
			tt.then(w)
			got, err := w.Approve(ctx, c.ID, "bob", "")
			if err != nil || got.State != forecaster.Blocked || !strings.HasPrefix(got.Reason, tt.want) {
				t.Errorf("%s (%s), %v", got.State, got.Reason, err)
			}
		})
	}
	t.Run("that has gone withdraws its proposal", func(t *testing.T) {
		w := fresh(t, corrector.Approve)
		c := propose(t, w, w.drifted("kubectl-edit", start, "image"))[0]
		w.pass(time.Minute)
		w.drifted("", start)
		w.tick()
		if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Expired || kept.Reason != "the drift is gone" {
			t.Errorf("%s (%s)", kept.State, kept.Reason)
		}
	})
	t.Run("is verified once it is seen to be gone, and stops where it is brought back", func(t *testing.T) {
		w := fresh(t, corrector.Auto)
		c := propose(t, w, w.drifted("kubectl-edit", start, "image"))[0]
		if c.State != forecaster.Applied {
			t.Fatalf("%s (%s)", c.State, c.Reason)
		}
		w.pass(15 * time.Minute)
		w.tick() // the last comparison is from before: it verifies nothing
		if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Applied {
			t.Fatalf("by an old comparison: %s", kept.State)
		}
		w.drifted("", start)
		w.tick()
		if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Verified || kept.Reason != "the drift (image) is gone" {
			t.Fatalf("%s (%s)", kept.State, kept.Reason)
		}
		w.pass(time.Hour)
		back := w.drifted("flux", w.at.Add(-time.Minute), "image")
		all := propose(t, w, back)
		if len(all) != 2 || all[0].State != forecaster.Blocked || !strings.HasPrefix(all[0].Reason, "contention: flux fights back against correction "+c.ID) {
			t.Fatalf("come back: %+v", all[0])
		}
		w.tick()
		if kept, _ := w.log.Correction(ctx, c.ID); kept.State != forecaster.Reverted || kept.Contested != "flux" {
			t.Errorf("%s, contested by %q", kept.State, kept.Contested)
		}
		if _, err := w.Acknowledge(ctx, all[0].ID, "bob", "flux is suspended"); err != nil {
			t.Fatal(err)
		}
		w.cluster.byNode = map[string]string{}
		w.pass(time.Second)
		if all := propose(t, w, back); all[0].State != forecaster.Applied {
			t.Errorf("after a person took note: %s (%s)", all[0].State, all[0].Reason)
		}
	})
	t.Run("that comes back after a long time is a new one", func(t *testing.T) {
		w := fresh(t, corrector.Auto)
		propose(t, w, w.drifted("kubectl-edit", start, "image"))
		w.pass(15 * time.Minute)
		w.drifted("", start)
		w.tick()
		w.pass(8 * 24 * time.Hour)
		w.cluster.byNode = map[string]string{}
		if all := propose(t, w, w.drifted("kubectl-edit", w.at.Add(-time.Minute), "image")); all[0].State != forecaster.Applied || len(all) != 2 {
			t.Errorf("%s (%s)", all[0].State, all[0].Reason)
		}
	})
	t.Run("of two kinds is one source", func(t *testing.T) {
		w := fresh(t, corrector.Auto)
		w.set(func(p *corrector.Policy) { p.Sources = 2 })
		w.witnesses[web.String()] = []corrector.Witness{{Source: "drift image", At: w.at}, {Source: "drift spec", At: w.at}}
		if all := propose(t, w, w.drifted("kubectl-edit", start, "image", "spec")); !strings.HasPrefix(all[0].Reason, "sources: drift image, drift spec speaks for it, nothing else does") {
			t.Error(all[0].Reason)
		}
	})
	t.Run("by hand", func(t *testing.T) {
		w := fresh(t, corrector.Approve)
		r := corrector.Request{Policy: w.policy.Name, Subject: web, Actor: "alice"}
		if got := w.submit(r); !strings.HasPrefix(got.Reason, "freshness: no verdict") {
			t.Errorf("%s (%s)", got.State, got.Reason)
		}
		w.drifted("kubectl-edit", start, "image")
		w.pass(time.Second)
		if got := w.submit(r); got.State != forecaster.Proposed || got.Target != corrector.DriftTarget || got.Drift.By != "kubectl-edit" {
			t.Errorf("%+v", got)
		}
		w.set(func(p *corrector.Policy) { p.Drift = nil })
		r.Target = corrector.DriftTarget
		if _, err := w.Submit(ctx, r); !errors.Is(err, corrector.ErrInvalid) {
			t.Errorf("a policy that answers none: %v", err)
		}
	})
}
