package corrector

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/driftcast/driftcast/forecaster"
)

// judged are the states that Submit may lead to, from nothing or from one of
// the states that are judged again.
var judged = []forecaster.CorrectionState{
	forecaster.Observed, forecaster.Proposed, forecaster.Blocked, forecaster.Approved, forecaster.Unchanged,
}

// transitions says which state may follow which; "" is "not there yet". A state
// that follows itself is a new reason for the same state, or an intent recorded
// before a side effect, or what became of it.
var transitions = map[forecaster.CorrectionState][]forecaster.CorrectionState{
	"":                   judged,
	forecaster.Observed:  judged,
	forecaster.Blocked:   judged,
	forecaster.Unchanged: judged,
	forecaster.Expired:   append(slices.Clone(judged), forecaster.Expired),
	forecaster.Proposed:  {forecaster.Approved, forecaster.Rejected, forecaster.Expired},
	forecaster.Approved:  {forecaster.Approved, forecaster.Applied, forecaster.Failed, forecaster.Blocked, forecaster.Unchanged, forecaster.Reverted},
	forecaster.Applied:   {forecaster.Applied, forecaster.Verified, forecaster.Reverted},
	forecaster.Verified:  {forecaster.Verified, forecaster.Reverted},
	forecaster.Failed:    {forecaster.Failed, forecaster.Reverted},
	forecaster.Rejected:  {forecaster.Rejected},
	forecaster.Reverted:  {forecaster.Reverted},
}

// actions are what the audit trail calls arriving in a state.
var actions = map[forecaster.CorrectionState]string{
	forecaster.Observed: "observe", forecaster.Proposed: "propose", forecaster.Blocked: "block",
	forecaster.Approved: "approve", forecaster.Applied: "apply", forecaster.Verified: "verify",
	forecaster.Failed: "fail", forecaster.Reverted: "revert", forecaster.Rejected: "reject",
	forecaster.Expired: "expire", forecaster.Unchanged: "unchanged",
}

// judgedAgain says whether the same request, coming again, is judged anew.
func judgedAgain(s forecaster.CorrectionState) bool {
	return slices.Contains(transitions[s], forecaster.Proposed)
}

// move is one change of state.
type move struct {
	to     forecaster.CorrectionState
	action string // default: the state's own
	actor  string
	reason string
	aside  bool // state, reason, actor and time stay as they are: something else is noted
}

// record writes a change of state to the log, which makes it durable before it
// returns, and then to cor. On error cor is as it was.
func (c *Corrector) record(ctx context.Context, cor *forecaster.Correction, m move) error {
	if !slices.Contains(transitions[cor.State], m.to) {
		return fmt.Errorf("correction %s is %s: it cannot become %s: %w", cor.ID, cor.State, m.to, forecaster.ErrConflict)
	}
	if m.action == "" {
		m.action = actions[m.to]
	}
	next := *cor
	if !m.aside {
		next.State, next.Reason, next.Actor, next.Changed = m.to, m.reason, m.actor, c.now()
		milestone(&next, cor.State)
	}
	entry, err := c.log.Record(ctx, m.actor, m.action, next)
	if err != nil {
		return fmt.Errorf("record %s of correction %s: %w", m.action, cor.ID, err)
	}
	next.Version = entry.Correction.Version
	*cor = next
	c.metrics.actions.WithLabelValues(cor.Policy, m.action).Inc()
	c.logger.LogAttrs(ctx, slog.LevelInfo, "correction", slog.String("id", cor.ID), slog.String("action", m.action),
		slog.String("state", string(cor.State)), slog.String("policy", cor.Policy), slog.String("subject", cor.Subject.String()),
		slog.String("target", cor.Target), slog.String("actor", m.actor), slog.String("reason", m.reason))
	return nil
}

// milestone dates what a correction arrives at. Intents change no state.
func milestone(c *forecaster.Correction, from forecaster.CorrectionState) {
	if c.State == from {
		return
	}
	switch c.State {
	case forecaster.Approved:
		c.Approved = c.Changed
	case forecaster.Applied:
		c.Applied = c.Changed
	case forecaster.Verified:
		c.Verified = c.Changed
	case forecaster.Reverted:
		c.Ended = c.Changed
	}
}
