package actuators

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	fieldManager = "driftcast-corrector"
	correctedBy  = "driftcast.io/corrected-by" // <actuator>=<correction id>, …
	optOutKey    = "driftcast.io/opt-out"
	atRisk       = "driftcast.io/at-risk"
)

// nodeChange is one way to change a node's spec.
type nodeChange interface {
	in(*corev1.Node) bool             // whether the node is in the wanted state
	state() string                    // the wanted state, in words
	describe(*corev1.Node) string     // what changes, in words
	do(*corev1.Node) map[string]any   // the fields of spec that bring it about
	undo(*corev1.Node) map[string]any // the fields of spec that take it back
	takesOut() bool                   // whether it takes the node out of its pool
}

var nodeChanges = map[string]func(params map[string]string) nodeChange{
	"cordon":   func(map[string]string) nodeChange { return schedulable(false) },
	"uncordon": func(map[string]string) nodeChange { return schedulable(true) },
	"taint": func(params map[string]string) nodeChange {
		return tainted{Key: cmp.Or(params["key"], atRisk), Value: params["value"], Effect: corev1.TaintEffectPreferNoSchedule}
	},
}

// schedulable opens a node to new pods, or closes it.
type schedulable bool

func (s schedulable) in(n *corev1.Node) bool { return n.Spec.Unschedulable != bool(s) }

func (s schedulable) state() string {
	if s {
		return "schedulable"
	}
	return "cordoned"
}

func (s schedulable) describe(*corev1.Node) string {
	return fmt.Sprintf("spec.unschedulable %t → %t", bool(s), !bool(s))
}

func (s schedulable) do(*corev1.Node) map[string]any   { return unschedulable(!bool(s)) }
func (s schedulable) undo(*corev1.Node) map[string]any { return unschedulable(bool(s)) }
func (s schedulable) takesOut() bool                   { return !bool(s) }

func unschedulable(v bool) map[string]any {
	if !v {
		return map[string]any{"unschedulable": nil} // as kubectl uncordon leaves it: absent
	}
	return map[string]any{"unschedulable": true}
}

// tainted keeps new pods off a node where there is room elsewhere.
type tainted corev1.Taint

func (t tainted) same(o corev1.Taint) bool { return o.Key == t.Key && o.Effect == t.Effect }

func (t tainted) in(n *corev1.Node) bool { return slices.ContainsFunc(n.Spec.Taints, t.same) }

func (t tainted) state() string {
	taint := corev1.Taint(t)
	return "tainted " + taint.ToString()
}

func (t tainted) describe(*corev1.Node) string {
	taint := corev1.Taint(t)
	return "spec.taints + " + taint.ToString()
}

// do gives the whole list: taints are an atomic list, and the patch carries the
// resourceVersion of the node that it was read from.
func (t tainted) do(n *corev1.Node) map[string]any {
	return map[string]any{"taints": append(slices.Clone(n.Spec.Taints), corev1.Taint(t))}
}

func (t tainted) undo(n *corev1.Node) map[string]any {
	return map[string]any{"taints": slices.DeleteFunc(slices.Clone(n.Spec.Taints), t.same)}
}

func (t tainted) takesOut() bool { return true }

// patchOf is a merge patch of a node's spec that holds only for the node as it
// was read, and marks it with the correction's ID ("": removes the mark).
func patchOf(n *corev1.Node, actuator, id string, spec map[string]any) map[string]any {
	marks := slices.DeleteFunc(marksOf(n), func(m string) bool { return strings.HasPrefix(m, actuator+"=") })
	if id != "" {
		marks = append(marks, actuator+"="+id)
	}
	var annotation any // null removes it
	if len(marks) > 0 {
		annotation = strings.Join(marks, ",")
	}
	return map[string]any{
		"metadata": map[string]any{
			"uid":             n.UID,
			"resourceVersion": n.ResourceVersion,
			"annotations":     map[string]any{correctedBy: annotation},
		},
		"spec": spec,
	}
}

func marksOf(n *corev1.Node) []string {
	text := n.Annotations[correctedBy]
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// mark returns the ID of the correction that an actuator made on a node, "" if
// there is none.
func mark(n *corev1.Node, actuator string) string {
	for _, m := range marksOf(n) {
		if id, ok := strings.CutPrefix(m, actuator+"="); ok {
			return id
		}
	}
	return ""
}

// optOut says where a node's owner opted out; what is not a clear "false" does.
func optOut(n *corev1.Node) string {
	text, ok := n.Annotations[optOutKey]
	if off, err := strconv.ParseBool(text); !ok || (err == nil && !off) {
		return ""
	}
	return fmt.Sprintf("node %s is annotated %s: %q", n.Name, optOutKey, text)
}
