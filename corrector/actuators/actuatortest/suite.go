// Package actuatortest is what every actuator must stand: the promises of
// corrector.Actuator, tried on one object of a cluster.
package actuatortest

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

// World is one object of a cluster, fresh, and the actuator that is tried on it.
type World struct {
	Actuator corrector.Actuator
	ReadOnly corrector.Actuator // the same, where a role allows reading only
	Subject  collector.Subject
	Params   map[string]string
	// Denied is what an error for want of rights must name: verb and resource.
	Denied [2]string

	Version func(t *testing.T) string // changes with every write to the cluster that the actuator may make, and with no read
	Body    func(t *testing.T) string // the object's desired state, "" where it is gone
	OptOut  func(t *testing.T)        // its owner opts out
	Meddle  func(t *testing.T)        // somebody else takes back what was done; nil: nobody can
	Delete  func(t *testing.T)        // somebody deletes the subject
	Lasting bool                      // what is done cannot be taken back
}

// Action is a correction of the world's object.
func (w World) Action(id string) corrector.Action {
	return corrector.Action{Params: w.Params, Correction: forecaster.Correction{
		ID: id, Policy: "conformance", Target: "AtRisk", Risk: 0.82, Horizon: 6 * time.Hour, Actor: "alice", Subject: w.Subject, Mode: "approve",
	}}
}

// Apply applies until it is finished.
func Apply(t *testing.T, a corrector.Actuator, on corrector.Action) string {
	t.Helper()
	for range 100 {
		undo, err := a.Apply(context.Background(), on)
		if errors.Is(err, corrector.ErrUnfinished) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return undo
	}
	t.Fatal("it never finishes")
	return ""
}

func plan(t *testing.T, a corrector.Actuator, on corrector.Action) corrector.Plan {
	t.Helper()
	p, err := a.Plan(context.Background(), on)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Conform tries an actuator on fresh worlds.
func Conform(t *testing.T, fresh func(t *testing.T) World) {
	t.Run("plan says what changes and changes nothing", func(t *testing.T) {
		w := fresh(t)
		before := w.Version(t)
		p := plan(t, w.Actuator, w.Action("c1"))
		if p.Diff == "" || !strings.Contains(p.Diff, " → ") || p.Text == "" || p.Unchanged || p.Lost || p.Begun || p.Undo != "" || p.OptOut != "" {
			t.Errorf("plan %+v", p)
		}
		if after := w.Version(t); after != before {
			t.Errorf("plan wrote:\n%s\n%s", before, after)
		}
	})
	t.Run("applied twice is once, reverted twice is once and exact", func(t *testing.T) { roundTrip(t, fresh(t)) })
	t.Run("a crash before it is recorded is found out", func(t *testing.T) {
		w := fresh(t)
		on := w.Action("c1")
		undo := Apply(t, w.Actuator, on)
		p := plan(t, w.Actuator, on) // on.Undo is empty: nobody wrote it down
		if p.Undo != undo || !p.Unchanged || p.Lost {
			t.Errorf("plan %+v, want undo %s", p, undo)
		}
		if w.Lasting {
			return
		}
		if err := w.Actuator.Revert(context.Background(), on); err != nil { // nor needs it to be
			t.Fatal(err)
		}
		if p := plan(t, w.Actuator, on); p.Undo != "" || p.Unchanged {
			t.Errorf("reverted, but %+v", p)
		}
	})
	t.Run("another correction is not ours", func(t *testing.T) {
		w := fresh(t)
		Apply(t, w.Actuator, w.Action("c1"))
		body := w.Body(t)
		other := w.Action("c2")
		if p, err := w.Actuator.Plan(context.Background(), other); err == nil && p.Undo != "" {
			t.Errorf("another correction claims what this one did: %+v", p)
		}
		if err := w.Actuator.Revert(context.Background(), other); err != nil {
			t.Error(err)
		}
		if got := w.Body(t); got != body {
			t.Errorf("another correction's revert changed it:\n%s\n%s", body, got)
		}
	})
	t.Run("opted out", func(t *testing.T) {
		w := fresh(t)
		w.OptOut(t)
		before := w.Body(t)
		if p := plan(t, w.Actuator, w.Action("c1")); p.OptOut == "" {
			t.Errorf("plan %+v", p)
		}
		if _, err := w.Actuator.Apply(context.Background(), w.Action("c1")); err == nil || !strings.Contains(err.Error(), "opt-out") {
			t.Errorf("applied: %v", err)
		}
		if after := w.Body(t); after != before {
			t.Errorf("written in spite of it:\n%s\n%s", before, after)
		}
	})
	t.Run("the subject is gone", func(t *testing.T) {
		w := fresh(t)
		w.Delete(t)
		on := w.Action("c1")
		if _, err := w.Actuator.Plan(context.Background(), on); !errors.Is(err, corrector.ErrGone) {
			t.Errorf("plan: %v", err)
		}
		if _, err := w.Actuator.Apply(context.Background(), on); !errors.Is(err, corrector.ErrGone) {
			t.Errorf("apply: %v", err)
		}
		if err := w.Actuator.Revert(context.Background(), on); err != nil {
			t.Errorf("revert: %v", err)
		}
	})
	t.Run("without the right to", func(t *testing.T) { denied(t, fresh(t)) })
	t.Run("somebody else takes it back", func(t *testing.T) {
		w := fresh(t)
		if w.Meddle == nil {
			t.Skip("nobody can")
		}
		on := w.Action("c1")
		on.Undo = Apply(t, w.Actuator, on)
		w.Meddle(t)
		body := w.Body(t)
		if p := plan(t, w.Actuator, on); !p.Lost || p.Undo != "" {
			t.Errorf("plan %+v", p)
		}
		if err := w.Actuator.Revert(context.Background(), on); err != nil {
			t.Error(err)
		}
		if got := w.Body(t); got != body {
			t.Errorf("what somebody else did was changed:\n%s\n%s", body, got)
		}
	})
}

func roundTrip(t *testing.T, w World) {
	before := w.Body(t)
	on := w.Action("c1")
	undo := Apply(t, w.Actuator, on)
	applied, version := w.Body(t), w.Version(t)
	if undo == "" || applied == before {
		t.Errorf("undo %q, body %s", undo, applied)
	}
	on.Undo = undo
	if p := plan(t, w.Actuator, on); p.Undo == "" || p.Lost {
		t.Errorf("planned after apply: %+v", p)
	}
	on.Undo = ""
	if again := Apply(t, w.Actuator, on); again != undo {
		t.Errorf("applied twice: %q, then %q", undo, again)
	}
	if got := w.Version(t); got != version {
		t.Errorf("applied twice, written twice:\n%s\n%s", version, got)
	}
	on.Undo = undo
	if err := w.Actuator.Revert(context.Background(), on); err != nil {
		t.Fatal(err)
	}
	reverted := w.Body(t)
	if !w.Lasting && reverted != before {
		t.Errorf("reverted is not as before:\n%s\n%s", before, reverted)
	}
	version = w.Version(t)
	if err := w.Actuator.Revert(context.Background(), on); err != nil {
		t.Errorf("reverted twice: %v", err)
	}
	if got := w.Version(t); got != version {
		t.Errorf("reverted twice, written twice:\n%s\n%s", version, got)
	}
}

func denied(t *testing.T, w World) {
	before := w.Version(t)
	_, planned := w.ReadOnly.Plan(context.Background(), w.Action("c1"))
	_, applied := w.ReadOnly.Apply(context.Background(), w.Action("c1"))
	for what, err := range map[string]error{"plan": planned, "apply": applied} {
		if err == nil || !strings.Contains(err.Error(), w.Denied[0]) || !strings.Contains(err.Error(), w.Denied[1]) {
			t.Errorf("%s: %v, want it to name %v", what, err, w.Denied)
		}
	}
	recommended := w.Action("c1")
	recommended.Mode = "recommend"
	p, err := w.ReadOnly.Plan(context.Background(), recommended)
	if err != nil || !strings.Contains(p.Text, "not tried on the API server") || p.Diff == "" {
		t.Errorf("a policy that only recommends wants no right to write: %+v, %v", p, err)
	}
	if after := w.Version(t); after != before {
		t.Errorf("written without the right to:\n%s\n%s", before, after)
	}
}
