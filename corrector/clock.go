package corrector

import (
	"context"
	"sync"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// slack is how far two clocks may be apart before they are said to differ.
const slack = time.Minute

// clock compares the wall clock with one that nobody can set. Where the wall
// clock jumps, in either direction, every age, window and budget is in doubt.
type clock struct {
	elapsed func() time.Duration // monotonic, since any moment; nil: nothing to compare with

	mu      sync.Mutex
	begun   bool
	offset  time.Duration // wall − elapsed, as seen last
	jumped  time.Duration // elapsed at the last jump
	by      time.Duration // how far
	doubted bool
}

// look returns how far the wall clock jumped last, and how long ago; ok is false
// where it never did.
func (k *clock) look(wall time.Time) (by, ago time.Duration, ok bool) {
	if k.elapsed == nil {
		return 0, 0, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	run := k.elapsed()
	offset := time.Duration(wall.UnixNano()) - run
	if jump := offset - k.offset; k.begun && (jump > slack || jump < -slack) {
		k.doubted, k.jumped, k.by = true, run, jump
	}
	k.begun, k.offset = true, offset
	return k.by, run - k.jumped, k.doubted
}

// doubt says for how much longer the time is in doubt after the clock jumped:
// until telemetry that is older than the jump cannot pass for fresh any more.
// Meanwhile nothing is done, and nothing expires, is verified or judged because
// time seems to have passed: a jump may be taken back. One that lasts is believed.
func (c *Corrector) doubt(p Policy) (by, ago, wait time.Duration) {
	by, ago, ok := c.clock.look(c.now())
	if !ok {
		return 0, 0, 0
	}
	return by, ago, max(0, time.Duration(p.MaxAge)-ago)
}

// doubted is doubt of a correction, by the defaults where its policy is gone.
func (c *Corrector) doubted(policy string) bool {
	p, _ := c.policy(policy)
	_, _, wait := c.doubt(p.WithDefaults())
	return wait > 0
}

// passed says whether a correction's time t has come: not while the time is in
// doubt, for then it may not have.
func (c *Corrector) passed(t time.Time, cor forecaster.Correction) bool {
	return !c.now().Before(t) && !c.doubted(cor.Policy)
}

// steady refuses while the time is in doubt.
func (c *Corrector) steady(_ context.Context, a *attempt) error {
	if by, ago, wait := c.doubt(a.policy); wait > 0 {
		return refuse("the clock jumped by %s, %s ago; nothing is done for %s", by.Round(time.Second), ago.Round(time.Second), wait.Round(time.Second))
	}
	return nil
}
