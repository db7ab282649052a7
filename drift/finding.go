package drift

import (
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// Verdict is the outcome of comparing one object with its declared state.
type Verdict string

// The verdicts.
const (
	Synced  Verdict = "synced"
	Drifted Verdict = "drifted"
	Unknown Verdict = "unknown" // the comparison failed, or nothing is declared; Reason says why
)

// Kind is a kind of drift; the names are those of SIGNALS.md's table.
type Kind string

// The kinds of drift that are found in the desired state.
const (
	Spec        Kind = "spec"         // a field of the spec
	Image       Kind = "image"        // a container's image
	Replicas    Kind = "replicas"     // spec.replicas
	Environment Kind = "environment"  // a container's environment
	Metadata    Kind = "metadata"     // labels and annotations
	Deletion    Kind = "deletion"     // declared, and not there
	Unobserved  Kind = "unobserved"   // generation ≠ observedGeneration for 10 minutes
	VersionSkew Kind = "version-skew" // driver, CUDA, VBIOS, kubelet, runtime or kernel ≠ declared or the pool's majority
	LabelSkew   Kind = "label-skew"   // a label that the pool agrees on
	Resources   Kind = "resources"    // allocatable < capacity of an extended resource
)

// Difference is one field that is not as declared.
type Difference struct {
	Path     string    `json:"path"`               // JSON pointer, list items by their key
	Kind     Kind      `json:"kind"`               // of this field
	Declared string    `json:"declared,omitempty"` // JSON, redacted; empty: not declared, the field was added
	Live     string    `json:"live,omitempty"`     // JSON, redacted; empty: the field is absent
	Manager  string    `json:"manager,omitempty"`  // who set the live value
	Since    time.Time `json:"since"`              // when it was set, as managedFields tell, or first seen
}

// Finding is the verdict on one object.
type Finding struct {
	Object      cluster.Ref  `json:"object"`
	UID         string       `json:"uid,omitempty"`
	Verdict     Verdict      `json:"verdict"`
	Reason      string       `json:"reason,omitempty"` // of Unknown, in words with the remedy
	Source      string       `json:"source"`           // what declared it: git, directory, apply, last-applied, revision, baseline, pool
	Origin      string       `json:"origin,omitempty"` // of git and directory: name of the baseline and file
	Revision    string       `json:"revision,omitempty"`
	Confidence  float64      `json:"confidence"` // 0…1: how sure that somebody must act; Differences say why
	Differences []Difference `json:"differences,omitempty"`
	ComparedAt  time.Time    `json:"comparedAt"`
	Since       time.Time    `json:"since"`       // driftedSince; zero: not drifted
	Recurrences int          `json:"recurrences"` // onsets in the last 30 days, this one included
}

// Report is one comparison of everything.
type Report struct {
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took"`
	Objects  int           `json:"objects"`
	Calls    int           `json:"calls"` // requests made to the API server by it
	Findings []Finding     `json:"findings"`
	Problems []string      `json:"problems,omitempty"` // why it is not complete: sources and kinds that could not be read
}

// Count counts the findings of a verdict.
func (r Report) Count(v Verdict) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Verdict == v {
			n++
		}
	}
	return n
}

// Declaration is the state that somebody declared an object to have.
type Declaration struct {
	Object   cluster.Ref
	Body     []byte // canonical JSON of the fields that are declared, and no others
	Source   string
	Origin   string
	Revision string
	Manager  string // field manager that declares; empty: not known
}
