package actuators

import (
	"encoding/json"
	"fmt"
	"strings"
)

// undoer names the manager of the first field that is not as the correction left
// it, as managedFields tell; "" where they do not: of a field that was removed
// nobody is the manager.
func undoer(o object, fields []field) string {
	for _, f := range fields {
		path := steps(f.Path)
		if holds(o, f) || at(o.Object, path) == nil {
			continue
		}
		for _, m := range o.GetManagedFields() {
			var owned map[string]any
			if m.Manager == fieldManager || m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &owned) != nil {
				continue
			}
			if owns(owned, path) {
				return m.Manager
			}
		}
	}
	return ""
}

// owns says whether a set of fields (FieldsV1) has a path, or something above it
// that is one value.
func owns(set map[string]any, path []string) bool {
	for i, step := range path {
		key := "f:" + step
		if strings.Contains(step, "=") {
			key = itemKey(step)
		}
		next, ok := set[key].(map[string]any)
		if !ok {
			return i > 0 && len(set) == 0 // a leaf: the list or map as a whole
		}
		set = next
	}
	return true
}

// itemKey writes name=c as FieldsV1 does: k:{"name":"c"}.
func itemKey(step string) string {
	var parts []string
	for _, part := range strings.Split(step, ",") {
		key, value, _ := strings.Cut(part, "=")
		parts = append(parts, fmt.Sprintf("%q:%q", key, value))
	}
	return "k:{" + strings.Join(parts, ",") + "}"
}
