package api

import (
	"context"
	"net/http"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/forecaster"
)

// ListScorecards answers with how forecasts came out.
func (s *Server) ListScorecards(ctx context.Context, r gen.ListScorecardsRequestObject) (gen.ListScorecardsResponseObject, error) {
	list, err := s.o.Runs.Scorecards(ctx, text(r.Params.Target))
	if err != nil {
		return nil, err
	}
	return gen.ListScorecards200JSONResponse{Body: gen.ScorecardList{Items: convert(list, scorecard)}}, nil
}

// ListRetrainings answers with the newest runs.
func (s *Server) ListRetrainings(ctx context.Context, r gen.ListRetrainingsRequestObject) (gen.ListRetrainingsResponseObject, error) {
	limit := 100
	if r.Params.Limit != nil {
		limit = *r.Params.Limit
	}
	list, err := s.o.Runs.Runs(ctx, limit)
	if err != nil {
		return nil, err
	}
	return gen.ListRetrainings200JSONResponse(gen.RunList{Items: convert(list, run)}), nil
}

// ReadRetraining answers with one run.
func (s *Server) ReadRetraining(ctx context.Context, r gen.ReadRetrainingRequestObject) (gen.ReadRetrainingResponseObject, error) {
	found, err := s.o.Runs.Run(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return gen.ReadRetraining200JSONResponse(run(found)), nil
}

// StartRetraining queues a run of one target, or of each.
func (s *Server) StartRetraining(_ context.Context, r gen.StartRetrainingRequestObject) (gen.StartRetrainingResponseObject, error) {
	var names []string
	if name := text(r.Body.Target); name != "" {
		if _, ok := s.target(name); !ok {
			return nil, badField("/target", "there is no target %q", name)
		}
		names = []string{name}
	} else {
		for _, t := range s.o.Targets() {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil, problemf(http.StatusConflict, "there are no targets to train")
	}
	var runs []forecaster.Run
	for _, name := range names {
		queued, err := s.o.Retrainer.Enqueue(name, "api")
		if err != nil {
			return nil, err
		}
		runs = append(runs, queued)
	}
	location := s.location("/retrainings")
	if len(runs) == 1 {
		location = s.location("/retrainings/%s", runs[0].ID)
	}
	return gen.StartRetraining202JSONResponse{Body: gen.RunList{Items: convert(runs, run)},
		Headers: gen.StartRetraining202ResponseHeaders{Location: location}}, nil
}
