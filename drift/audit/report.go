package audit

import (
	"time"

	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/forecaster"
)

// Input is what a report is made of.
type Input struct {
	From, To time.Time // the period, [From, To)
	Now      time.Time // when it is made
	Location *time.Location
	// Episodes that overlap the period. Those of the 30 days before it tell
	// recurrences at its beginning; they may be left out.
	Episodes []drift.Episode
	// Trail is the audit trail of corrections, oldest first; rows outside of the
	// period only serve to follow a correction on.
	Trail []forecaster.AuditEntry
	// Verified is how many rows of the trail's hash chain verify; Broken is what
	// VerifyAudit said, empty where it is whole.
	Verified int64
	Broken   string
	// Latest is the newest comparison, for what is Unknown and for the pools of
	// nodes; nil: not at hand.
	Latest *drift.Report
	// Baselines are the declared states in force.
	Baselines []Baseline
}

// Baseline is one declared state in force.
type Baseline struct {
	Name     string    `json:"name"`
	Source   string    `json:"source"` // git or directory
	Revision string    `json:"revision"`
	Author   string    `json:"author,omitempty"`
	Time     time.Time `json:"time,omitzero"`    // of the commit
	Checked  time.Time `json:"checked,omitzero"` // the last look for a newer one that succeeded; zero: none
	Subject  string    `json:"subject,omitempty"`
	Problems int       `json:"problems"`
}

// Report is what happened in a period.
type Report struct {
	From      time.Time  `json:"from"`
	To        time.Time  `json:"to"`
	Made      time.Time  `json:"made"`
	Zone      string     `json:"zone"` // of hours, weekdays and days
	Summary   Summary    `json:"summary"`
	Days      []Day      `json:"days"`
	Week      Week       `json:"week"`
	Kinds     []Kind     `json:"kinds"`      // most drifts first
	Managers  []Group    `json:"managers"`   // who
	Places    []Group    `json:"namespaces"` // where
	Pools     []Group    `json:"pools"`      // of nodes
	Objects   []Group    `json:"objects"`    // the worst; see Summary.Objects for how many there are
	Repairers []Group    `json:"repairers"`  // who put drifts right
	Open      []Drift    `json:"open"`       // at the period's end, oldest first
	Stories   []Story    `json:"stories"`    // corrections, newest first
	Policies  []Policy   `json:"policies"`
	Unknown   Unknowns   `json:"unknown"`
	Baselines []Baseline `json:"baselines"`
}

// Summary is the report in a few numbers.
type Summary struct {
	Drifts      int      `json:"drifts"`   // with an onset in the period
	Episodes    int      `json:"episodes"` // fields of these
	Objects     int      `json:"objects"`  // that drifted
	PerWeek     float64  `json:"perWeek"`  // drifts ÷ weeks of the period
	Open        int      `json:"open"`     // at the period's end, whenever they began
	Repair      Survival `json:"repair"`   // time from onset to repair
	Return      Survival `json:"return"`   // time from a repair to the next drift of the same object
	Proposed    int      `json:"proposed"` // corrections proposed in the period, by whatever mode
	Applied     int      `json:"applied"`
	Helped      int      `json:"helped"`
	Reverted    int      `json:"reverted"`
	TrailRows   int64    `json:"trailRows"` // of the whole trail that verify
	TrailBroken string   `json:"trailBroken,omitempty"`
}

// Day is how many drifts began on a day.
type Day struct {
	Date   string `json:"date"`
	Drifts int    `json:"drifts"`
}

// Week counts onsets by weekday (Monday first) and hour.
type Week [7][24]int

// Most is the largest count of the week.
func (w Week) Most() (most int) {
	for _, day := range w {
		for _, n := range day {
			most = max(most, n)
		}
	}
	return most
}

// Kind is one kind of drift.
type Kind struct {
	Kind    drift.Kind `json:"kind"`
	Drifts  int        `json:"drifts"`
	Objects int        `json:"objects"`
	PerWeek float64    `json:"perWeek"`
	Open    int        `json:"open"`
	Repair  Survival   `json:"repair"`
	Return  Survival   `json:"return"` // until the same kind is back on the same object
}

// Group is what drifts have in common.
type Group struct {
	Name    string    `json:"name"`
	Drifts  int       `json:"drifts"`
	Objects int       `json:"objects"`
	Share   float64   `json:"share"` // of all drifts; drifts with several managers count for each
	Kinds   []string  `json:"kinds"` // most frequent first
	Last    time.Time `json:"last"`
}

// Drift is all that drifted of one object at one time.
type Drift struct {
	Object   string        `json:"object"`
	Subject  string        `json:"subject"`
	Kinds    []string      `json:"kinds"`
	Paths    []string      `json:"paths"`
	Managers []string      `json:"managers"` // who set the fields; empty: not known
	Source   string        `json:"source"`
	Revision string        `json:"revision,omitempty"`
	Since    time.Time     `json:"since"`
	Until    time.Time     `json:"until,omitzero"` // zero: it still was at the period's end
	Age      time.Duration `json:"age"`            // until repaired, or the period's end
	Repaired []string      `json:"repaired"`       // by whom; empty: not known

	episodes []drift.Episode
}

// Story is a correction from commit to outcome.
type Story struct {
	Correction string    `json:"correction"`
	Policy     string    `json:"policy"`
	Actuator   string    `json:"actuator"`
	Mode       string    `json:"mode"`
	Object     string    `json:"object"`
	Because    string    `json:"because"`            // the drift, or the forecast
	Source     string    `json:"source,omitempty"`   // what declared the state
	Revision   string    `json:"revision,omitempty"` // of the declared state: the commit
	Commit     string    `json:"commit,omitempty"`   // its subject and author, where it is in force still
	Drifted    time.Time `json:"drifted,omitzero"`
	State      string    `json:"state"`
	Steps      []Step    `json:"steps"` // of the audit trail, oldest first
	Outcome    string    `json:"outcome"`
	After      string    `json:"after,omitempty"` // what the drift did afterwards
}

// Step is one row of the audit trail.
type Step struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Reason string    `json:"reason,omitempty"`
}

// Policy is what came of a policy's corrections that were begun in the period.
type Policy struct {
	Name     string `json:"name"`
	Proposed int    `json:"proposed"`
	Applied  int    `json:"applied"`
	Helped   int    `json:"helped"`
	Not      int    `json:"notHelped"`
	Reverted int    `json:"reverted"`
	Blocked  int    `json:"blocked"`
	Failed   int    `json:"failed"`
}

// Unknowns are objects that the newest comparison could not judge.
type Unknowns struct {
	At      time.Time `json:"at,omitzero"` // zero: no comparison was at hand
	Objects int       `json:"objects"`
	Of      int       `json:"of"`
	Causes  []Cause   `json:"causes"`
}

// Cause is why objects are Unknown.
type Cause struct {
	Reason  string `json:"reason"`
	Source  string `json:"source"`
	Objects int    `json:"objects"`
	Example string `json:"example"`
}
