package corrector_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// TestEverySwitchIsInTheTrail: whoever throws or releases a switch, and wherever
// it lives, the audit trail says so, once.
func TestEverySwitchIsInTheTrail(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "kill")
	log, elsewhere := newMemLog(), &switchElsewhere{}
	start := func() *corrector.Corrector {
		c, err := corrector.New(corrector.Options{Log: log, Risks: &risks{}, KillFile: path, Switches: []corrector.Switch{elsewhere}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := start()
	tick := func() {
		t.Helper()
		for range 2 {
			if err := c.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	said := func(want ...string) {
		t.Helper()
		if !slices.Equal(log.notes, want) {
			t.Errorf("the trail says %q, want %q", log.notes, want)
		}
		log.notes = nil
	}
	tick()
	said() // a start that finds it off says nothing
	if err := c.Kill(true, "alice", "incident 7"); err != nil {
		t.Fatal(err)
	}
	tick()
	said("alice kill incident 7")
	c = start()
	tick()
	said("alice kill incident 7") // a new process finds it on
	if err := c.Kill(false, "bob", "over"); err != nil {
		t.Fatal(err)
	}
	tick()
	said("bob release over")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tick()
	said("file kill " + path + " is there")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	tick()
	said("file release released where it was thrown")
	elsewhere.on = true
	tick()
	said("configmap kill key kill-switch is true")
	if k := c.KillSwitch(); !c.Killed() || k.Actor != "configmap" {
		t.Errorf("%+v", k)
	}
	if err := c.Kill(false, "bob", "please"); !errors.Is(err, forecaster.ErrConflict) || !c.Killed() {
		t.Errorf("releasing what another one holds: %v", err)
	}
	elsewhere.on = false
	tick()
	said("configmap release released where it was thrown")
	c.SetStopped(true)
	tick()
	said("configuration kill corrections are stopped by configuration")
	c.SetStopped(false)
	tick()
	said("configuration release released where it was thrown")

	// What the trail cannot be told: on is on, and off is not off.
	log.broken = errBroken
	if err := c.Kill(true, "alice", "again"); !errors.Is(err, errBroken) || !c.Killed() {
		t.Errorf("thrown: %v, killed %t", err, c.Killed())
	}
	if err := c.Kill(false, "alice", "again"); !errors.Is(err, errBroken) || !c.Killed() {
		t.Errorf("released: %v, killed %t", err, c.Killed())
	}
	log.broken = nil
	tick()
	said("alice kill again")
}
