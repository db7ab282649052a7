package api

import (
	"context"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/models/shift"
)

// ListRegressions answers with the regressions of latency.
func (s *Server) ListRegressions(_ context.Context, r gen.ListRegressionsRequestObject) (gen.ListRegressionsResponseObject, error) {
	list := gen.RegressionList{Items: []gen.Regression{}}
	if s.o.Shifts != nil {
		for _, one := range s.o.Shifts.Regressions() {
			if fits(r.Params.Target, r.Params.State, one.Target, one.State) {
				list.Items = append(list.Items, regression(one))
			}
		}
	}
	return gen.ListRegressions200JSONResponse{Body: list}, nil
}

// ListShifts answers with the signals whose distribution has drifted.
func (s *Server) ListShifts(_ context.Context, r gen.ListShiftsRequestObject) (gen.ListShiftsResponseObject, error) {
	list := gen.ShiftList{Items: []gen.Shift{}}
	if s.o.Shifts != nil {
		for _, one := range s.o.Shifts.Departures() {
			if fits(r.Params.Target, r.Params.State, one.Target, one.State) {
				list.Items = append(list.Items, departure(one))
			}
		}
	}
	return gen.ListShifts200JSONResponse{Body: list}, nil
}

// fits says whether a shift is of the target and in the state asked for.
func fits(target *string, state *gen.ShiftState, of string, is shift.State) bool {
	return (target == nil || *target == of) && (state == nil || string(*state) == string(is))
}

func regression(r shift.Regression) gen.Regression {
	return gen.Regression{
		Id: r.ID, Target: r.Target, Subjects: convert(r.Subjects, subject), State: gen.ShiftState(r.State), Shape: gen.RegressionShape(r.Shape),
		Onset: r.Onset.UTC(), Detected: r.Detected.UTC(), Ended: moment(r.Ended),
		Before: number(r.Before), After: number(r.After), Effect: number(r.Effect), Lower: number(r.Lower), Upper: number(r.Upper),
		Confidence: number(r.Confidence), Follows: convert(r.Follows, change),
	}
}

func change(c shift.Change) gen.Change {
	labels := map[string]string{}
	for _, l := range c.Labels {
		labels[l.Name] = l.Value
	}
	return gen.Change{Signal: c.Signal, Labels: labels, At: c.At.UTC(), From: number(c.From), To: number(c.To), Text: c.String()}
}

func departure(d shift.Departure) gen.Shift {
	return gen.Shift{
		Target: d.Target, Subject: subject(d.Subject), State: gen.ShiftState(d.State), Kind: gen.ShiftKind(d.Kind), Why: d.Why,
		Onset: d.Onset.UTC(), Detected: d.Detected.UTC(), Ended: moment(d.Ended), Psi: number(d.PSI), UsualPsi: number(d.Usual),
		Ks: number(d.KS), P: number(d.KSP), Wasserstein: number(d.Wasserstein), Normalised: number(d.Normalised), Before: number(d.Before), After: number(d.After),
		BaselineSamples: d.BaselineN, RecentSamples: d.RecentN, LikeHours: d.LikeHours,
	}
}
