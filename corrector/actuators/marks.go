package actuators

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	fieldManager = "driftcast-corrector"
	correctedBy  = "driftcast.io/corrected-by" // <actuator>=<correction id>, …
	undoKey      = "driftcast.io/undo-"        // + actuator: the fields that it changed, and what they were
	optOutKey    = "driftcast.io/opt-out"
)

// object is an object as the API server gives it.
type object = *unstructured.Unstructured

// changes are what a correction changed on an object.
type changes struct {
	From       string  `json:"from,omitempty"`       // what keeps the revision that it was; of a drain, when it began
	To         string  `json:"to,omitempty"`         // what keeps the revision that it went to
	Generation int64   `json:"generation,omitempty"` // of the object after the change
	Fields     []field `json:"fields,omitempty"`
}

// mark returns the ID of the correction that an actuator made on an object, ""
// if there is none.
func mark(annotations map[string]string, actuator string) string {
	for _, m := range strings.Split(annotations[correctedBy], ",") {
		if id, ok := strings.CutPrefix(m, actuator+"="); ok {
			return id
		}
	}
	return ""
}

// setMark leaves a correction's ID and what it changed on an object; an empty ID
// takes both away.
func setMark(o object, actuator, id string, changed changes) error {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	marks := strings.Split(annotations[correctedBy], ",")
	marks = slices.DeleteFunc(marks, func(m string) bool { return m == "" || strings.HasPrefix(m, actuator+"=") })
	delete(annotations, undoKey+actuator)
	if id != "" {
		marks = append(marks, actuator+"="+id)
		text, err := json.Marshal(changed)
		if err != nil {
			return fmt.Errorf("keep what %s changed: %w", actuator, err)
		}
		annotations[undoKey+actuator] = string(text)
	}
	annotations[correctedBy] = strings.Join(marks, ",")
	if len(marks) == 0 {
		delete(annotations, correctedBy)
	}
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
	return nil
}

// changedBy returns what an actuator changed on an object; false where that is
// not on it.
func changedBy(o object, actuator string) (c changes, known bool) {
	err := json.Unmarshal([]byte(o.GetAnnotations()[undoKey+actuator]), &c)
	return c, err == nil
}

// hold says whether all fields are as the correction left them.
func hold(o object, fields []field) bool {
	return !slices.ContainsFunc(fields, func(f field) bool { return !holds(o, f) })
}

func holds(o object, f field) bool {
	path := steps(f.Path)
	return sameJSON(encode(path, at(o.Object, path)), f.After)
}

// sameJSON compares two values by what they mean; nil is absent.
func sameJSON(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// putBack sets the fields back that are still as the correction left them, in
// the reverse order; what others changed meanwhile is theirs.
func putBack(o object, fields []field) error {
	for _, f := range slices.Backward(fields) {
		if !holds(o, f) {
			continue
		}
		if isHidden(f.Before) {
			return fmt.Errorf("put back %s: values of environment variables are never kept, and no earlier revision has it; set it by hand", f.Path)
		}
		var before any
		if f.Before != nil {
			if err := json.Unmarshal(f.Before, &before); err != nil {
				return fmt.Errorf("put back %s: %w", f.Path, err)
			}
		}
		put(o.Object, steps(f.Path), before)
	}
	return nil
}

// optOut says where the owner of an object opted out; what is not a clear
// "false" does.
func optOut(kind, name string, annotations map[string]string) string {
	text, ok := annotations[optOutKey]
	if off, err := strconv.ParseBool(text); !ok || (err == nil && !off) {
		return ""
	}
	return fmt.Sprintf("%s %s is annotated %s: %q", kind, name, optOutKey, text)
}
