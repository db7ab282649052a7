package api

import (
	"context"
	"time"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/forecaster"
)

// scored is how far back the outcomes of policies are counted unless asked
// otherwise.
const scored = 30 * 24 * time.Hour

// ListPolicies answers with the policies and their outcomes.
func (s *Server) ListPolicies(ctx context.Context, r gen.ListPoliciesRequestObject) (gen.ListPoliciesResponseObject, error) {
	since, err := readTime("since", r.Params.Since, s.o.Now().Add(-scored).Truncate(time.Hour))
	if err != nil {
		return nil, err
	}
	list := gen.PolicyList{Items: []gen.Policy{}}
	if s.o.Policies != nil {
		policies, err := s.o.Policies.Policies(ctx, since)
		if err != nil {
			return nil, err
		}
		list.Items = convert(policies, policyOf)
	}
	return gen.ListPolicies200JSONResponse{Body: list}, nil
}

func policyOf(p Policy) gen.Policy {
	return gen.Policy{Name: p.Name, Actuator: p.Actuator, Mode: gen.PolicyMode(p.Mode), Targets: append([]string{}, p.Targets...),
		Drifts: append([]string{}, p.Drifts...), MinRisk: p.MinRisk, Score: policyScore(p.Score)}
}

func policyScore(s forecaster.PolicyScore) gen.PolicyScore {
	tally := func(t forecaster.Tally) gen.Tally { return gen.Tally{Known: t.Known, Happened: t.Happened} }
	return gen.PolicyScore{Text: s.String(), Since: moment(s.Since), Proposed: s.Proposed, Approved: s.Approved, Applied: s.Applied, Verified: s.Verified,
		Helped: s.Helped, NotHelped: s.NotHelped, TakenBack: s.TakenBack, Failed: s.Failed, Rejected: s.Rejected, Expired: s.Expired,
		Blocked: s.Blocked, Contested: s.Contested, Waiting: s.Waiting, Acted: tally(s.Acted), Control: tally(s.Control), Left: tally(s.Left)}
}
