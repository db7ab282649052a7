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

// LabelsOf is the reverse of Subject: the labels that named a subject, in the
// order given. Where a name has more colons than it needs, they are taken to
// belong to the first of its labels, as in host:9100:3; where it has fewer,
// another spec named it, and labels are left out.
func (s SubjectSpec) LabelsOf(sub Subject) Labels {
	names := slices.DeleteFunc(slices.Clone(s.Labels), func(name string) bool { return name == "namespace" })
	if len(names) == 0 && len(s.Labels) > 0 {
		return Labels{{Name: "namespace", Value: sub.Name}}
	}
	var out Labels
	rest := sub.Name
	for i, name := range slices.Backward(names) {
		at := -1
		if i > 0 {
			if at = strings.LastIndexByte(rest, ':'); at < 0 {
				break
			}
		}
		out = append(out, Label{Name: name, Value: rest[at+1:]})
		rest = rest[:max(at, 0)]
	}
	if len(names) < len(s.Labels) && sub.Namespace != "" {
		out = append(out, Label{Name: "namespace", Value: sub.Namespace})
	}
	slices.Reverse(out)
	return out
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
