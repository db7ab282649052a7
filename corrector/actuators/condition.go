package actuators

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector"
)

// kubelets are the conditions that kubelets and the node controller keep.
var kubelets = []string{"Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}

// condition is a NodeCondition, for other remediators and for schedulers.
type condition struct {
	kind, status, reason, message string
	now                           func() time.Time
}

func conditionOf(_ context.Context, k *kube, a corrector.Action) (place, change, error) {
	c := condition{
		kind: cmp.Or(a.Params["type"], "DriftcastAtRisk"), status: cmp.Or(a.Params["status"], "True"),
		reason:  cmp.Or(a.Params["reason"], "DriftcastForecast"),
		message: cmp.Or(a.Params["message"], fmt.Sprintf("%s has risk %.2f (policy %s, correction %s)", a.Target, a.Risk, a.Policy, a.ID)),
		now:     k.Now,
	}
	name, err := nodeOf(a.Subject)
	switch {
	case err != nil:
		return place{}, nil, err
	case slices.Contains(kubelets, c.kind):
		return place{}, nil, fmt.Errorf("%w: param type %s is the kubelet's own: choose another", corrector.ErrInvalid, c.kind)
	case !slices.Contains([]string{"True", "False", "Unknown"}, c.status):
		return place{}, nil, fmt.Errorf("%w: param status %q: want True, False or Unknown", corrector.ErrInvalid, c.status)
	}
	return nodeAt(name), c, nil
}

func (c condition) traits() traits { return traits{subresource: "status"} }
func (c condition) state() string  { return fmt.Sprintf("condition %s is %s", c.kind, c.status) }

func (c condition) in(o object) bool {
	return at(o.Object, []string{"status", "conditions", "type=" + c.kind, "status"}) == c.status
}

func (c condition) do(_ context.Context, o object) error {
	conditions, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil {
		return fmt.Errorf("status.conditions: %w", err)
	}
	conditions = slices.DeleteFunc(conditions, func(one any) bool { return isItem(one, "type="+c.kind) })
	now := c.now().UTC().Format(time.RFC3339)
	conditions = append(conditions, map[string]any{
		"type": c.kind, "status": c.status, "reason": c.reason, "message": cluster.Cut(c.message, cluster.NoteLimit),
		"lastHeartbeatTime": now, "lastTransitionTime": now,
	})
	return unstructured.SetNestedSlice(o.Object, conditions, "status", "conditions")
}
