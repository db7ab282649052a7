package collector

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds are the kinds of subject that a forecast can be about.
var Kinds = []string{"node", "gpu", "workload", "service", "queue"}

// Subject is what a forecast is about. Subjects are comparable and may be used
// as map keys. The zero Subject is not valid.
type Subject struct {
	Kind      string `json:"kind" yaml:"kind"`
	Namespace string `json:"namespace,omitempty" yaml:"namespace,omitempty"`
	Name      string `json:"name" yaml:"name"`
}

// String returns kind/name, or kind/namespace/name for namespaced subjects.
func (s Subject) String() string {
	if s.Namespace == "" {
		return s.Kind + "/" + s.Name
	}
	return s.Kind + "/" + s.Namespace + "/" + s.Name
}

// ParseSubject reads what String writes.
func ParseSubject(text string) (Subject, error) {
	parts := strings.SplitN(text, "/", 3)
	if len(parts) < 2 || slices.Contains(parts, "") {
		return Subject{}, fmt.Errorf("subject %q: want kind/name or kind/namespace/name", text)
	}
	if !slices.Contains(Kinds, parts[0]) {
		return Subject{}, fmt.Errorf("subject %q: unknown kind %q, want one of %s", text, parts[0], strings.Join(Kinds, ", "))
	}
	if len(parts) == 2 {
		return Subject{Kind: parts[0], Name: parts[1]}, nil
	}
	return Subject{Kind: parts[0], Namespace: parts[1], Name: parts[2]}, nil
}

// SubjectSpec says which labels of a series name its subject: the label
// "namespace" becomes the namespace, the values of the others, joined by ":" in
// the order given, become the name.
type SubjectSpec struct {
	Kind   string   `json:"kind" yaml:"kind"`
	Labels []string `json:"labels" yaml:"labels"`
}

// Subject names the subject of a series; ok is false where one of the labels is
// missing from the series.
func (s SubjectSpec) Subject(l Labels) (sub Subject, ok bool) {
	sub.Kind = s.Kind
	for _, name := range s.Labels {
		value := l.Value(name)
		switch {
		case value == "":
			return Subject{}, false
		case name == "namespace":
			sub.Namespace = value
		case sub.Name == "":
			sub.Name = value
		default:
			sub.Name += ":" + value
		}
	}
	if sub.Name == "" { // only a namespace label, or no labels at all
		sub.Name, sub.Namespace = sub.Namespace, ""
	}
	if sub.Name == "" {
		sub.Name = "all"
	}
	return sub, true
}
