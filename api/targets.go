package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// ListTargets answers with what is forecast, by name.
func (s *Server) ListTargets(context.Context, gen.ListTargetsRequestObject) (gen.ListTargetsResponseObject, error) {
	targets := slices.Clone(s.o.Targets())
	slices.SortFunc(targets, func(a, b features.Target) int { return strings.Compare(a.Name, b.Name) })
	list := gen.TargetList{Items: []gen.Target{}}
	for _, t := range targets {
		shown, err := s.showTarget(t)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, shown)
	}
	return gen.ListTargets200JSONResponse{Body: list}, nil
}

// ReadTarget answers with one target.
func (s *Server) ReadTarget(_ context.Context, r gen.ReadTargetRequestObject) (gen.ReadTargetResponseObject, error) {
	t, ok := s.target(r.Name)
	if !ok {
		return nil, noTarget(r.Name)
	}
	shown, err := s.showTarget(t)
	if err != nil {
		return nil, err
	}
	return gen.ReadTarget200JSONResponse{Body: shown}, nil
}

func noTarget(name string) error {
	return problemf(http.StatusNotFound, "there is no target %q", name)
}

// showTarget adds to a target which model serves it.
func (s *Server) showTarget(t features.Target) (gen.Target, error) {
	champion, err := s.champion(t.Name)
	if err != nil {
		return gen.Target{}, err
	}
	shown := gen.Target{
		Name: t.Name, Group: t.Group, Type: gen.TargetKindLevel, Subject: spec(t.Subject), IntervalSeconds: seconds(t.Interval),
		Expr: t.Level, Alert: optional(t.Alert), Unit: optional(s.unit(t.Name)), Objective: objective(t), ForSeconds: seconds(t.For),
		Scale: string(t.Scale), Signals: append([]string{}, t.Signals...), Maintenance: optional(t.Maintenance),
		Warn: gen.Warn{Risk: t.Warn.Threshold()}, Correction: t.Correction, Labels: some(t.Labels), Annotations: some(t.Annotations),
		Champion: optional(champion), HorizonsSeconds: []int64{},
	}
	if t.IsEvent() {
		shown.Type, shown.Expr = gen.TargetKindEvent, t.Event
	}
	if t.Alert != "" {
		shown.Expr = `ALERTS{alertname=` + strconv.Quote(t.Alert) + `,alertstate="firing"}`
	}
	for _, h := range t.Horizons {
		shown.HorizonsSeconds = append(shown.HorizonsSeconds, seconds(h))
	}
	if b := t.Warn.Budget; b.Count > 0 {
		shown.Warn.Budget = &struct {
			Count      float64 `json:"count"`
			PerSeconds int64   `json:"perSeconds"`
		}{b.Count, seconds(b.Per)}
	}
	if within := t.Warn.Within; within > 0 {
		shown.Warn.WithinSeconds = pointer(seconds(within))
	}
	return shown, nil
}

// champion is the id of the model that serves a target; empty where none does.
func (s *Server) champion(target string) (string, error) {
	id, err := s.o.Models.Champion(target)
	if errors.Is(err, models.ErrNotFound) {
		return "", nil
	}
	return id, err
}

// ListSignals answers with what is collected, by name.
func (s *Server) ListSignals(context.Context, gen.ListSignalsRequestObject) (gen.ListSignalsResponseObject, error) {
	signals := slices.Clone(s.o.Signals())
	slices.SortFunc(signals, func(a, b collector.Signal) int { return strings.Compare(a.Name, b.Name) })
	return gen.ListSignals200JSONResponse{Body: gen.SignalList{Items: convert(signals, func(g collector.Signal) gen.Signal {
		return gen.Signal{Name: g.Name, Group: g.Group, Expr: g.Expr, IntervalSeconds: seconds(g.Interval), Subject: spec(g.Subject),
			Unit: g.Unit, Help: g.Help}
	})}}, nil
}
