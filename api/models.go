package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/models"
)

// ListModels answers with the registry, newest first. Damaged models are left
// out and logged; the others are still there to go back to.
func (s *Server) ListModels(_ context.Context, r gen.ListModelsRequestObject) (gen.ListModelsResponseObject, error) {
	list, err := s.o.Models.List(text(r.Params.Target))
	if err != nil {
		if len(list) == 0 {
			return nil, err
		}
		s.o.Logger.Warn("some models cannot be read", "err", err)
	}
	champions, shadows := map[string]string{}, map[string]string{}
	shown := gen.ModelList{Items: []gen.Model{}}
	for _, m := range list {
		if _, ok := champions[m.Target]; !ok {
			if champions[m.Target], shadows[m.Target], err = s.standing(m.Target); err != nil {
				return nil, err
			}
		}
		shown.Items = append(shown.Items, modelOf(m, champions[m.Target], shadows[m.Target]))
	}
	return gen.ListModels200JSONResponse{Body: shown}, nil
}

// ReadModel answers with one model.
func (s *Server) ReadModel(_ context.Context, r gen.ReadModelRequestObject) (gen.ReadModelResponseObject, error) {
	shown, err := s.showModel(r.Id)
	if err != nil {
		return nil, err
	}
	return gen.ReadModel200JSONResponse{Body: shown}, nil
}

func (s *Server) showModel(id string) (gen.Model, error) {
	m, err := s.o.Models.Manifest(id)
	if errors.Is(err, models.ErrNotFound) {
		return gen.Model{}, problemf(http.StatusNotFound, "there is no model %q", id)
	}
	if err != nil {
		return gen.Model{}, err
	}
	champion, shadow, err := s.standing(m.Target)
	if err != nil {
		return gen.Model{}, err
	}
	return modelOf(m, champion, shadow), nil
}

// standing tells which models serve a target, and which in shadow; empty where
// none does.
func (s *Server) standing(target string) (champion, shadow string, err error) {
	if champion, err = s.champion(target); err != nil {
		return "", "", err
	}
	held, err := s.o.Models.Shadow(target)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return "", "", err
	}
	return champion, held.ID, nil
}

// PromoteModel makes a model the champion of a target.
func (s *Server) PromoteModel(_ context.Context, r gen.PromoteModelRequestObject) (gen.PromoteModelResponseObject, error) {
	if _, ok := s.target(r.Target); !ok {
		return nil, noTarget(r.Target)
	}
	m, err := s.o.Models.Manifest(r.Body.Id)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, badField("/id", "there is no model %q", r.Body.Id)
	case err != nil:
		return nil, err
	case m.Target != r.Target:
		return nil, badField("/id", "it is a model of %s, not of %s", m.Target, r.Target)
	}
	if err := s.o.Promoter.Promote(r.Target, m.ID); err != nil {
		return nil, damaged(err)
	}
	shown, err := s.showModel(m.ID)
	if err != nil {
		return nil, err
	}
	return gen.PromoteModel200JSONResponse(shown), nil
}

// RollbackModel brings the champion of before back.
func (s *Server) RollbackModel(_ context.Context, r gen.RollbackModelRequestObject) (gen.RollbackModelResponseObject, error) {
	if _, ok := s.target(r.Target); !ok {
		return nil, noTarget(r.Target)
	}
	id, err := s.o.Promoter.Rollback(r.Target)
	if errors.Is(err, models.ErrNotFound) {
		return nil, problemf(http.StatusConflict, "%s has no earlier champion to go back to", r.Target)
	}
	if err != nil {
		return nil, err
	}
	shown, err := s.showModel(id)
	if err != nil {
		return nil, err
	}
	return gen.RollbackModel200JSONResponse(shown), nil
}

// damaged tells a model that is no longer whole from our own faults.
func damaged(err error) error {
	if errors.Is(err, models.ErrCorrupt) || errors.Is(err, models.ErrNotFound) {
		return &problem{status: http.StatusConflict, detail: fmt.Sprintf("the model cannot serve: %v", err)}
	}
	return err
}
