package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

// The rooms on the left do not know one another; what lies between them is
// here, and nothing else is.

// signalSet is what is forecast and collected, replaced as a whole by a reload.
type signalSet struct {
	grid    time.Duration          // of all of them; 0: as the files say
	tune    func(*features.Target) // nil: nothing
	mu      sync.RWMutex
	signals []collector.Signal
	list    []features.Target
}

func (s *signalSet) set(files []*features.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signals, s.list = features.Collect(files), nil
	for _, f := range files {
		for _, t := range f.Targets() {
			s.list = append(s.list, *t)
		}
	}
	if s.tune != nil {
		for i := range s.list {
			s.tune(&s.list[i])
		}
	}
	if s.grid > 0 {
		for i := range s.signals {
			s.signals[i].Interval = s.grid
		}
		for i := range s.list {
			s.list[i].Interval = s.grid
		}
	}
}

func (s *signalSet) get() []collector.Signal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.signals
}

func (s *signalSet) targets() []features.Target {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.list
}

// collecting is what the loop sees of those who collect: what went wrong, in one.
type collecting struct {
	*collector.Collector
	watching *watching // nil: no cluster is watched
}

// Collect implements forecaster.Collector. The cluster comes first: signals are
// asked of what is seen of it.
func (c collecting) Collect(ctx context.Context, now time.Time) error {
	var seen error
	if c.watching != nil {
		seen = c.watching.sample(ctx, now)
	}
	report, err := c.Collector.Collect(ctx, now)
	return errors.Join(seen, err, report.Err())
}

// risks tells the corrector the newest risk of a subject.
type risks struct {
	store   *store.Store
	history *collector.History
	targets func() []features.Target
}

// Risk implements corrector.Risks.
func (r risks) Risk(ctx context.Context, target string, subject collector.Subject, horizon time.Duration) (float64, time.Time, error) {
	f, err := r.store.Forecast(ctx, target, subject.String())
	if err != nil {
		return 0, time.Time{}, err
	}
	fresh, ok, err := r.history.Last(ctx, target)
	if err != nil || !ok {
		return 0, time.Time{}, errors.Join(err, fmt.Errorf("target %s has no samples: %w", target, forecaster.ErrNotFound))
	}
	if f.Origin.Before(fresh) {
		fresh = f.Origin
	}
	highest := math.NaN()
	if horizon == 0 { // then what the target would warn of
		var warn features.Warn
		for _, t := range r.targets() {
			if t.Name == target {
				warn = t.Warn
			}
		}
		highest = forecaster.HighestRisk(warn, f.Risks)
	}
	for _, risk := range f.Risks {
		if risk.Horizon == horizon {
			highest = risk.Probability
		}
	}
	if math.IsNaN(highest) {
		return 0, time.Time{}, fmt.Errorf("no risk of %s for %s: %w", target, subject, forecaster.ErrNotFound)
	}
	return highest, fresh, nil
}

// acted tells the forecaster when we acted on a subject.
type acted struct{ store *store.Store }

// ActedOn implements forecaster.Acted. What acts on a node acts on its GPUs too.
func (a acted) ActedOn(ctx context.Context, subject collector.Subject, from, to time.Time) (bool, error) {
	query := forecaster.CorrectionQuery{Object: forecaster.ObjectOf(subject), Acted: true, Limit: 1000}
	for {
		list, next, err := a.store.Corrections(ctx, query)
		if err != nil {
			return false, err
		}
		for _, c := range list {
			if c.ActedWithin(from, to) {
				return true, nil
			}
		}
		if query.Cursor = next; next == "" {
			return false, nil
		}
	}
}

// announced is the corrector's log, which the event stream hears of.
type announced struct {
	*store.Store
	service *service
}

// Record implements corrector.Log.
func (l announced) Record(ctx context.Context, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error) {
	entry, err := l.Store.Record(ctx, actor, action, c)
	if err == nil {
		l.service.api.PublishCorrection(c)
	}
	return entry, err
}

// ready says that the first step has ended, well or not.
func (s *service) ready() error {
	if s.forecaster.Status().LastStep.IsZero() {
		return errors.New("the first step (collect, extract, predict) has not ended yet")
	}
	return nil
}

// door is the corrector as the API sees it.
type door struct{ *corrector.Corrector }

// Submit implements api.Corrector.
func (d door) Submit(ctx context.Context, r api.CorrectionRequest) (forecaster.Correction, error) {
	c, err := d.Corrector.Submit(ctx, corrector.Request{Policy: r.Policy, Target: r.Target, Subject: r.Subject,
		Actor: r.Actor, Reason: r.Reason, DryRun: r.DryRun, Key: r.Key})
	if errors.Is(err, corrector.ErrInvalid) {
		err = fmt.Errorf("%w: %w", api.ErrInvalid, err)
	}
	return c, err
}

// killSwitch is the corrector's kill switch as the API sees it.
type killSwitch struct{ *corrector.Corrector }

// KillSwitch implements api.KillSwitch.
func (k killSwitch) KillSwitch() api.Switch {
	s := k.Corrector.KillSwitch()
	return api.Switch{Engaged: s.Engaged, Reason: s.Reason, Actor: s.Actor, Changed: s.Changed}
}

// policies are the corrector's policies and scores as the API sees them.
type policies struct{ *corrector.Corrector }

// Policies implements api.Policies.
func (p policies) Policies(ctx context.Context, since time.Time) ([]api.Policy, error) {
	scores, err := p.Scores(ctx, since)
	if err != nil {
		return nil, err
	}
	configured := map[string]corrector.Policy{}
	for _, one := range p.Corrector.Policies() {
		configured[one.Name] = one
	}
	out := make([]api.Policy, 0, len(scores))
	for _, score := range scores {
		one := configured[score.Policy]
		out = append(out, api.Policy{Name: score.Policy, Actuator: one.Actuator, Mode: string(one.Mode), Targets: one.Targets, Drifts: one.Drift, MinRisk: one.MinRisk, Score: score})
	}
	return out, nil
}
