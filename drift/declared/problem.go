package declared

import (
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// Problem is something in a source that could not be read. What it may have
// declared is Unknown until it can be.
type Problem struct {
	File     string      `json:"file,omitempty"`     // below the source's root
	Line     int         `json:"line,omitempty"`     // 1-based; 0: the whole file
	Document int         `json:"document,omitempty"` // 1-based, in the file; 0: the whole file
	Field    string      `json:"field,omitempty"`    // such as metadata.name
	Message  string      `json:"message"`
	Remedy   string      `json:"remedy,omitempty"`
	Object   cluster.Ref `json:"object,omitzero"` // as far as it could be read

	scope bool // the kind's scope was not known: the cluster may know it by now
}

// Error returns file:line: document n: field: message (remedy).
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Document > 0 {
		fmt.Fprintf(&b, "document %d: ", p.Document)
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	if p.Remedy != "" {
		b.WriteString(" (" + p.Remedy + ")")
	}
	return b.String()
}
