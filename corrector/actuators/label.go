package actuators

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// edits are the actuators that change one object.
var edits = map[string]maker{
	"cordon":          onNode(func(map[string]string) change { return schedulable(false) }),
	"uncordon":        onNode(func(map[string]string) change { return schedulable(true) }),
	"taint":           onNode(taintOf),
	"label":           noted("labels"),
	"annotate":        noted("annotations"),
	"condition":       conditionOf,
	"pause":           rollingOut(true),
	"resume":          rollingOut(false),
	"rollout-restart": restartOf,
	"rollout-undo":    undoneOf,
	"scale":           scaleOf,
	"apply":           declarationOf,
}

// note is one label or annotation with a value.
type note struct{ where, key, value string }

func noted(where string) maker {
	return func(ctx context.Context, k *kube, a corrector.Action) (place, change, error) {
		n := note{where, a.Params["key"], a.Params["value"]}
		if n.key == "" || strings.HasPrefix(n.key, undoKey) || n.key == correctedBy || n.key == optOutKey {
			return place{}, nil, fmt.Errorf("%w: param key %q: name a key that is not Driftcast's own", corrector.ErrInvalid, n.key)
		}
		p, err := k.resolve(ctx, a)
		return p, n, err
	}
}

func (n note) traits() traits { return traits{} }
func (n note) state() string  { return fmt.Sprintf("%s %s=%s", n.where, n.key, n.value) }

func (n note) in(o object) bool {
	value, ok := at(o.Object, []string{"metadata", n.where, n.key}).(string)
	return ok && value == n.value
}

func (n note) do(_ context.Context, o object) error {
	return unstructured.SetNestedField(o.Object, n.value, "metadata", n.where, n.key)
}

// paused stops a Deployment's roll-outs, or lets them go on.
type paused bool

func rollingOut(stop bool) maker {
	return func(ctx context.Context, k *kube, a corrector.Action) (place, change, error) {
		p, err := k.resolve(ctx, a)
		if err == nil {
			err = oneOf(p, "Deployment")
		}
		return p, paused(stop), err
	}
}

func (p paused) traits() traits { return traits{} }

func (p paused) state() string {
	if p {
		return "paused"
	}
	return "not paused"
}

func (p paused) in(o object) bool {
	is, _, _ := unstructured.NestedBool(o.Object, "spec", "paused")
	return is == bool(p)
}

func (p paused) do(_ context.Context, o object) error {
	if !p {
		unstructured.RemoveNestedField(o.Object, "spec", "paused")
		return nil
	}
	return unstructured.SetNestedField(o.Object, true, "spec", "paused")
}
