package drift

import (
	"context"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
)

// Episode is one field that was not as declared for a while: from the time it was
// set, or first seen so, until it was as declared again.
type Episode struct {
	Object     cluster.Ref       `json:"object"`
	Subject    collector.Subject `json:"subject"`
	Path       string            `json:"path"`
	Kind       Kind              `json:"kind"`
	Manager    string            `json:"manager,omitempty"` // who set it; empty: not known
	Source     string            `json:"source"`
	Revision   string            `json:"revision,omitempty"`
	Declared   string            `json:"declared,omitempty"` // JSON, redacted
	Live       string            `json:"live,omitempty"`     // JSON, redacted; at the onset
	Since      time.Time         `json:"since"`
	Until      time.Time         `json:"until,omitzero"`       // zero: it still is
	RepairedBy string            `json:"repairedBy,omitempty"` // manager that owns the field now; empty: not known
}

// Open says whether the drift still is.
func (e Episode) Open() bool { return e.Until.IsZero() }

// until ends the episode, no earlier than it began: the clock may have been set
// back in between.
func (e *Episode) until(now time.Time) {
	if e.Until = now; now.Before(e.Since) {
		e.Until = e.Since
	}
}

// EpisodeQuery asks for episodes; zero fields ask for everything.
type EpisodeQuery struct {
	From, To time.Time          // that overlap [From, To)
	Object   *cluster.Ref       // of this object, in any version of its kind
	Subject  *collector.Subject // of this subject
	Kind     Kind
	Open     bool // only those that still are
	Limit    int  // the newest so many; 0: all
}

// Memory keeps episodes over restarts; store.Store is one.
type Memory interface {
	// Episodes returns episodes, newest onset first.
	Episodes(ctx context.Context, q EpisodeQuery) ([]Episode, error)
	// PutEpisodes adds episodes, or replaces those of the same object, path
	// and onset. Either all are kept, or none.
	PutEpisodes(ctx context.Context, episodes []Episode) error
}

// Remembered is what an object's own managers declared when they last did: what
// managedFields no longer tell once others have taken or removed fields.
type Remembered struct {
	Object  cluster.Ref
	UID     string
	Body    []byte    // canonical JSON of the declared fields
	Manager string    // that declared last
	At      time.Time // when it declared them
	Source  string    // apply or baseline
}

// Baselines keeps remembered declarations over restarts; store.Store is one.
type Baselines interface {
	// Baselines returns all of them.
	Baselines(ctx context.Context) ([]Remembered, error)
	// PutBaselines adds or replaces some, and forgets others, by object and
	// manager. Either all of it is done, or nothing.
	PutBaselines(ctx context.Context, put, forget []Remembered) error
}
