package forecaster

import (
	"fmt"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// GuardVerdict is what one guard said of a correction, with its numbers.
type GuardVerdict struct {
	Guard  string `json:"guard"`
	Passed bool   `json:"passed"`
	Says   string `json:"says"` // why, or what was compared
}

// CorrectionDrift is the drift that a correction rests on.
type CorrectionDrift struct {
	Kinds    []string  `json:"kinds"`              // image, spec, replicas, …
	Paths    []string  `json:"paths,omitempty"`    // JSON pointers of the fields
	By       string    `json:"by,omitempty"`       // field manager that made the live values; empty: not known
	Source   string    `json:"source,omitempty"`   // what declared the state: git, apply, pool, …
	Revision string    `json:"revision,omitempty"` // of the declared state
	Since    time.Time `json:"since"`
}

// OutcomeVerdict says in a word what became of a corrected, or uncorrected, subject.
type OutcomeVerdict string

// The verdicts. The first three are of corrections that were applied, the next
// two of those that were not (control group, rejected, expired, observed, failed).
const (
	Helped       OutcomeVerdict = "helped"       // the risk fell or the event did not happen; the drift is gone
	NotHelped    OutcomeVerdict = "not-helped"   // it happened all the same, or the drift came back
	TakenBack    OutcomeVerdict = "taken-back"   // reverted before its horizon had passed, and not verified before
	Happened     OutcomeVerdict = "happened"     // nothing was done, and it happened
	Spared       OutcomeVerdict = "spared"       // nothing was done, and it did not happen
	Inconclusive OutcomeVerdict = "inconclusive" // what happened is not known
)

// CorrectionOutcome is what became of the subject of a correction once its
// horizon had passed since it was applied, or, where nothing was done, proposed.
type CorrectionOutcome struct {
	At       time.Time      `json:"at"` // when it was judged; zero: not yet
	Verdict  OutcomeVerdict `json:"verdict"`
	Known    bool           `json:"known"`    // whether the event happened is known
	Happened bool           `json:"happened"` // the event happened within the horizon, or the drift was there at its end
	Says     string         `json:"says"`     // in words
}

// AwaitsOutcome says whether a correction's outcome is still to be judged.
// Blocked and unchanged ones have none; what is open gets one later.
func (c Correction) AwaitsOutcome() bool {
	switch c.State {
	case Observed, Applied, Verified, Reverted, Failed, Rejected, Expired:
		return c.Outcome.At.IsZero()
	}
	return false
}

// Holds says whether a correction acts on its object, may do so, or holds it out
// of service although it is verified.
func (c Correction) Holds() bool {
	switch c.State {
	case Approved, Applied:
		return true
	case Verified:
		return c.Undo != "" && c.OutOfService
	}
	return false
}

// ActedWithin says whether a correction acted on its object at any time from
// from to to: while it was being applied, was in place, or was undone. One that
// cannot be undone (a restart, a webhook) acted when it was applied.
func (c Correction) ActedWithin(from, to time.Time) bool {
	began, ended := c.Applied, c.Ended
	if began.IsZero() {
		began = c.Approved
	}
	switch c.State {
	case Approved:
		return !c.Changed.After(to)
	case Failed: // half way, perhaps
		ended = c.Changed
	case Applied, Verified:
		if began.IsZero() { // from before there was Applied
			began = c.Proposed
		}
		if c.Undo != "" {
			return !began.After(to)
		}
		ended = began
	case Reverted:
		if began.IsZero() {
			began = c.Proposed
		}
		if ended.IsZero() {
			ended = c.Changed
		}
	default:
		return false
	}
	return !began.After(to) && !ended.Before(from)
}

// ObjectOf names what a correction of a subject acts on: a GPU's is its node
// (its name begins with the node's), any other's is the subject itself.
func ObjectOf(s collector.Subject) string {
	if s.Kind == "gpu" {
		node, _, _ := strings.Cut(s.Name, ":")
		return collector.Subject{Kind: "node", Name: node}.String()
	}
	return s.String()
}

// Tally counts subjects whose outcome is known.
type Tally struct {
	Known    int `json:"known"`
	Happened int `json:"happened"`
}

// PolicyScore is how the corrections of one policy came out.
type PolicyScore struct {
	Policy    string    `json:"policy"`
	Since     time.Time `json:"since"`    // corrections proposed from then on are counted
	Proposed  int       `json:"proposed"` // that the guards let pass
	Approved  int       `json:"approved"` // by a person, or by the mode auto
	Applied   int       `json:"applied"`
	Verified  int       `json:"verified"` // the risk fell or the drift went
	Helped    int       `json:"helped"`
	NotHelped int       `json:"notHelped"`
	TakenBack int       `json:"takenBack"`
	Failed    int       `json:"failed"`
	Rejected  int       `json:"rejected"`
	Expired   int       `json:"expired"`
	Blocked   int       `json:"blocked"` // that stand blocked
	Contested int       `json:"contested"`
	Waiting   int       `json:"waiting"` // whose outcome is not known yet
	Acted     Tally     `json:"acted"`   // the event, where a correction was applied
	Control   Tally     `json:"control"` // in the control group
	Left      Tally     `json:"left"`    // not corrected for another reason: rejected, expired, observed, failed
}

// String is the score in a line: "cordon: 14 proposed, 9 approved, 7 helped;
// without action (control, n=3): 2 happened".
func (s PolicyScore) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d proposed, %d approved, %d helped", s.Policy, s.Proposed, s.Approved, s.Helped)
	for _, more := range []struct {
		n    int
		what string
	}{{s.NotHelped, "did not help"}, {s.TakenBack, "taken back"}, {s.Failed, "failed"}, {s.Contested, "contested"}} {
		if more.n > 0 {
			fmt.Fprintf(&b, ", %d %s", more.n, more.what)
		}
	}
	if s.Control.Known > 0 {
		fmt.Fprintf(&b, "; without action (control, n=%d): %d happened", s.Control.Known, s.Control.Happened)
	}
	if s.Left.Known > 0 {
		fmt.Fprintf(&b, "; left alone (n=%d): %d happened", s.Left.Known, s.Left.Happened)
	}
	return b.String()
}
