package actuators

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// lastApplied is what kubectl apply keeps of what it was given.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// kept says that a path is the server's own or our own bookkeeping: no field
// that a correction is about.
func kept(path []string) bool {
	switch {
	case len(path) == 2 && path[0] == "metadata":
		return slices.Contains([]string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}, path[1])
	case len(path) == 3 && path[0] == "metadata" && path[1] == "annotations":
		return path[2] == correctedBy || path[2] == lastApplied || strings.HasPrefix(path[2], undoKey)
	}
	return false
}

// desired skips what no spec holds; observed skips all but the status.
func desired(path []string) bool  { return kept(path) || len(path) == 1 && path[0] == "status" }
func observed(path []string) bool { return len(path) == 1 && path[0] != "status" }

// maxValue is how much of a value a line shows, in bytes.
const maxValue = 200

// lines shows fields, one a line: spec.unschedulable: false → true.
func lines(fields []field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = dotted(f.Path) + ": " + show(f.Before, f.After) + " → " + show(f.After, f.Before)
	}
	return strings.Join(all, "\n")
}

// show writes a value; what is absent beside a truth value is false.
func show(value, other json.RawMessage) string {
	switch {
	case value != nil:
		return cluster.Cut(string(value), maxValue)
	case string(other) == "true":
		return "false"
	}
	return "absent"
}

// dotted writes a pointer as people do: spec.containers[name=c].image.
func dotted(pointer string) string {
	var b strings.Builder
	for _, step := range steps(pointer) {
		switch {
		case strings.Contains(step, "="):
			b.WriteString("[" + step + "]")
		case strings.ContainsAny(step, "./"):
			b.WriteString("[" + step + "]")
		default:
			b.WriteString("." + step)
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}
