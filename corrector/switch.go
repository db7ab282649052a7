package corrector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// Switch is a kill switch that lives elsewhere, such as a key of a ConfigMap.
// What cannot be asked counts as engaged.
type Switch interface {
	Engaged(ctx context.Context) (KillSwitch, error)
}

// patience is how long a switch elsewhere may take to answer.
const patience = 5 * time.Second

// engaged asks every switch; the first that is engaged tells.
func (c *Corrector) engaged(ctx context.Context) KillSwitch {
	own := c.kill.state()
	if own.Engaged {
		return own
	}
	if c.stopped.Load() {
		return byConfiguration
	}
	outer := c.askSwitches(ctx)
	c.kill.found(outer)
	if outer.Engaged {
		return outer
	}
	return own
}

var byConfiguration = KillSwitch{Engaged: true, Actor: "configuration", Reason: "corrections are stopped by configuration"}

func (c *Corrector) askSwitches(ctx context.Context) KillSwitch {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, one := range c.switches {
		k, err := one.Engaged(ctx)
		if err != nil {
			return KillSwitch{Engaged: true, Actor: "kill switch", Reason: fmt.Sprintf("it cannot be asked: %s", err)}
		}
		if k.Engaged {
			return k
		}
	}
	return KillSwitch{}
}

// killed refuses while any switch is engaged.
func (c *Corrector) killed(ctx context.Context, a *attempt) error {
	if k := c.engaged(ctx); k.Engaged {
		return refuse("thrown by %s: %s", k.Actor, k.Reason)
	}
	a.note("off")
	return nil
}

// SetStopped throws or releases the switch of the configuration; a reload does.
func (c *Corrector) SetStopped(on bool) { c.stopped.Store(on) }

// watchSwitch writes into the audit trail what was switched elsewhere than by
// Kill: the file, the configuration, a ConfigMap. The door need not be held.
func (c *Corrector) watchSwitch(ctx context.Context) error {
	k := c.engaged(ctx)
	was, ok := c.kill.written()
	if ok && was.Engaged == k.Engaged && was.Actor == k.Actor {
		return nil
	}
	if !ok && !k.Engaged {
		c.kill.write(k) // the usual start: off, as the trail says already
		return nil
	}
	actor, reason := k.Actor, k.Reason
	if !k.Engaged {
		actor, reason = was.Actor, "released where it was thrown"
	}
	return c.writeSwitch(ctx, k, actor, reason)
}

// writeSwitch appends to the trail and remembers that it did.
func (c *Corrector) writeSwitch(ctx context.Context, k KillSwitch, actor, reason string) error {
	action := "release"
	if k.Engaged {
		action = "kill"
	}
	c.logger.Warn("kill switch", slog.Bool("on", k.Engaged), slog.String("actor", actor), slog.String("reason", reason))
	if c.trail != nil {
		if _, err := c.trail.Note(ctx, actor, action, reason); err != nil {
			return fmt.Errorf("write the kill switch into the audit trail: %w", err)
		}
	}
	c.kill.write(k)
	return nil
}

// Kill throws the kill switch (on) or releases it. While it is on, every guard
// chain refuses; reverting goes on. It does not wait for a correction in flight.
// An error means that the switch is on but would not survive a restart or is not
// in the audit trail, or that it is still on because it could not be released.
func (c *Corrector) Kill(on bool, actor, reason string) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	k := KillSwitch{Engaged: on, Actor: actor, Reason: reason, Changed: c.now()}
	if on { // first of all it stops
		return errors.Join(c.kill.set(k), c.writeSwitch(ctx, k, actor, reason))
	}
	if !c.kill.state().Engaged {
		if err := c.kill.set(k); err != nil {
			return err
		}
		return c.still(ctx)
	}
	if err := c.writeSwitch(ctx, k, actor, reason); err != nil { // nothing goes on that the trail does not know of
		return err
	}
	return errors.Join(c.kill.set(k), c.still(ctx))
}

// still says that another switch is on, which releasing this one does not change.
func (c *Corrector) still(ctx context.Context) error {
	if k := c.engaged(ctx); k.Engaged {
		return fmt.Errorf("corrections stay stopped by %s (%s): release it there: %w", k.Actor, k.Reason, forecaster.ErrConflict)
	}
	return nil
}

// KillSwitch returns the state of the kill switch. What lives elsewhere is as
// it was last asked: by each turn of Run, and before each correction.
func (c *Corrector) KillSwitch() KillSwitch {
	own, outer := c.kill.state(), c.kill.outer()
	switch {
	case own.Engaged:
		return own
	case c.stopped.Load():
		return byConfiguration
	case outer.Engaged:
		return outer
	}
	return own
}

// Killed says whether the kill switch is on.
func (c *Corrector) Killed() bool { return c.KillSwitch().Engaged }
