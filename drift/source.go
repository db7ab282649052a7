package drift

import (
	"context"
	"iter"

	"github.com/driftcast/driftcast/cluster"
)

// The sources of a declaration, in order of trust.
const (
	SourceGit         = "git"
	SourceDirectory   = "directory"
	SourceApply       = "apply"        // server-side-apply managers, and tools that own what they set
	SourceLastApplied = "last-applied" // kubectl's annotation
	SourceRevision    = "revision"     // ReplicaSets and ControllerRevisions
	SourceBaseline    = "baseline"     // the object's own state at first sight
	SourcePool        = "pool"         // what most nodes of the pool agree on, or the configuration says
	SourceStatus      = "status"       // what the object's own controller reports
	SourceDryRun      = "dry-run"      // added to another source by the second tier
)

// Source knows what is declared outside the cluster.
type Source interface {
	// Declarations returns the state declared now. An error makes the objects
	// that only this source declares Unknown; it never makes them Synced.
	Declarations(ctx context.Context) ([]Declaration, error)
}

// Objects is what is live; *cluster.Observer is one.
type Objects interface {
	// Objects yields every watched object. They are never changed.
	Objects() iter.Seq[*cluster.Object]
	// Ready says why what Objects yields may not be complete; nil: it is.
	Ready() error
}
