package actuators

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// atRisk is the taint's and the condition's default name.
const atRisk = "driftcast.io/at-risk"

// onNode makes a maker of a change that every node can take.
func onNode(of func(params map[string]string) change) maker {
	return func(_ context.Context, _ *kube, a corrector.Action) (place, change, error) {
		name, err := nodeOf(a.Subject)
		return nodeAt(name), of(a.Params), err
	}
}

// schedulable opens a node to new pods, or closes it.
type schedulable bool

func (s schedulable) traits() traits { return traits{takesOut: !bool(s)} }

func (s schedulable) in(o object) bool {
	closed, _, _ := unstructured.NestedBool(o.Object, "spec", "unschedulable")
	return closed != bool(s)
}

func (s schedulable) state() string {
	if s {
		return "schedulable"
	}
	return "cordoned"
}

func (s schedulable) do(_ context.Context, o object) error {
	if s {
		unstructured.RemoveNestedField(o.Object, "spec", "unschedulable") // as kubectl uncordon leaves it: absent
		return nil
	}
	return unstructured.SetNestedField(o.Object, true, "spec", "unschedulable")
}

// tainted keeps new pods off a node where there is room elsewhere.
type tainted struct{ key, value string }

func taintOf(params map[string]string) change {
	return tainted{cmp.Or(params["key"], atRisk), params["value"]}
}

func (t tainted) traits() traits { return traits{takesOut: true} }

func (t tainted) state() string {
	taint := corev1.Taint{Key: t.key, Value: t.value, Effect: corev1.TaintEffectPreferNoSchedule}
	return "tainted " + taint.ToString()
}

func (t tainted) in(o object) bool {
	taints, _, _ := unstructured.NestedSlice(o.Object, "spec", "taints")
	return slices.ContainsFunc(taints, func(one any) bool {
		fields, ok := one.(map[string]any)
		return ok && fields["key"] == t.key && fields["effect"] == string(corev1.TaintEffectPreferNoSchedule)
	})
}

// do gives the whole list: taints are an atomic list, and the patch carries the
// resourceVersion of the node that it was read from.
func (t tainted) do(_ context.Context, o object) error {
	taint := map[string]any{"key": t.key, "effect": string(corev1.TaintEffectPreferNoSchedule)}
	if t.value != "" {
		taint["value"] = t.value
	}
	taints, _, err := unstructured.NestedSlice(o.Object, "spec", "taints")
	if err != nil {
		return fmt.Errorf("spec.taints: %w", err)
	}
	return unstructured.SetNestedSlice(o.Object, append(taints, taint), "spec", "taints")
}

// placeNode adds to a plan what runs on a node and what stands beside it: its
// pool and its failure domain.
func (k *kube) placeNode(ctx context.Context, a corrector.Action, o object, p place, takesOut bool, plan *corrector.Plan) error {
	if p.Kind != "Node" {
		return nil
	}
	if count, err := k.running(ctx, p.Name); err == nil {
		plan.Text += fmt.Sprintf("; %d pods keep running", count)
	}
	if !takesOut {
		return nil
	}
	label := cmp.Or(a.Params["domain"], corev1.LabelTopologyZone)
	plan.Domain = o.GetLabels()[label]
	seen, err := k.pool.look(ctx, p.Name, o.GetLabels(), a.Params["pool"], label)
	plan.Pool, plan.Out = seen.size, seen.out
	if plan.Domain != "" {
		plan.DomainPool, plan.DomainOut = seen.domain, seen.domainOut
	}
	return err
}

// running counts the pods that run on a node.
func (k *kube) running(ctx context.Context, name string) (int, error) {
	pods, err := k.podsOn(ctx, name)
	count := 0
	for i := range pods {
		if pods[i].Status.Phase == corev1.PodRunning {
			count++
		}
	}
	return count, err
}

func (k *kube) podsOn(ctx context.Context, node string) ([]corev1.Pod, error) {
	list, err := k.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, explain("list", "pods", "on "+node, err)
	}
	return list.Items, nil
}
