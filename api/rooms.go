package api

import (
	"context"
	"errors"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/shift"
)

// Forecasts are the issued forecasts. Forecast returns forecaster.ErrNotFound
// (wrapped) where there is none. Issued returns the newest first.
type Forecasts interface {
	Forecasts(ctx context.Context, q forecaster.ForecastQuery) (page []models.Forecast, next string, err error)
	Forecast(ctx context.Context, target, subject string) (models.Forecast, error)
	Issued(ctx context.Context, target, subject string, since time.Time, limit int) ([]forecaster.Outcome, error)
}

// Future answers PromQL over forecasts. Series lists what one of several
// selectors asks for, at most limit of them (0: all), and says whether there are
// more. Errors are collector.QueryErrors.
type Future interface {
	Query(ctx context.Context, expr string, at time.Time) (collector.Answer, error)
	QueryRange(ctx context.Context, expr string, w collector.Window) (collector.Answer, error)
	Series(ctx context.Context, selectors []string, from, to time.Time, limit int) (found []collector.Series, more bool, err error)
}

// Runs are the training runs, newest first, and the scores of what they made.
type Runs interface {
	Run(ctx context.Context, id string) (forecaster.Run, error)
	Runs(ctx context.Context, limit int) ([]forecaster.Run, error)
	Scorecards(ctx context.Context, target string) ([]forecaster.Scorecard, error)
}

// Corrections are the recorded corrections, newest first.
type Corrections interface {
	Corrections(ctx context.Context, q forecaster.CorrectionQuery) (page []forecaster.Correction, next string, err error)
	Correction(ctx context.Context, id string) (forecaster.Correction, error)
}

// Audit is the audit trail, oldest first; AuditOf is what of it is about one
// correction. VerifyAudit returns how many entries verify, and what is wrong with
// the one after them.
type Audit interface {
	Audit(ctx context.Context, after int64, limit int) ([]forecaster.AuditEntry, error)
	AuditOf(ctx context.Context, correction string, after int64, limit int) ([]forecaster.AuditEntry, error)
	VerifyAudit(ctx context.Context) (entries int64, err error)
}

// History answers PromQL over what was observed. The series of a target is named
// after it; the predicate of an event is 0 or 1.
type History interface {
	QueryRange(ctx context.Context, expr string, w collector.Window) (collector.Result, error)
}

// Models is the registry of models. Champion and Shadow return
// models.ErrNotFound (wrapped) where no model serves the target so.
type Models interface {
	Shadow(target string) (models.Shadow, error)
	List(target string) ([]models.Manifest, error)
	Manifest(id string) (models.Manifest, error)
	Champion(target string) (string, error)
}

// Explainer finds the past episodes that a subject is most like now.
// forecaster.ErrNotFound (wrapped) is a subject of which nothing fresh is known.
type Explainer interface {
	Explain(ctx context.Context, target string, subject collector.Subject) (forecaster.Explanation, error)
}

// Promoter changes which model serves.
type Promoter interface {
	Promote(target, id string) error
	Rollback(target string) (id string, err error)
}

// Retrainer queues a training run of one target.
type Retrainer interface {
	Enqueue(target, reason string) (forecaster.Run, error)
}

// Corrector is the one door to corrections. The same idempotency key gives the
// same correction again, and forecaster.ErrConflict where it was another
// request's. Errors that are the caller's fault are ErrInvalid.
type Corrector interface {
	Submit(ctx context.Context, r CorrectionRequest) (forecaster.Correction, error)
}

// Decider takes a person's word on a correction. Its errors are
// forecaster.ErrNotFound, and forecaster.ErrConflict where the correction's
// state does not allow it.
type Decider interface {
	Approve(ctx context.Context, id, actor, reason string) (forecaster.Correction, error)
	Reject(ctx context.Context, id, actor, reason string) (forecaster.Correction, error)
	Revert(ctx context.Context, id, actor, reason string) (forecaster.Correction, error)
}

// Acknowledger takes note of who changes back what a correction put right. Its
// errors are the Decider's.
type Acknowledger interface {
	Acknowledge(ctx context.Context, id, actor, reason string) (forecaster.Correction, error)
}

// KillSwitch stops corrections. Kill fails where a release leaves another switch
// on; its error says which.
type KillSwitch interface {
	KillSwitch() Switch
	Kill(on bool, actor, reason string) error
}

// ErrInvalid says that a request makes no sense; its text tells the client why.
var ErrInvalid = errors.New("invalid request")

// CorrectionRequest asks for a correction.
type CorrectionRequest struct {
	Policy  string
	Target  string // may be empty
	Subject collector.Subject
	Reason  string
	Key     string // idempotency key; empty: none
	Actor   string
	DryRun  bool
}

// Switch is the state of the kill switch.
type Switch struct {
	Engaged bool
	Reason  string
	Actor   string
	Changed time.Time // zero: never
}

// Shifts are the regressions and the drift that stand, or went away lately, the
// latest onset first.
type Shifts interface {
	Regressions() []shift.Regression
	Departures() []shift.Departure
}

// Drift is the last comparison of the cluster with its declared state. Its time
// is zero before the first. The findings are not changed any more.
type Drift interface {
	Last() drift.Report
}

// Episodes are the fields that were not as declared for a while, newest onset
// first, in an order that does not change.
type Episodes interface {
	Episodes(ctx context.Context, q drift.EpisodeQuery) ([]drift.Episode, error)
}

// Changes are the field-level changes of the cluster, newest first.
type Changes interface {
	Changes(ctx context.Context, q cluster.ChangeQuery) (page []cluster.Change, next string, err error)
}

// Baselines are the declared states that the cluster is compared with.
type Baselines interface {
	Baselines() []Baseline
}

// Baseline is how one declared state stands.
type Baseline struct {
	Name     string
	Source   string // git or directory
	Location string // repository or folder, without credentials
	Revision string // empty: nothing has been read yet
	Objects  int
	Revised  time.Time // when the revision was made; zero: not known
	Checked  time.Time // the last look for a newer one that succeeded; zero: none
	Err      error     // of the last look; nil: it succeeded
}

// Policies are the correction policies by name, with the outcomes of what was
// proposed since a moment.
type Policies interface {
	Policies(ctx context.Context, since time.Time) ([]Policy, error)
}

// Policy is a correction policy and how it did.
type Policy struct {
	Name     string
	Actuator string
	Mode     string   // observe, recommend, approve or auto
	Targets  []string // whose warnings it answers; empty: those that name it
	Drifts   []string // kinds of drift that it answers
	MinRisk  float64
	Score    forecaster.PolicyScore
}
