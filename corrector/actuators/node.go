package actuators

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
)

// NodeOptions are what the actuators of nodes need.
type NodeOptions struct {
	Client kubernetes.Interface
	Now    func() time.Time
	Logger *slog.Logger
}

// NodeActuators returns the actuators of nodes by name:
//
//	cordon    sets spec.unschedulable; what runs keeps running
//	uncordon  clears it
//	taint     adds a PreferNoSchedule taint
//
// Their subjects are nodes, and GPUs whose name begins with "<node>:". Params:
// pool, the label whose value tells which nodes make up a pool (default: all
// nodes are one); key and value of the taint (default driftcast.io/at-risk).
func NodeActuators(o NodeOptions) (map[string]corrector.Actuator, error) {
	if o.Client == nil {
		return nil, errors.New("node actuators: Client is required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	pool := &pool{client: o.Client, now: o.Now}
	actuators := map[string]corrector.Actuator{}
	for name, change := range nodeChanges {
		actuators[name] = &nodeActuator{NodeOptions: o, name: name, change: change, pool: pool}
	}
	return actuators, nil
}

// nodeActuator makes one kind of change to nodes. Every change carries the
// node's UID and resourceVersion, so it lands on what was looked at or nowhere,
// and leaves the correction's ID on the node, by which it is known again.
type nodeActuator struct {
	NodeOptions
	name   string
	change func(params map[string]string) nodeChange
	pool   *pool
}

// nodeUndo is what Revert needs.
type nodeUndo struct {
	Node   string            `json:"node"`
	UID    types.UID         `json:"uid"`
	Params map[string]string `json:"params,omitempty"`
}

// Plan implements Actuator.
func (n *nodeActuator) Plan(ctx context.Context, a corrector.Action) (corrector.Plan, error) {
	name, err := nodeOf(a.Subject)
	if err != nil {
		return corrector.Plan{}, err
	}
	node, err := n.node(ctx, name)
	if err != nil {
		return corrector.Plan{}, err
	}
	change := n.change(a.Params)
	plan := corrector.Plan{OptOut: optOut(node)}
	ours := mark(node, n.name) == a.ID // it outlives an uncordon by hand
	if ours && change.in(node) {
		plan.Undo = n.undo(node, a.Params)
	}
	plan.Lost = plan.Undo == "" && (ours || a.Undo != "") || a.Undo != "" && !sameNode(node, a.Undo)
	if change.in(node) {
		plan.Unchanged = true
		plan.Text = fmt.Sprintf("node %s: %s already", name, change.state())
		return plan, nil
	}
	plan.Text = fmt.Sprintf("%s node %s: %s", n.name, name, change.describe(node))
	if count, err := n.running(ctx, name); err == nil {
		plan.Text += fmt.Sprintf("; %d pods keep running", count)
	}
	if change.takesOut() {
		plan.Pool, plan.Out, err = n.pool.look(ctx, node, a.Params["pool"])
	}
	return plan, err
}

// Apply implements Actuator.
func (n *nodeActuator) Apply(ctx context.Context, a corrector.Action) (string, error) {
	name, err := nodeOf(a.Subject)
	if err != nil {
		return "", err
	}
	change := n.change(a.Params)
	var undo, did string
	err = n.patch(ctx, name, func(node *corev1.Node) (map[string]any, error) {
		undo, did = n.undo(node, a.Params), change.describe(node)
		switch why := optOut(node); {
		case mark(node, n.name) == a.ID && change.in(node):
			return nil, nil
		case why != "":
			return nil, fmt.Errorf("opt-out: %s", why)
		case change.in(node):
			return nil, fmt.Errorf("node %s was changed by somebody else meanwhile: %s already", name, change.state())
		}
		return patchOf(node, n.name, a.ID, change.do(node)), nil
	})
	if err != nil {
		return "", err
	}
	n.event(ctx, a, name, undo, n.name, did)
	return undo, nil
}

// Revert implements Actuator.
func (n *nodeActuator) Revert(ctx context.Context, a corrector.Action) error {
	name, err := nodeOf(a.Subject)
	if err != nil {
		return err
	}
	params := a.Params
	if saved, err := parseUndo(a.Undo); err == nil {
		params = saved.Params // the policy may say otherwise by now
	}
	change := n.change(params)
	var reverted bool
	err = n.patch(ctx, name, func(node *corev1.Node) (map[string]any, error) {
		if reverted = mark(node, n.name) == a.ID && (a.Undo == "" || sameNode(node, a.Undo)); !reverted {
			return nil, nil // not ours, or not ours any more
		}
		return patchOf(node, n.name, "", change.undo(node)), nil
	})
	if errors.Is(err, corrector.ErrGone) {
		return nil
	}
	if err == nil && reverted {
		n.event(ctx, a, name, a.Undo, "revert", "undone: "+change.state())
	}
	return err
}

// patch reads the node, asks what to change, and changes just that; where
// somebody else changed the node in between it reads and asks again. A nil
// patch changes nothing.
func (n *nodeActuator) patch(ctx context.Context, name string, plan func(*corev1.Node) (map[string]any, error)) error {
	again := func(err error) bool {
		return ctx.Err() == nil && (apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) ||
			apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err))
	}
	return retry.OnError(retry.DefaultBackoff, again, func() error {
		node, err := n.node(ctx, name)
		if err != nil {
			return err
		}
		change, err := plan(node)
		if err != nil || change == nil {
			return err
		}
		body, err := json.Marshal(change)
		if err != nil {
			return fmt.Errorf("patch node %s: %w", name, err)
		}
		n.pool.forget()
		_, err = n.Client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: fieldManager})
		return explain("patch", "nodes", name, err)
	})
}

func (n *nodeActuator) node(ctx context.Context, name string) (*corev1.Node, error) {
	node, err := n.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	return node, explain("get", "nodes", name, err)
}

// running counts the pods that run on a node.
func (n *nodeActuator) running(ctx context.Context, name string) (int, error) {
	pods, err := n.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return 0, explain("list", "pods", "on "+name, err)
	}
	count := 0
	for i := range pods.Items {
		if p := &pods.Items[i]; p.Spec.NodeName == name && p.Status.Phase == corev1.PodRunning {
			count++
		}
	}
	return count, nil
}

func (n *nodeActuator) undo(node *corev1.Node, params map[string]string) string {
	text, err := json.Marshal(nodeUndo{Node: node.Name, UID: node.UID, Params: params})
	if err != nil { // strings always encode
		return node.Name
	}
	return string(text)
}

func parseUndo(text string) (nodeUndo, error) {
	var u nodeUndo
	err := json.Unmarshal([]byte(text), &u)
	return u, err
}

// sameNode says whether a node is the one that was changed, not a new one of
// the same name.
func sameNode(node *corev1.Node, undo string) bool {
	u, err := parseUndo(undo)
	return err == nil && u.UID == node.UID
}

// nodeOf names the node of a subject.
func nodeOf(s collector.Subject) (string, error) {
	switch s.Kind {
	case "node":
		return s.Name, nil
	case "gpu":
		if node, _, ok := strings.Cut(s.Name, ":"); ok && node != "" {
			return node, nil
		}
		return "", fmt.Errorf("%w: gpu %q does not name its node: want <node>:<gpu>", corrector.ErrInvalid, s.Name)
	}
	return "", fmt.Errorf("%w: %s is neither a node nor a gpu", corrector.ErrInvalid, s)
}
