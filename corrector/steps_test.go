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

// errDead is what everything answers to a process that is dead: nothing that it
// does has any effect.
var errDead = errors.New("this process is dead")

// steps counts what a process writes and asks; from one of them on it is dead.
type steps struct{ n, last int }

func (s *steps) dead() bool {
	s.n++
	return s.last > 0 && s.n >= s.last
}

// stepLog and stepCluster are the log and the cluster as that process sees them.
type stepLog struct {
	*memLog
	*steps
}

func (l stepLog) Record(ctx context.Context, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error) {
	if l.dead() {
		return forecaster.AuditEntry{}, errDead
	}
	entry, err := l.memLog.Record(ctx, actor, action, c)
	if l.dead() {
		return forecaster.AuditEntry{}, errDead
	}
	return entry, err
}

type stepCluster struct {
	*cluster
	*steps
}

func (c stepCluster) Plan(ctx context.Context, a corrector.Action) (corrector.Plan, error) {
	if c.dead() {
		return corrector.Plan{}, errDead
	}
	return c.cluster.Plan(ctx, a)
}

func (c stepCluster) Apply(ctx context.Context, a corrector.Action) (string, error) {
	if c.dead() {
		return "", errDead
	}
	undo, err := c.cluster.Apply(ctx, a)
	if c.dead() {
		return "", errDead
	}
	return undo, err
}

func (c stepCluster) Revert(ctx context.Context, a corrector.Action) error {
	if c.dead() {
		return errDead
	}
	err := c.cluster.Revert(ctx, a)
	if c.dead() {
		return errDead
	}
	return err
}

// fallingRisk is 0.9 in the first ten minutes, and 0.1 from then on.
type fallingRisk struct{ at *time.Time }

func (r fallingRisk) Risk(context.Context, string, collector.Subject, time.Duration) (float64, time.Time, error) {
	if r.at.Sub(start) < 10*time.Minute {
		return 0.9, *r.at, nil
	}
	return 0.1, *r.at, nil
}

// process is a corrector with every guard switched on, which dies at a step.
func process(t *testing.T, log *memLog, on *cluster, last int, at *time.Time) (*corrector.Corrector, *steps) {
	t.Helper()
	s := &steps{last: last}
	now := func() time.Time { return *at }
	c, err := corrector.New(corrector.Options{
		Policies: []corrector.Policy{{Name: "p", Actuator: "cordon", Mode: corrector.Auto, Sources: 2, Control: 0.1,
			Windows: []corrector.Window{{Cron: "0 0 * * *", For: hours(24)}}, Budget: corrector.Budget{Percent: 100, Domains: 1, Namespace: 1}}},
		Actuators: map[string]corrector.Actuator{"cordon": stepCluster{on, s}}, Log: stepLog{log, s}, Risks: fallingRisk{at},
		Now: now, Fresh: now, Truth: &truth{happened: map[string]bool{"n0": false}},
		Witnesses: witnesses{"node/n0": {{Source: "condition Ready", At: start}}}, Switches: []corrector.Switch{&switchElsewhere{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// life walks one correction from its request to its outcome.
func life(ctx context.Context, c *corrector.Corrector, at *time.Time) error {
	cor, err := c.Submit(ctx, stepRequest(*at))
	if err != nil {
		return err
	}
	*at = at.Add(20 * time.Minute)
	if err := c.Tick(ctx); err != nil { // verifies
		return err
	}
	if _, err := c.Revert(ctx, cor.ID, "alice", ""); err != nil {
		return err
	}
	*at = at.Add(time.Hour)
	return c.Tick(ctx) // judges the outcome
}

func stepRequest(at time.Time) corrector.Request {
	return corrector.Request{Policy: "p", Target: "NodeNotReady", Subject: node("n0"), Horizon: time.Hour, Key: "episode",
		Evidence: &corrector.Evidence{Risk: 0.9, Fresh: at}, Actor: "alice"}
}

// TestDeadAtEveryStep ends a process before and after each thing that it writes
// to the log or to the cluster, and before each that it asks. Whatever the step,
// the next process settles it from the log and the cluster alone, nothing happens
// twice, and it can be undone.
func TestDeadAtEveryStep(t *testing.T) {
	ctx := context.Background()
	last := 1
	for ; ; last++ {
		log, on, at := newMemLog(), newCluster(100), start
		c, s := process(t, log, on, last, &at)
		err := life(ctx, c, &at)
		if s.n < last {
			if err != nil {
				t.Fatal(err)
			}
			break // it got to the end: there is no such step
		}
		at = start.Add(2 * time.Minute)
		if len(log.trail) > 2 { // it was applied: later
			at = start.Add(25 * time.Minute)
		}
		c, _ = process(t, log, on, 0, &at)
		if len(log.order) == 0 { // it died before anything was on record: the request comes again
			if _, err := c.Submit(ctx, stepRequest(at)); err != nil {
				t.Errorf("step %d: the same again: %v", last, err)
			}
		}
		for range 2 {
			if err := c.Tick(ctx); err != nil {
				t.Errorf("step %d: %v", last, err)
			}
			if _, err := c.Submit(ctx, stepRequest(at)); err != nil {
				t.Errorf("step %d: the same again: %v", last, err)
			}
		}
		cor := log.byID[log.order[0]]
		if inPlace := cor.State == forecaster.Applied || cor.State == forecaster.Verified; inPlace != (on.byNode["n0"] == cor.ID) || cor.State == forecaster.Approved {
			t.Errorf("step %d: the log says %s (%s), the node is held by %q", last, cor.State, cor.Reason, on.byNode["n0"])
		}
		if len(log.order) != 1 || on.effects[cor.ID] != 1 {
			t.Errorf("step %d: %d corrections, it acted %d times", last, len(log.order), on.effects[cor.ID])
		}
		if got, err := c.Revert(ctx, cor.ID, "bob", ""); err != nil || got.State != forecaster.Reverted || on.byNode["n0"] != "" {
			t.Errorf("step %d: undoing: %s, %v", last, got.State, err)
		}
		for i, e := range log.trail { // no entry was made from an older one
			if e.Correction.Version != int64(i+1) {
				t.Errorf("step %d: entry %d is version %d", last, i, e.Correction.Version)
			}
		}
	}
	if last < 20 {
		t.Errorf("only %d steps", last-1)
	}
}

// TestTwoLeaders: one replica stands still in the middle of an approval, another
// one takes over and settles it, and the first wakes up. What it wants to write
// was made from what has moved on since, and it acts no more.
func TestTwoLeaders(t *testing.T) {
	ctx, at := context.Background(), start
	log, on := newMemLog(), newCluster(100)
	first, _ := process(t, log, on, 0, &at)
	second, _ := process(t, log, on, 0, &at)
	cor, err := first.Submit(ctx, stepRequest(at))
	if err != nil || cor.State != forecaster.Applied {
		t.Fatal(cor.State, err)
	}
	stale := cor // as the first one has it in its hands
	if _, err := second.Revert(ctx, cor.ID, "bob", ""); err != nil {
		t.Fatal(err)
	}
	stale.State = forecaster.Verified
	if _, err := log.Record(ctx, "driftcast", "verify", stale); !errors.Is(err, forecaster.ErrConflict) {
		t.Errorf("what moved on was overwritten: %v", err)
	}
	if again, err := first.Submit(ctx, stepRequest(at)); err != nil || again.State != forecaster.Reverted || on.effects[cor.ID] != 1 {
		t.Errorf("%s, %v, acted %d times", again.State, err, on.effects[cor.ID])
	}
}

// TestAnOldApprovalIsNotCarriedOut: everybody was down for hours after a person
// had approved; the approval was for then, not for now.
func TestAnOldApprovalIsNotCarriedOut(t *testing.T) {
	ctx, at := context.Background(), start
	log, on := newMemLog(), newCluster(100)
	c, s := process(t, log, on, 0, &at)
	s.last = s.n + 4 // it dies once it has asked for the plan and recorded the approval
	if _, err := c.Submit(ctx, stepRequest(at)); !errors.Is(err, errDead) {
		t.Fatal(err)
	}
	if cor := log.byID[log.order[0]]; cor.State != forecaster.Approved {
		t.Fatalf("%s: the test is about one that is approved", cor.State)
	}
	at = at.Add(61 * time.Minute)
	c, _ = process(t, log, on, 0, &at)
	if err := c.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	cor := log.byID[log.order[0]]
	if cor.State != forecaster.Blocked || !strings.HasPrefix(cor.Reason, "freshness: it was approved 1h1m0s ago") || len(on.byNode) > 0 {
		t.Errorf("%s (%s), on the nodes: %v", cor.State, cor.Reason, on.byNode)
	}
}
