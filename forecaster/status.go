package forecaster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Status is how the loop is doing.
type Status struct {
	Degraded       bool
	Problems       []string // in words; empty when all is well
	LastStep       time.Time
	LastError      string    // of the last step
	NextRetraining time.Time // zero: not known before the first step of Run
	Targets        []TargetStatus
}

// TargetStatus is how one target is doing.
type TargetStatus struct {
	Target     string
	Subjects   int       // seen in the last step
	Forecasts  int       // made in the last step
	Warnings   int       // active
	Suppressed int       // over the threshold but over the budget too, in the last step
	Withheld   int       // over the threshold but on stale samples, in the last step
	LastStep   time.Time // that succeeded
	Fresh      time.Time // newest sample; zero: none
	Model      string    // a registry id, or the name of the naive model
	Shadow     string    // a registry id; empty where no challenger is tried
	Threshold  float64   // the risk from which it warns
	Because    string    // where that comes from, e.g. "the budget of 2/day"; empty: the target says it
	Problem    string    // empty where all is well
	Error      string    // of the last step
}

// Status tells how the loop is doing. It is degraded while a target cannot be
// forecast as it should be: no or stale samples, an error, no readable champion.
// One of a built-in pack that is still gathering history is well.
func (f *Forecaster) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Status{LastStep: f.last, NextRetraining: f.retrain}
	if f.err != nil {
		out.LastError = f.err.Error()
	}
	if f.collect != nil {
		out.Problems = append(out.Problems, f.collect.Error())
	}
	for i := range f.targets {
		s := f.states[f.targets[i].Name].status
		out.Targets = append(out.Targets, s)
		switch {
		case s.Error != "":
			out.Problems = append(out.Problems, s.Error)
		case s.Problem != "" && !f.states[s.Target].waits:
			out.Problems = append(out.Problems, s.Target+": "+s.Problem)
		}
	}
	if len(out.Problems) == 0 && f.err != nil {
		out.Problems = append(out.Problems, f.err.Error())
	}
	out.Degraded = len(out.Problems) > 0
	return out
}

// conclude keeps what a step has said of a target, or why it said nothing.
func (f *Forecaster) conclude(t *features.Target, s *state, said said, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	f.metrics.forecast(t.Name, said.made, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	st := &s.status
	st.Error, s.waits = "", f.o.Optional && errors.Is(err, models.ErrTooFewRows)
	if err != nil {
		st.Error = err.Error()
		switch {
		case errors.Is(err, errClock):
			st.Error, st.Problem = "", err.Error()
		case errors.Is(err, models.ErrTooFewRows):
			st.Error, st.Problem = "", "waiting for history: "+err.Error()
		}
		return
	}
	s.forecasts = said.subjects
	st.Subjects, st.Forecasts, st.Model, st.LastStep = len(said.subjects), said.made, said.model, said.origin
	st.Shadow = said.shadow.id
	for _, a := range said.subjects {
		if a.fresh.After(st.Fresh) {
			st.Fresh = a.fresh
		}
	}
	st.Problem = said.problem
	switch age := said.origin.Sub(st.Fresh); {
	case st.Fresh.IsZero():
		st.Problem = "no samples; does its expression return series, and does the collector run?"
	case age > tolerance(t):
		st.Problem = fmt.Sprintf("the newest sample is %s old: warnings and corrections are withheld", short(age.Truncate(time.Second)))
	}
	f.o.Events(Event{Kind: StepDone, At: said.origin, Target: t.Name, Forecasts: said.made, Warnings: st.Warnings})
}
