package models

import (
	"fmt"
	"time"
)

// Shadow is a challenger that serves beside the champion of a target: its
// forecasts are scored and shown to nobody.
type Shadow struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"` // when it began to serve
}

// StartShadow lets a registered model serve in shadow from a time on, in place
// of the one that does, after it has been loaded and found whole.
func (r *Registry) StartShadow(target, id string, since time.Time) error {
	_, m, err := r.Load(id)
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	if m.Target != target {
		return fmt.Errorf("shadow %s: it is a model of %s, not of %s", id, m.Target, target)
	}
	return r.change(target, func(s *standing) error {
		s.Shadow = &Shadow{ID: id, Since: since.UTC()}
		return nil
	})
}

// Shadow returns the model that serves a target in shadow; ErrNotFound
// (wrapped) where none does.
func (r *Registry) Shadow(target string) (Shadow, error) {
	s, err := r.standing(target)
	if err != nil {
		return Shadow{}, err
	}
	if s.Shadow == nil {
		return Shadow{}, fmt.Errorf("shadow of %s: %w", target, ErrNotFound)
	}
	return *s.Shadow, nil
}

// DropShadow ends the shadow of a target, if there is one; the model stays in
// the registry.
func (r *Registry) DropShadow(target string) error {
	return r.change(target, func(s *standing) error {
		s.Shadow = nil
		return nil
	})
}
