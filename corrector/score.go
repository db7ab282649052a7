package corrector

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// Scores say how the corrections that were proposed since a time came out, one
// score a policy, by name: policies that nobody configures any more too, where
// they left something.
func (c *Corrector) Scores(ctx context.Context, since time.Time) ([]forecaster.PolicyScore, error) {
	byName := map[string]*forecaster.PolicyScore{}
	for _, p := range c.Policies() {
		byName[p.Name] = &forecaster.PolicyScore{Policy: p.Name, Since: since}
	}
	err := c.each(ctx, forecaster.CorrectionQuery{}, func(cor forecaster.Correction) bool {
		if cor.Proposed.Before(since) {
			return false // newest first: the rest is older
		}
		s, ok := byName[cor.Policy]
		if !ok {
			s = &forecaster.PolicyScore{Policy: cor.Policy, Since: since}
			byName[cor.Policy] = s
		}
		count(s, cor)
		return true
	})
	if err != nil {
		return nil, err
	}
	scores := make([]forecaster.PolicyScore, 0, len(byName))
	for _, s := range byName {
		scores = append(scores, *s)
	}
	slices.SortFunc(scores, func(a, b forecaster.PolicyScore) int { return strings.Compare(a.Policy, b.Policy) })
	return scores, nil
}

// count adds one correction to its policy's score.
func count(s *forecaster.PolicyScore, cor forecaster.Correction) {
	one := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	applied := !cor.Applied.IsZero()
	asked := cor.State != forecaster.Observed && cor.State != forecaster.Blocked && cor.State != forecaster.Unchanged
	one(&s.Proposed, asked || !cor.ExpiresAt.IsZero() || !cor.Approved.IsZero())
	one(&s.Approved, !cor.Approved.IsZero())
	one(&s.Applied, applied)
	one(&s.Verified, !cor.Verified.IsZero())
	one(&s.Helped, cor.Outcome.Verdict == forecaster.Helped)
	one(&s.NotHelped, cor.Outcome.Verdict == forecaster.NotHelped)
	one(&s.TakenBack, cor.Outcome.Verdict == forecaster.TakenBack)
	one(&s.Failed, cor.State == forecaster.Failed)
	one(&s.Rejected, cor.State == forecaster.Rejected)
	one(&s.Expired, cor.State == forecaster.Expired)
	one(&s.Blocked, cor.State == forecaster.Blocked)
	one(&s.Contested, cor.Contested != "")
	one(&s.Waiting, cor.AwaitsOutcome())
	if !cor.Outcome.Known {
		return
	}
	t := map[string]*forecaster.Tally{"acted": &s.Acted, "control": &s.Control, "left": &s.Left}[group(cor)]
	t.Known++
	one(&t.Happened, cor.Outcome.Happened)
}
