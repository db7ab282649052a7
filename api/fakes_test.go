package api_test

import (
	"context"
	"slices"
	"time"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// Fakes are structs of function fields.

type fakeForecasts struct {
	list   func(context.Context, forecaster.ForecastQuery) ([]models.Forecast, string, error)
	one    func(ctx context.Context, target, subject string) (models.Forecast, error)
	issued func(ctx context.Context, target, subject string, since time.Time, limit int) ([]forecaster.Outcome, error)
}

func (f fakeForecasts) Forecasts(ctx context.Context, q forecaster.ForecastQuery) ([]models.Forecast, string, error) {
	return f.list(ctx, q)
}
func (f fakeForecasts) Forecast(ctx context.Context, target, subject string) (models.Forecast, error) {
	return f.one(ctx, target, subject)
}
func (f fakeForecasts) Issued(ctx context.Context, target, subject string, since time.Time, limit int) ([]forecaster.Outcome, error) {
	return f.issued(ctx, target, subject, since, limit)
}

type fakeRuns struct {
	run        func(context.Context, string) (forecaster.Run, error)
	runs       func(context.Context, int) ([]forecaster.Run, error)
	scorecards func(context.Context, string) ([]forecaster.Scorecard, error)
}

func (f fakeRuns) Run(ctx context.Context, id string) (forecaster.Run, error) { return f.run(ctx, id) }
func (f fakeRuns) Runs(ctx context.Context, limit int) ([]forecaster.Run, error) {
	return f.runs(ctx, limit)
}
func (f fakeRuns) Scorecards(ctx context.Context, t string) ([]forecaster.Scorecard, error) {
	return f.scorecards(ctx, t)
}

type fakeCorrections struct {
	list func(context.Context, forecaster.CorrectionQuery) ([]forecaster.Correction, string, error)
	one  func(context.Context, string) (forecaster.Correction, error)
}

func (f fakeCorrections) Corrections(ctx context.Context, q forecaster.CorrectionQuery) ([]forecaster.Correction, string, error) {
	return f.list(ctx, q)
}
func (f fakeCorrections) Correction(ctx context.Context, id string) (forecaster.Correction, error) {
	return f.one(ctx, id)
}

type fakeAudit struct {
	audit  func(ctx context.Context, after int64, limit int) ([]forecaster.AuditEntry, error)
	verify func(context.Context) (int64, error)
}

func (f fakeAudit) Audit(ctx context.Context, after int64, limit int) ([]forecaster.AuditEntry, error) {
	return f.audit(ctx, after, limit)
}
func (f fakeAudit) AuditOf(ctx context.Context, correction string, after int64, limit int) ([]forecaster.AuditEntry, error) {
	page, err := f.audit(ctx, after, limit)
	return slices.DeleteFunc(slices.Clone(page), func(e forecaster.AuditEntry) bool { return e.Correction.ID != correction }), err
}
func (f fakeAudit) VerifyAudit(ctx context.Context) (int64, error) { return f.verify(ctx) }

type fakeModels struct {
	list     func(string) ([]models.Manifest, error)
	manifest func(string) (models.Manifest, error)
	champion func(string) (string, error)
	shadow   func(string) (models.Shadow, error)
	promote  func(target, id string) error
	rollback func(target string) (string, error)
}

func (f fakeModels) List(t string) ([]models.Manifest, error)    { return f.list(t) }
func (f fakeModels) Manifest(id string) (models.Manifest, error) { return f.manifest(id) }
func (f fakeModels) Champion(t string) (string, error)           { return f.champion(t) }
func (f fakeModels) Shadow(t string) (models.Shadow, error) {
	if f.shadow == nil {
		return models.Shadow{}, models.ErrNotFound
	}
	return f.shadow(t)
}
func (f fakeModels) Promote(t, id string) error        { return f.promote(t, id) }
func (f fakeModels) Rollback(t string) (string, error) { return f.rollback(t) }

type fakeExplainer func(ctx context.Context, target string, subject collector.Subject) (forecaster.Explanation, error)

func (f fakeExplainer) Explain(ctx context.Context, target string, subject collector.Subject) (forecaster.Explanation, error) {
	return f(ctx, target, subject)
}

type fakeRetrainer func(target, reason string) (forecaster.Run, error)

func (f fakeRetrainer) Enqueue(target, reason string) (forecaster.Run, error) {
	return f(target, reason)
}

type fakeCorrector struct {
	submit func(context.Context, api.CorrectionRequest) (forecaster.Correction, error)
	decide func(verb, id, actor, reason string) (forecaster.Correction, error)
}

func (f fakeCorrector) Submit(ctx context.Context, r api.CorrectionRequest) (forecaster.Correction, error) {
	return f.submit(ctx, r)
}
func (f fakeCorrector) Approve(_ context.Context, id, actor, reason string) (forecaster.Correction, error) {
	return f.decide("approve", id, actor, reason)
}
func (f fakeCorrector) Reject(_ context.Context, id, actor, reason string) (forecaster.Correction, error) {
	return f.decide("reject", id, actor, reason)
}
func (f fakeCorrector) Revert(_ context.Context, id, actor, reason string) (forecaster.Correction, error) {
	return f.decide("revert", id, actor, reason)
}

func (f fakeCorrector) Acknowledge(_ context.Context, id, actor, reason string) (forecaster.Correction, error) {
	return f.decide("acknowledge", id, actor, reason)
}

type fakeSwitch struct {
	now  api.Switch
	held error // what another switch says when this one is released
}

func (f *fakeSwitch) KillSwitch() api.Switch { return f.now }
func (f *fakeSwitch) Kill(on bool, actor, reason string) error {
	if !on && f.held != nil {
		return f.held
	}
	f.now = api.Switch{Engaged: on, Actor: actor, Reason: reason, Changed: origin}
	return nil
}
