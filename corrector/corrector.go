package corrector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// Log keeps corrections and their audit trail.
type Log interface {
	// Record stores the correction and appends an audit entry, both durable
	// and in one transaction before it returns. What is stored must still be of
	// c's Version (0: nothing is stored yet), else it is forecaster.ErrConflict
	// (wrapped) and nothing changes; the entry has the next Version.
	Record(ctx context.Context, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error)
	// Correction returns one correction, or forecaster.ErrNotFound (wrapped).
	Correction(ctx context.Context, id string) (forecaster.Correction, error)
	// Corrections returns a page and the cursor of the next, "" at the end.
	Corrections(ctx context.Context, q forecaster.CorrectionQuery) ([]forecaster.Correction, string, error)
}

// Risks tells the newest risk of a subject.
type Risks interface {
	// Risk returns the risk at a horizon (0: the highest at any) and the time
	// of the newest sample behind it, or forecaster.ErrNotFound (wrapped).
	Risk(ctx context.Context, target string, s collector.Subject, horizon time.Duration) (risk float64, fresh time.Time, err error)
}

// Trail takes the entries of the audit trail that belong to no correction.
type Trail interface {
	// Note appends one, durable before it returns.
	Note(ctx context.Context, actor, action, reason string) (forecaster.AuditEntry, error)
}

// Options are what a Corrector needs. Log and Risks are required; what else is
// nil is not asked, and a policy that needs it is refused by its guard.
type Options struct {
	Policies  []Policy
	Actuators map[string]Actuator // by the name that policies use
	Log       Log
	Risks     Risks
	Drifts    Drifts           // of policies that answer drift
	Witnesses Witnesses        // of policies that want several sources
	Truth     Truth            // what happened, for outcomes
	Fresh     func() time.Time // when the cluster was last seen as it is; nil: no cluster is watched
	Leads     func() bool      // whether this replica may act; nil: there is no other
	Trail     Trail            // default: Log, where it is one

	Switches []Switch      // kill switches that live elsewhere
	Stopped  bool          // the configuration says stop; see SetStopped
	KillFile string        // the kill switch is on while this file is there; empty: it is kept in memory
	Interval time.Duration // between looks at what is open; default 15s
	Timeout  time.Duration // of carrying out or undoing one correction; default 30s

	Now        func() time.Time
	Elapsed    func() time.Duration // monotonic, since any moment, to see Now jump by; nil: the process's own where Now is nil, else none
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
}

// Corrector proposes, applies, verifies and reverts corrections, one at a time.
type Corrector struct {
	actuators map[string]Actuator
	log       Log
	risks     Risks
	drifts    Drifts
	witnesses Witnesses
	truth     Truth
	watched   func() time.Time
	leads     func() bool
	trail     Trail
	switches  []Switch
	stopped   atomic.Bool
	kill      killSwitch
	clock     clock
	guards    guards
	interval  time.Duration
	timeout   time.Duration
	now       func() time.Time
	logger    *slog.Logger
	metrics   *metrics

	door chan struct{} // held while a correction changes: guards and act are one step

	mu       sync.RWMutex
	policies map[string]Policy
}

// New returns a Corrector. It starts nothing; see Run.
func New(o Options) (*Corrector, error) {
	if o.Log == nil || o.Risks == nil {
		return nil, errors.New("corrector: Log and Risks are required")
	}
	policies, err := index(o.Policies, o.Actuators)
	if err != nil {
		return nil, err
	}
	c := &Corrector{
		actuators: o.Actuators, log: o.Log, risks: o.Risks, policies: policies,
		drifts: o.Drifts, witnesses: o.Witnesses, truth: o.Truth, watched: o.Fresh, leads: o.Leads, trail: o.Trail, switches: o.Switches,
		interval: cmp.Or(o.Interval, 15*time.Second), timeout: cmp.Or(o.Timeout, 30*time.Second),
		now: o.Now, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)).With("component", "corrector"),
		door: make(chan struct{}, 1),
	}
	c.clock.elapsed = o.Elapsed
	if c.now == nil {
		c.now = time.Now
		if o.Elapsed == nil {
			begun := time.Now()
			c.clock.elapsed = func() time.Duration { return time.Since(begun) }
		}
	}
	if c.trail == nil {
		c.trail, _ = o.Log.(Trail)
	}
	c.stopped.Store(o.Stopped)
	c.clock.look(c.now()) // what it was at first
	c.kill.path = o.KillFile
	c.guards = c.chain()
	if c.metrics, err = newMetrics(o.Registerer, c.Killed); err != nil {
		return nil, err
	}
	return c, nil
}

// SetPolicies replaces all policies, or none where one of them is wrong. What
// is open goes on under the new ones.
func (c *Corrector) SetPolicies(policies []Policy) error {
	byName, err := index(policies, c.actuators)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policies = byName
	return nil
}

// Policies returns a copy of the policies, defaults filled, in no order.
func (c *Corrector) Policies() []Policy {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make([]Policy, 0, len(c.policies))
	for _, p := range c.policies {
		all = append(all, p)
	}
	return all
}

func (c *Corrector) policy(name string) (Policy, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.policies[name]
	if !ok {
		return Policy{}, fmt.Errorf("correction policy %q: %w", name, forecaster.ErrNotFound)
	}
	return p, nil
}

// enter waits until no other correction is changing; leave lets the next in.
func (c *Corrector) enter(ctx context.Context) error {
	select {
	case c.door <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the correction in flight: %w", ctx.Err())
	}
}

func (c *Corrector) leave() { <-c.door }

// each visits the corrections that a query selects, newest first, until visit
// returns false.
func (c *Corrector) each(ctx context.Context, q forecaster.CorrectionQuery, visit func(forecaster.Correction) bool) error {
	q.Limit = 1000
	for {
		page, next, err := c.log.Corrections(ctx, q)
		if err != nil {
			return fmt.Errorf("list corrections: %w", err)
		}
		for _, cor := range page {
			if !visit(cor) {
				return nil
			}
		}
		if next == "" || next == q.Cursor {
			return nil
		}
		q.Cursor = next
	}
}

// all returns every correction that a query selects.
func (c *Corrector) all(ctx context.Context, q forecaster.CorrectionQuery) (all []forecaster.Correction, err error) {
	err = c.each(ctx, q, func(cor forecaster.Correction) bool {
		all = append(all, cor)
		return true
	})
	return all, err
}
