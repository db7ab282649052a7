package declared

import (
	"encoding/base64"
	"fmt"
	"maps"

	"github.com/driftcast/driftcast/cluster"
)

// object is one declared object of a snapshot.
type object struct {
	ref      cluster.Ref
	manifest []byte // canonical JSON, unredacted: what is applied
	origin   string // file:line
}

// serverFields are kept by the server in metadata: nobody declares them.
var serverFields = []string{"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields", "resourceVersion",
	"selfLink", "uid"}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Clean returns an object without what the server keeps: status, and the
// server's fields and kubectl's last-applied annotation in metadata. What it is
// given stays as it is.
func Clean(object map[string]any) map[string]any {
	out := maps.Clone(object)
	delete(out, "status")
	metadata, ok := out["metadata"].(map[string]any)
	if !ok {
		return out
	}
	metadata = maps.Clone(metadata)
	out["metadata"] = metadata
	for _, field := range serverFields {
		delete(metadata, field)
	}
	if annotations, ok := metadata["annotations"].(map[string]any); ok {
		annotations = maps.Clone(annotations)
		delete(annotations, lastApplied)
		metadata["annotations"] = annotations
		if len(annotations) == 0 {
			delete(metadata, "annotations")
		}
	}
	return out
}

// normalise names an object and makes its manifest: cleaned, with the default
// namespace where its kind has one and it says none.
func normalise(d document, s scopes, namespace string) (object, *Problem) {
	gvk := d.gvk()
	ref := cluster.Ref{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: d.metadata("namespace"), Name: d.metadata("name")}
	wrong := func(field, message, remedy string) (object, *Problem) {
		return object{}, &Problem{File: d.file, Line: d.line, Document: d.number, Field: field, Message: message, Remedy: remedy, Object: ref}
	}
	namespaced, known := s.namespaced(gvk)
	clean := Clean(d.object)
	metadata, _ := clean["metadata"].(map[string]any)
	switch {
	case ref.Namespace != "" && known && !namespaced: // as kubectl does: the namespace of what has none is ignored
		ref.Namespace = ""
		delete(metadata, "namespace")
	case ref.Namespace == "" && !known:
		_, problem := wrong("metadata.namespace", fmt.Sprintf("whether a %s lives in a namespace is not known", gvk.Kind),
			"write metadata.namespace, declare the kind's CustomResourceDefinition too, or connect to a cluster that has it")
		problem.scope = true
		return object{}, problem
	case ref.Namespace == "" && namespaced:
		ref.Namespace = namespace
		metadata["namespace"] = namespace
	}
	text, err := cluster.Canonical(clean)
	if err != nil {
		return wrong("", err.Error(), "write what JSON can say")
	}
	origin := d.file
	if d.line > 0 {
		origin = fmt.Sprintf("%s:%d", d.file, d.line)
	}
	return object{ref: ref, manifest: text, origin: origin}, nil
}

// body is what is compared: a Secret's stringData becomes data, as on the
// server, and the values are redacted.
func (o object) body(redactor *cluster.Redactor) ([]byte, error) {
	if o.ref.Kind != "Secret" && redactor == nil {
		return o.manifest, nil
	}
	value, err := cluster.Decode(o.manifest)
	if err != nil {
		return nil, err
	}
	body, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a mapping", o.ref)
	}
	if o.ref.Kind == "Secret" && o.ref.Group == "" {
		encodeStrings(body)
		if redactor == nil { // nothing to compare digests with
			delete(body, "data")
		}
	}
	if redactor != nil {
		body = redactor.Object(body)
	}
	return cluster.Canonical(body)
}

func encodeStrings(secret map[string]any) {
	texts, ok := secret["stringData"].(map[string]any)
	if !ok {
		return
	}
	data, _ := secret["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	for key, value := range texts {
		data[key] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(value)))
	}
	secret["data"] = data
	delete(secret, "stringData")
}
