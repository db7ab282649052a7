package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Transform turns objects as the server sends them into Objects, which are
// small, hold no secret, and share no memory with what they were made of. It is
// safe for concurrent use.
type Transform struct {
	Redactor *Redactor
	Versions map[string][]string // as Config.Versions
}

// Object makes the Object of an object. u is not changed.
func (t Transform) Object(u *unstructured.Unstructured) (*Object, error) {
	group, version := gv(u)
	o := &Object{
		Ref:             Ref{Group: group, Version: version, Kind: intern(u.GetKind()), Namespace: intern(u.GetNamespace()), Name: strings.Clone(u.GetName())},
		UID:             u.GetUID(),
		ResourceVersion: u.GetResourceVersion(),
		Generation:      u.GetGeneration(),
		Created:         u.GetCreationTimestamp().Time,
	}
	if owner := metav1.GetControllerOf(u); owner != nil {
		gv, err := schema.ParseGroupVersion(owner.APIVersion)
		if err != nil {
			return nil, fmt.Errorf("%s: its owner: %w", o.Ref, err)
		}
		o.Controller = Ref{Group: intern(gv.Group), Version: intern(gv.Version), Kind: intern(owner.Kind), Namespace: o.Namespace, Name: intern(owner.Name)}
	}
	o.Facts = t.facts(o.Ref, u)
	if thin(o) {
		return o, nil
	}
	o.Labels = interned(u.GetLabels())
	annotations := u.GetAnnotations()
	applied := annotations[lastApplied]
	delete(annotations, lastApplied) // GetAnnotations returns a copy
	delete(annotations, oldLock)
	for key, value := range annotations {
		if redacted, ok := t.Redactor.value(key, value).(string); ok {
			annotations[key] = redacted
		}
	}
	o.Annotations = interned(annotations)
	body := t.Redactor.Object(desired(u.Object))
	o.Managers = managers(u)
	var err error
	if o.Body, err = Canonical(body); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Ref, err)
	}
	if applied != "" {
		o.LastApplied = t.applied(applied)
	}
	return o, nil
}

// applied redacts a last-applied-configuration. What is no JSON object was not
// written by kubectl: nobody can say what it declares, and it might hold secrets.
func (t Transform) applied(text string) []byte {
	value, err := Decode([]byte(text))
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil
	}
	body, err := Canonical(t.Redactor.Object(object))
	if err != nil {
		return nil
	}
	return body
}

// thin says that facts are all that is kept: of Events, and of pods that a
// controller made, whose desired state is its template.
func thin(o *Object) bool {
	return o.Group == "" && (o.Kind == "Event" || o.Kind == "Pod" && o.Controller != Ref{})
}

// managers reads managedFields, oldest first.
func managers(u *unstructured.Unstructured) []Manager {
	entries := u.GetManagedFields()
	out := make([]Manager, 0, len(entries))
	for _, e := range entries {
		m := Manager{Name: intern(e.Manager), Operation: intern(string(e.Operation)), Subresource: intern(e.Subresource)}
		if e.Time != nil {
			m.Time = e.Time.Time
		}
		if e.FieldsV1 != nil {
			m.Fields = []byte(intern(e.FieldsV1.GetRawString()))
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b Manager) int { return a.Time.Compare(b.Time) })
	return out
}

func gv(u *unstructured.Unstructured) (group, version string) {
	group, version, found := strings.Cut(u.GetAPIVersion(), "/")
	if !found {
		group, version = "", group
	}
	return intern(group), intern(version)
}

// intern keeps one copy of what thousands of objects repeat.
func intern(text string) string { return unique.Make(text).Value() }

func interned(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for key, value := range in {
		out[intern(key)] = intern(value)
	}
	return out
}

// The readers below take what is there and its zero value for what is not: what
// the server sends has passed its schema, and further kinds may have any.

func text(object map[string]any, path ...string) string {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	s, _ := value.(string)
	return s
}

func number(object map[string]any, path ...string) (n int64, ok bool) {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	switch v := value.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), true
	}
	return 0, false
}

func whole(object map[string]any, path ...string) int64 {
	n, _ := number(object, path...)
	return n
}

func flag(object map[string]any, path ...string) bool {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	b, _ := value.(bool)
	return b
}

func branch(object map[string]any, path ...string) map[string]any {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	m, _ := value.(map[string]any)
	return m
}

func items(object map[string]any, path ...string) []map[string]any {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	list, _ := value.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func moment(object map[string]any, path ...string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text(object, path...))
	if err != nil {
		return time.Time{}
	}
	return at
}

func words(object map[string]any, path ...string) map[string]string {
	m := branch(object, path...)
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, value := range m {
		if s, ok := value.(string); ok {
			out[intern(key)] = intern(s)
		}
	}
	return out
}
