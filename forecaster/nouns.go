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
	Because     string        // where the threshold comes from, e.g. "the budget of 2/day"; empty: the target says it
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
	Target    string
	Subject   collector.Subject
	Model     string
	Shadow    bool // a challenger said it beside the champion; nobody was shown it
	Origin    time.Time
	Horizon   time.Duration
	Median    float64                        // of a level at the horizon; NaN for events
	Lower     float64                        // 0.1 quantile
	Upper     float64                        // 0.9 quantile
	Quantiles [len(models.Quantiles)]float64 // all of them; NaN for events
	Risk      float64                        // NaN where none was issued
	Naive     float64                        // what the naive model would have said (the median of a level), or the base rate
	Actual    float64                        // the level; NaN is unknown or an event
	Happened  float64                        // 1, 0, or NaN where unknown or censored
	Warned    bool                           // the risk was over its target's threshold
	Began     time.Time                      // when the event or breach began; zero where it did not, or unknown
	Matured   time.Time                      // zero: the horizon has not passed yet, what happened is unknown

	// Loss is the pinball loss of a level, averaged over Quantiles, NaiveLoss
	// that of the naive model, both in the level's own unit, and Weight what
	// makes subjects of different size comparable: 1 ÷ what the subject mostly
	// changes by from step to step. PutOutcomes adds them to the scores; they are
	// not kept by row. NaN is unknown, or an event: its loss is Brier's.
	Loss, NaiveLoss, Weight float64
}

// Turn is how all the forecasts of one origin at one horizon came out: the
// unit that decay and shadows are judged by, because forecasts of the same
// moment are not independent of each other.
type Turn struct {
	Horizon   time.Duration
	Origin    time.Time
	Model     string
	Shadow    bool
	Forecasts int     // with a loss
	Loss      float64 // sum of the weighted pinball, or of Brier's
	Naive     float64 // the same of the naive model
	Levels    int     // with a known actual
	Covered   int     // of them, within 0.1…0.9
	Events    int     // with a risk and a known outcome
	Risk      float64 // sum of risks
	Happened  int
}

// Scorecard is the running score of the issued forecasts of one model of a
// target at one horizon.
type Scorecard struct {
	Target        string
	Horizon       time.Duration
	Model         string
	Shadow        bool    // it served beside the champion
	Forecasts     int     // matured
	Skill         float64 // 1 − loss ÷ naive's; pinball over all quantiles for levels (each subject by its own size), Brier for events; NaN where naive never errs
	Pinball       float64 // mean over quantiles and forecasts, in the level's own unit; NaN for events
	Coverage      float64 // share of actuals within 0.1…0.9; NaN for events
	Brier         float64
	BaseRate      float64
	Calibration   float64       // mean |risk − share that happened| over Reliability, by forecasts; NaN without risks
	Reliability   []Reliability // ascending; bins without forecasts are left out
	FalsePerWeek  float64       // false warnings per subject-week
	LeadSeconds   float64       // median lead of true warnings; NaN where none
	Precision     float64
	Recall        float64
	From, Through time.Time
}

// Reliability is one bin of a reliability curve.
type Reliability struct {
	Risk      float64 // mean of the forecasts in it
	Happened  float64 // share of them that came true
	Forecasts int
}

// RiskBins are the upper bounds of the bins of a reliability curve, finer where
// risks are rare; a risk falls into the first bin whose bound is not below it.
var RiskBins = [10]float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1}

// RunState is the state of a training run.
type RunState string

// The states of a run.
const (
	RunQueued   RunState = "queued"
	RunRunning  RunState = "running"
	RunPromoted RunState = "promoted" // a challenger became champion
	RunShadow   RunState = "shadow"   // a challenger passed the gate and serves beside the champion for now
	RunKept     RunState = "kept"     // the champion stays
	RunFailed   RunState = "failed"
)

// Run is one training of one target.
type Run struct {
	ID        string
	Target    string
	State     RunState
	Reason    string // schedule, api, cli, startup, schema, "decay: …"
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
	Changed   time.Time // of the state
	ExpiresAt time.Time

	Version      int64             // counts what was recorded of it; the store refuses what was made from an older one
	Object       string            // what is acted on: "node/N" for the GPU N:3 too; see ObjectOf
	Drift        *CorrectionDrift  `json:",omitempty"` // what it rests on, where that is a drift and no risk
	Diff         string            `json:",omitempty"` // what the API server says would change, one field a line
	Revision     string            `json:",omitempty"` // of a workload, what it would bring about
	Namespace    string            `json:",omitempty"` // of what is changed
	Pool         string            `json:",omitempty"` // what back-off is shared by: the actuator's pool or failure domain; empty: the policy's all
	Domain       string            `json:",omitempty"` // failure domain of the subject
	OutOfService bool              `json:",omitempty"` // it takes a member out of a pool, and holds it out while Undo is there
	Control      bool              `json:",omitempty"` // kept without action, to compare with
	Guards       []GuardVerdict    `json:",omitempty"` // what each guard said when it was last judged, in their order
	Approved     time.Time         `json:",omitzero"`
	Applied      time.Time         `json:",omitzero"`
	Verified     time.Time         `json:",omitzero"`
	Ended        time.Time         `json:",omitzero"`  // reverted, by whoever
	Contested    string            `json:",omitempty"` // who undid it or brought back what it had put right
	Acknowledged time.Time         `json:",omitzero"`  // when a person took note of that
	Outcome      CorrectionOutcome `json:",omitzero"`  // once its horizon has passed
}

// AuditEntry is one row of the append-only audit trail. Hash is the SHA-256
// over the previous row's hash and this row's canonical JSON. Entries of the
// kill switch (actions kill and release) belong to no correction: of theirs only
// Actor, Reason and Changed are set.
type AuditEntry struct {
	Seq        int64
	At         time.Time
	Actor      string
	Action     string // observe, propose, unchanged, block, approve, apply, verify, fail, revert, reject, expire, outcome, acknowledge; kill, release
	Correction Correction
	Previous   string
	Hash       string
}
