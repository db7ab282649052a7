package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Canonical writes a value as JSON with sorted keys, without spaces and without
// escaping what only HTML minds: equal values give equal bytes.
func Canonical(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Decode reads JSON as Kubernetes does: whole numbers are int64.
func Decode(body []byte) (any, error) {
	var value any
	if err := utiljson.Unmarshal(body, &value); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return value, nil
}

// served are the fields of metadata that the server keeps.
func served() []string {
	return []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"}
}

// Annotations that are no desired state: the first is kept apart, the second is
// an old lock that is renewed every other second.
const (
	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	oldLock     = "control-plane.alpha.kubernetes.io/leader"
)

// desired returns the desired state of an object: a copy as far as it differs.
func desired(object map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		if key != "status" {
			out[key] = value
		}
	}
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return out
	}
	kept := make(map[string]any, len(metadata))
	for key, value := range metadata {
		kept[key] = value
	}
	for _, key := range served() {
		delete(kept, key)
	}
	if annotations, ok := metadata["annotations"].(map[string]any); ok {
		rest := make(map[string]any, len(annotations))
		for key, value := range annotations {
			if key != lastApplied && key != oldLock {
				rest[key] = value
			}
		}
		kept["annotations"] = rest
		if len(rest) == 0 {
			delete(kept, "annotations")
		}
	}
	out["metadata"] = kept
	return out
}
