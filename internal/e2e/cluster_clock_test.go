//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// days is how far a clock jumps ahead, and backHours how far back.
const (
	days      = 72 * time.Hour
	backHours = -5 * time.Hour
)

// TestClockJumps sets the clock at the moments at which that hurts. While it is in
// doubt (max_age, 10 minutes) nothing is done and nothing is given up; then the
// new time is believed. What is done is done once.
func TestClockJumps(t *testing.T) {
	c := controlPlane(t)
	minutes := func(n int) model.Duration { return model.Duration(time.Duration(n) * time.Minute) }
	for name, story := range map[string]struct {
		policy corrector.Policy
		tell   func(w *clockWorld)
	}{
		"between the proposal and a person's yes, and before it is verified": {
			corrector.Policy{Actuator: "cordon", Mode: corrector.Approve}, (*clockWorld).approveInDoubt},
		"while it is in force, and is taken back": {corrector.Policy{Actuator: "cordon", Mode: corrector.Auto}, (*clockWorld).glitch},
		"in a cool-down": {corrector.Policy{Actuator: "cordon", Mode: corrector.Auto, CoolDown: minutes(30)}, (*clockWorld).coolDown},
		"before a proposal expires": {
			corrector.Policy{Actuator: "cordon", Mode: corrector.Approve, Expires: minutes(60)}, (*clockWorld).expiry},
		"before the process that died is followed by another": {corrector.Policy{Actuator: "cordon", Mode: corrector.Auto}, (*clockWorld).death},
		"in a drain that waits for a budget": {
			corrector.Policy{Actuator: "drain", Mode: corrector.Auto, Params: map[string]string{"deadline": "240h"}}, (*clockWorld).drain},
		"in a drain, beyond its deadline": {corrector.Policy{Actuator: "drain", Mode: corrector.Auto}, (*clockWorld).deadline},
	} {
		t.Run(name, func(t *testing.T) {
			w := newClockWorld(t, c, story.policy)
			story.tell(w)
		})
	}
}

// approveInDoubt: the proposal outlives the jump, and a person's yes is put off,
// not lost. What is then applied is verified, though the clock goes back.
func (w *clockWorld) approveInDoubt() {
	cor := w.becomes("a", forecaster.Proposed, "")
	w.jump(days)
	w.is(cor.ID, 3, forecaster.Proposed, "")
	w.does(w.Approve, cor.ID, forecaster.Blocked, "clock: the clock jumped by 72h0m0s")
	w.jump(backHours)
	w.becomes("a", forecaster.Blocked, "clock: ")
	w.ends(0, map[string]string{cor.ID: "propose approve block"})

	w.pass(10 * time.Minute)
	w.becomes("a", forecaster.Proposed, "")
	w.does(w.Approve, cor.ID, forecaster.Applied, "")
	w.jump(backHours)
	w.risk = 0.1
	w.is(cor.ID, 3, forecaster.Applied, "")
	w.pass(10 * time.Minute) // believed, and by this clock it is not applied yet
	w.is(cor.ID, 3, forecaster.Applied, "")
	w.pass(-backHours + 10*time.Minute)
	w.is(cor.ID, 1, forecaster.Verified, "the risk fell from 0.90 to 0.10")
	w.does(w.Revert, cor.ID, forecaster.Reverted, "")
	w.ends(2, map[string]string{cor.ID: "propose approve block propose approve apply verify revert revert"})
}

// glitch: a clock that was wrong for a moment verifies, judges and ends nothing.
func (w *clockWorld) glitch() {
	cor := w.becomes("a", forecaster.Applied, "")
	w.risk = 0.1
	for _, by := range []time.Duration{days, -days, backHours, -backHours} {
		w.jump(by)
		w.is(cor.ID, 2, forecaster.Applied, "")
		w.becomes("a", forecaster.Applied, "")
	}
	w.pass(15 * time.Minute)
	w.is(cor.ID, 2, forecaster.Verified, "the risk fell")
	w.ends(1, map[string]string{cor.ID: "approve apply verify"})
}

// coolDown: neither a jump ahead nor one back ends it before its time.
func (w *clockWorld) coolDown() {
	a := w.becomes("a", forecaster.Applied, "")
	w.does(w.Revert, a.ID, forecaster.Reverted, "")
	b := w.becomes("b", forecaster.Blocked, "cool-down: ") // of an hour: it was of no use
	w.jump(days)
	w.becomes("b", forecaster.Blocked, "clock: ")
	w.is(b.ID, 2, forecaster.Blocked, "clock: ")
	w.jump(-days)
	w.is(b.ID, 1, forecaster.Blocked, "clock: ")
	w.pass(30 * time.Minute)
	w.becomes("b", forecaster.Blocked, "cool-down: correction "+a.ID+" was reverted 30m0s ago; 30m0s left of 1h0m0s")
	w.jump(backHours)
	w.becomes("b", forecaster.Blocked, "clock: ")
	w.pass(15 * time.Minute) // believed: what was done is yet to come
	w.becomes("b", forecaster.Blocked, "past: correction "+a.ID+" is from 4h15m0s in the future")
	w.jump(-backHours)
	w.is(b.ID, 1, forecaster.Blocked, "past: ")
	w.pass(15 * time.Minute)
	w.becomes("b", forecaster.Applied, "")
	w.ends(3, map[string]string{a.ID: "approve apply revert revert", b.ID: "block block block block block approve apply"})
}

// expiry: a proposal expires once its hour is over, and not because of a glitch.
func (w *clockWorld) expiry() {
	cor := w.becomes("a", forecaster.Proposed, "")
	w.pass(50 * time.Minute)
	for _, by := range []time.Duration{days, -days} {
		w.jump(by)
		w.is(cor.ID, 2, forecaster.Proposed, "")
	}
	w.pass(9 * time.Minute)
	w.is(cor.ID, 2, forecaster.Proposed, "")
	w.pass(2 * time.Minute)
	w.is(cor.ID, 1, forecaster.Expired, "nobody answered in time")
	if _, err := w.Approve(w.t.Context(), cor.ID, "alice", ""); !errors.Is(err, forecaster.ErrConflict) {
		w.t.Errorf("approved what has expired: %v", err)
	}
	w.ends(0, map[string]string{cor.ID: "propose expire"})
}

// death: the node was cordoned, the process died before it could write that down,
// and the clock is another when the next one starts. It knows of no jump.
func (w *clockWorld) death() {
	w.log.lose = "apply"
	if _, err := w.warn("a"); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		w.t.Fatalf("it could be written: %v", err)
	}
	list, _, err := w.log.Corrections(w.t.Context(), forecaster.CorrectionQuery{})
	if err != nil || len(list) != 1 {
		w.t.Fatalf("%d corrections, %v", len(list), err)
	}
	cor := list[0]
	w.jump(days)
	w.restart()
	w.is(cor.ID, 2, forecaster.Applied, "found applied after a restart")
	w.jump(2 * backHours)
	w.restart()
	w.is(cor.ID, 2, forecaster.Applied, "found applied after a restart")
	b := w.becomes("b", forecaster.Blocked, "past: correction "+cor.ID+" is from 10h0m0s in the future")
	w.ends(1, map[string]string{cor.ID: "approve apply", b.ID: "block"})
}

// waits begins a drain that a disruption budget holds up: what is evicted finds
// no place elsewhere.
func (w *clockWorld) waits() (cor forecaster.Correction, pods int) {
	namespace := w.c.Namespace(w.t)
	w.c.Apply(w.t, spread("pool", w.c.Kubectl(w.t, "get", "node", w.node, "-o", "jsonpath={.metadata.labels.pool}"), 6, 5), "-n", namespace)
	w.c.AwaitRollout(w.t, namespace, "serve")
	if pods = podsOn(w.t, w.c, namespace, w.node); pods < 2 {
		w.t.Fatalf("%d pods run on %s, want some to evict", pods, w.node)
	}
	w.c.Kubectl(w.t, "taint", "node", w.other, "full=yes:NoSchedule")
	eventually(w.t, 30*time.Second, "the budget allows one eviction", func() error {
		got := w.c.Kubectl(w.t, "get", "pdb", "serve", "-n", namespace, "-o", "jsonpath={.status.disruptionsAllowed}")
		if got != "1" {
			return fmt.Errorf("it allows %q", got)
		}
		return nil
	})
	return w.becomes("a", forecaster.Approved, ""), pods
}

// evictions are the requests for one, however they were answered.
func (w *clockWorld) evictions() (n int) {
	for _, one := range w.requests.list() {
		if strings.Contains(one, "/eviction ") {
			n++
		}
	}
	return n
}

// drain: it stands still while the clock is in doubt, and goes on then. Each pod
// is evicted once.
func (w *clockWorld) drain() {
	cor, pods := w.waits()
	asked := w.evictions()
	for _, by := range []time.Duration{days, backHours} {
		w.jump(by)
		w.is(cor.ID, 3, forecaster.Approved, "")
	}
	if got := w.evictions(); got != asked {
		w.t.Errorf("%d evictions were asked for while the clock was in doubt", got-asked)
	}
	w.pass(10 * time.Minute)
	w.is(cor.ID, 1, forecaster.Approved, "")
	if w.evictions() == asked {
		w.t.Error("it does not go on")
	}
	w.c.Kubectl(w.t, "taint", "node", w.other, "full-")
	eventually(w.t, 90*time.Second, "the drain is done", func() error {
		w.turn(1)
		got, err := w.log.Correction(w.t.Context(), cor.ID)
		if err == nil && got.State != forecaster.Applied {
			err = fmt.Errorf("it is %s: %s", got.State, got.Reason)
		}
		return err
	})
	if got := w.requests.done("POST /api/v1/namespaces/"); got != pods {
		w.t.Errorf("%d evictions were granted, want one of each of %d pods: %q", got, pods, w.requests.list())
	}
	w.ends(1, map[string]string{cor.ID: "approve apply"})
}

// deadline: a jump that lasts is believed, and then the drain has had its time.
// It says so, and can be taken back.
func (w *clockWorld) deadline() {
	cor, _ := w.waits()
	w.jump(days)
	w.is(cor.ID, 3, forecaster.Approved, "")
	w.pass(10 * time.Minute)
	w.is(cor.ID, 1, forecaster.Failed, "apply: drain node "+w.node+" is not done by its deadline: ")
	w.ends(1, map[string]string{cor.ID: "approve fail outcome"})
	w.does(w.Revert, cor.ID, forecaster.Reverted, "")
	w.ends(2, map[string]string{cor.ID: "approve fail outcome revert revert"})
}
