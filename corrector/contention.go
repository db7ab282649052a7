package corrector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// uncontested stops where somebody fights back: a correction of the object was
// undone by others before its horizon had passed, or the drift that one put
// right has come back within the policy's contention. Doing it again would make two controllers take turns for ever. It lasts until a person
// takes note (Acknowledge), or for the policy's contention.
func (c *Corrector) uncontested(_ context.Context, a *attempt) error {
	for _, p := range a.past {
		if p.ID == a.ID || !p.Acknowledged.IsZero() {
			continue
		}
		who, at := p.Contested, p.Ended
		if at.IsZero() {
			at = p.Changed
		}
		if who == "" && returned(p, a.Drift) && a.Drift.Since.Sub(p.Applied) < time.Duration(a.policy.Contention) {
			who, at = cmp.Or(a.Drift.By, "somebody"), a.Drift.Since
		}
		if who == "" {
			continue
		}
		since := c.now().Sub(at)
		if left := time.Duration(a.policy.Contention) - since; left > 0 {
			return refuse("%s fights back against correction %s (%s) since %s; acknowledge it to go on (driftcast corrections acknowledge %s), or wait %s",
				who, p.ID, p.Actuator, at.UTC().Format(time.RFC3339), p.ID, left.Round(time.Second))
		}
	}
	return nil
}

// returned says whether a drift is one that a correction had put right, come
// back: of the same kind, on a field of the same path, and begun afterwards.
func returned(p forecaster.Correction, now *Drift) bool {
	if now == nil || p.Drift == nil || p.Applied.IsZero() || !now.Since.After(p.Applied) {
		return false
	}
	if len(now.Paths) > 0 && len(p.Drift.Paths) > 0 {
		return slices.ContainsFunc(now.Paths, func(path string) bool { return slices.Contains(p.Drift.Paths, path) })
	}
	return slices.ContainsFunc(now.Kinds, func(kind string) bool { return slices.Contains(p.Drift.Kinds, kind) })
}

// Acknowledge lets a person take note of who fights back against a correction
// (or, named by a blocked one, against those before it on its object), so that
// its object may be corrected again. Errors: forecaster.ErrNotFound;
// forecaster.ErrConflict where nothing is to be taken note of.
func (c *Corrector) Acknowledge(ctx context.Context, id, actor, reason string) (forecaster.Correction, error) {
	if err := c.enter(ctx); err != nil {
		return forecaster.Correction{}, err
	}
	defer c.leave()
	cor, err := c.log.Correction(ctx, id)
	if err != nil {
		return cor, fmt.Errorf("correction %s: %w", id, err)
	}
	past, err := c.all(ctx, forecaster.CorrectionQuery{Object: forecaster.ObjectOf(cor.Subject)})
	if err != nil {
		return cor, err
	}
	noted := 0
	for _, p := range past {
		if !p.Acknowledged.IsZero() || p.Contested == "" && (p.Applied.IsZero() || p.Drift == nil) {
			continue
		}
		p.Acknowledged = c.now()
		if err := c.record(ctx, &p, move{to: p.State, action: "acknowledge", actor: actor, reason: reason, aside: true}); err != nil {
			return cor, err
		}
		noted++
		if p.ID == id {
			cor = p
		}
	}
	if noted == 0 {
		return cor, fmt.Errorf("nobody fights back against correction %s or those before it on %s: %w", id, cor.Subject, forecaster.ErrConflict)
	}
	return cor, nil
}
