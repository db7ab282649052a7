package forecaster

import (
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/models"
)

// Warning is a risk over its target's threshold. Its identity is target and
// subject: a warning that is sent again is the same warning.
type Warning struct {
	Target      string
	Subject     collector.Subject
	Horizon     time.Duration // the shortest horizon whose risk is over the threshold
	Risk        float64
	Threshold   float64
	Lead        time.Duration // median time to the breach where the path tells it, else 0
	Drivers     []models.Driver
	Labels      map[string]string
	Annotations map[string]string
	Correction  string // the policy that the target asks for; may be empty
	Origin      time.Time
	StartsAt    time.Time // when this warning was first raised
	Fresh       time.Time // the newest sample behind it
	Resolved    bool      // the risk has fallen under the threshold again
}

// Outcome is what really happened to one issued forecast once its horizon had
// passed.
type Outcome struct {
	Target   string
	Subject  collector.Subject
	Model    string
	Origin   time.Time
	Horizon  time.Duration
	Median   float64   // of a level at the horizon; NaN for events
	Lower    float64   // 0.1 quantile
	Upper    float64   // 0.9 quantile
	Risk     float64   // NaN where none was issued
	Naive    float64   // what the naive model would have said (level), or the base rate
	Actual   float64   // the level; NaN is unknown or an event
	Happened float64   // 1, 0, or NaN where unknown or censored
	Warned   bool      // the risk was over its target's threshold
	Began    time.Time // when the event or breach began; zero where it did not, or unknown
	Matured  time.Time // zero: the horizon has not passed yet, what happened is unknown
}

// Scorecard is the running score of a target's issued forecasts at one horizon.
type Scorecard struct {
	Target        string
	Horizon       time.Duration
	Model         string
	Forecasts     int     // matured
	Skill         float64 // 1 − error ÷ naive's error; pinball of the median for levels, Brier for events; NaN where naive never errs
	Coverage      float64 // share of actuals within 0.1…0.9; NaN for events
	Brier         float64
	BaseRate      float64
	FalsePerWeek  float64 // false warnings per subject-week
	LeadSeconds   float64 // median lead of true warnings; NaN where none
	Precision     float64
	Recall        float64
	From, Through time.Time
}

// RunState is the state of a training run.
type RunState string

// The states of a run.
const (
	RunQueued   RunState = "queued"
	RunRunning  RunState = "running"
	RunPromoted RunState = "promoted" // a challenger became champion
	RunKept     RunState = "kept"     // the champion stays
	RunFailed   RunState = "failed"
)

// Run is one training of one target.
type Run struct {
	ID        string
	Target    string
	State     RunState
	Reason    string // schedule, api, cli, decay, startup, schema
	Seed      uint64
	Progress  float64 // 0…1
	Stage     string  // collect, extract, fit, backtest, register, promote
	Message   string  // why it was kept, promoted or failed
	Champion  string  // registry ids, after the run
	Candidate string
	Started   time.Time
	Finished  time.Time
}

// CorrectionState is where a correction stands.
type CorrectionState string

// The states of a correction.
const (
	Observed  CorrectionState = "observed"  // policy only observes
	Proposed  CorrectionState = "proposed"  // recommended, or waiting for approval
	Blocked   CorrectionState = "blocked"   // a guard forbade it; Reason says which
	Approved  CorrectionState = "approved"  // about to be applied
	Applied   CorrectionState = "applied"   // done, not verified yet
	Verified  CorrectionState = "verified"  // done, and the risk fell
	Failed    CorrectionState = "failed"    // the actuator said no
	Reverted  CorrectionState = "reverted"  // undone
	Rejected  CorrectionState = "rejected"  // a person said no
	Expired   CorrectionState = "expired"   // nobody answered in time
	Unchanged CorrectionState = "unchanged" // the subject was in the wanted state already
)

// Correction is a pre-emptive action on a subject.
type Correction struct {
	ID        string
	Policy    string
	Actuator  string
	Mode      string // observe, recommend, approve, auto
	Target    string
	Subject   collector.Subject
	Risk      float64
	Horizon   time.Duration
	State     CorrectionState
	Reason    string // why it stands where it stands
	Plan      string // what it would change, in words or as a diff
	Undo      string // what the actuator needs to undo it; opaque
	Key       string // idempotency key: the same key is never applied twice
	Actor     string // who proposed, approved, rejected or reverted last
	Proposed  time.Time
	Changed   time.Time
	ExpiresAt time.Time
}

// AuditEntry is one row of the append-only audit trail. Hash is the SHA-256
// over the previous row's hash and this row's canonical JSON.
type AuditEntry struct {
	Seq        int64
	At         time.Time
	Actor      string
	Action     string // observe, propose, unchanged, block, approve, apply, verify, fail, revert, reject, expire
	Correction Correction
	Previous   string
	Hash       string
}
