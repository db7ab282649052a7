package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/forecaster"
)

// fakePolicies are one policy, whose score says since when it was asked.
type fakePolicies struct{}

func (fakePolicies) Policies(_ context.Context, since time.Time) ([]api.Policy, error) {
	return []api.Policy{{Name: "cordon-on-remap", Actuator: "cordon", Mode: "approve", Targets: []string{"GpuRowRemap"}, MinRisk: 0.7,
		Score: forecaster.PolicyScore{Policy: "cordon-on-remap", Since: since, Proposed: 14, Approved: 9, Helped: 7, Control: forecaster.Tally{Known: 3, Happened: 2}}}}, nil
}

func TestPoliciesSayHowTheyDid(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("GET", "/policies", "")
	if !strings.Contains(string(a.body), "cordon-on-remap: 14 proposed, 9 approved, 7 helped") {
		t.Errorf("got %s", a.body)
	}
	list := decode[struct {
		Items []struct{ Score struct{ Since time.Time } }
	}](t, a)
	if got, want := list.Items[0].Score.Since, origin.Add(-30*24*time.Hour); got.Sub(want).Abs() > time.Hour {
		t.Errorf("counted since %s, want about %s", got, want)
	}
	list = decode[struct {
		Items []struct{ Score struct{ Since time.Time } }
	}](t, w.do("GET", "/policies?since=1000", ""))
	if got := list.Items[0].Score.Since; !got.Equal(time.Unix(1000, 0)) {
		t.Errorf("counted since %s", got)
	}
}

// TestCorrectionsTellTheirStory: what was judged, what it rests on and what
// became of it; what the actuator needs to undo it stays inside.
func TestCorrectionsTellTheirStory(t *testing.T) {
	c := aCorrection()
	c.Diff, c.Revision = "/spec/unschedulable: absent -> true", "7"
	c.Guards = []forecaster.GuardVerdict{{Guard: "freshness", Passed: true, Says: "newest sample 20s old"}, {Guard: "budget", Says: "2 of 2 in force"}}
	c.Drift = &forecaster.CorrectionDrift{Kinds: []string{"image"}, By: "kubectl-edit", Source: "git", Revision: "4f2c1e", Since: origin}
	c.Outcome = forecaster.CorrectionOutcome{At: origin, Verdict: forecaster.Helped, Known: true, Says: "the risk fell to 0.1"}
	w := newWorld(t, func(o *api.Options) {
		o.Corrections = fakeCorrections{one: func(context.Context, string) (forecaster.Correction, error) { return c, nil }}
	})
	a := w.do("GET", "/corrections/c1", "")
	for _, want := range []string{`"diff":"/spec/unschedulable`, `"guard":"budget","passed":false`, `"verdict":"helped"`, `"happened":false`, `"by":"kubectl-edit"`, `"revision":"7"`} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("%s is not told: %s", want, a.body)
		}
	}
	if strings.Contains(string(a.body), "a secret") {
		t.Errorf("the undo is told: %s", a.body)
	}
}

// TestAuditOfTheKillSwitch has no correction, and conforms nonetheless.
func TestAuditOfTheKillSwitch(t *testing.T) {
	w := newWorld(t, func(o *api.Options) {
		o.Audit = fakeAudit{audit: func(context.Context, int64, int) ([]forecaster.AuditEntry, error) {
			return []forecaster.AuditEntry{{Seq: 1, At: origin, Actor: "ann", Action: "kill", Correction: forecaster.Correction{Actor: "ann", Reason: "upgrade"}, Hash: "h"}}, nil
		}}
	})
	a := w.do("GET", "/audit", "")
	if text := string(a.body); !strings.Contains(text, `"reason":"upgrade"`) || strings.Contains(text, `"correction"`) {
		t.Errorf("got %s", text)
	}
}

// TestReleaseThatAnotherSwitchOutlasts is a conflict that says which one.
func TestReleaseThatAnotherSwitchOutlasts(t *testing.T) {
	w := newWorld(t, func(o *api.Options) {
		o.KillSwitch = &fakeSwitch{now: api.Switch{Engaged: true}, held: errors.New("corrections stay stopped by the ConfigMap driftcast-kill-switch")}
	})
	if a := w.do("PUT", "/kill-switch", `{"engaged":false}`); a.StatusCode != 409 || !strings.Contains(string(a.body), "driftcast-kill-switch") {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
}
