package corrector

import (
	"context"
	"errors"

	"github.com/driftcast/driftcast/forecaster"
)

// Actuator carries corrections out. All three methods are idempotent by the
// correction's ID, safe for concurrent use, and give up when ctx ends.
type Actuator interface {
	// Plan says what Apply would change. It only reads. ErrGone (wrapped)
	// means that the subject does not exist any more.
	Plan(ctx context.Context, a Action) (Plan, error)
	// Apply carries the correction out and returns what Revert needs to undo
	// it; empty means that it cannot be undone. Applying what this very
	// correction has done already changes nothing.
	Apply(ctx context.Context, a Action) (undo string, err error)
	// Revert undoes what this very correction changed, and nothing else.
	// Reverting what is gone or undone already is no error.
	Revert(ctx context.Context, a Action) error
}

// Action is a correction as an actuator sees it.
type Action struct {
	forecaster.Correction
	Params map[string]string // of the policy
}

// Plan is what an actuator would do to a subject, and what it found there.
type Plan struct {
	Text      string // what would change, in words
	Unchanged bool   // the subject is in the wanted state already, by whoever's hand
	OptOut    string // not empty: the subject's owner has opted out, and where
	Undo      string // not empty: this very correction is in place; what undoes it
	Begun     bool   // this very correction is half done: Apply goes on with it
	Lost      bool   // this very correction was in place, and somebody has undone it
	Pool      int    // members of the subject's pool; 0 where there is no such thing
	Out       int    // members that are out of it already, by whoever's hand

	// Diff is what the API server says the write would change, one field a line
	// ("spec.unschedulable: false → true"), secrets redacted; it comes from a
	// server-side dry run of that very write. Empty: nothing would change, or
	// the actuator writes to no API server.
	Diff       string
	Revision   string   // of a workload, what Apply would bring about: a revision's number, or a digest; empty: none
	Namespace  string   // of what is changed; empty: it is of the whole cluster
	Domain     string   // failure domain (zone, rack) of the subject; empty: unknown
	DomainPool int      // members of the pool in that domain
	DomainOut  int      // of these, out already, by whoever's hand
	By         string   // of Lost: who undid it, where the object tells (its field manager); empty: somebody
	Blocked    []string // PodDisruptionBudgets, as namespace/name, that now forbid evicting what Apply would evict
}

// ErrGone says that the subject does not exist any more.
var ErrGone = errors.New("the subject is gone")

// ErrUnfinished (wrapped) says that Apply has begun what takes longer than one
// call: the correction stays approved, and Apply is called again until it is
// done, fails, or a guard stops it. Nothing else waits in the meantime.
var ErrUnfinished = errors.New("not finished yet")

// ErrInvalid says that a request can never be right, whatever the state.
var ErrInvalid = errors.New("invalid request")
