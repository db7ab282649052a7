package actuators_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/forecaster"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var gpuTaint = corev1.Taint{Key: "nvidia.com/gpu", Value: "present", Effect: corev1.TaintEffectNoSchedule}

// kube is a fake API server with three GPU nodes of pool a and one of pool b,
// and five pods on gpu-17. Like the real one, and unlike client-go's fake, it
// refuses a patch for another UID or resourceVersion.
func kube(t *testing.T) *fake.Clientset {
	t.Helper()
	var objects []runtime.Object
	for name, pool := range map[string]string{"gpu-17": "a", "gpu-18": "a", "gpu-19": "a", "cpu-1": "b"} {
		objects = append(objects, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), ResourceVersion: "7", Labels: map[string]string{"pool": pool}},
			Spec:       corev1.NodeSpec{Taints: []corev1.Taint{gpuTaint}},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
		})
	}
	for i, phase := range []corev1.PodPhase{"Running", "Running", "Running", "Running", "Running", "Succeeded"} {
		objects = append(objects, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "train-" + string(rune('0'+i)), Namespace: "ml"},
			Spec:       corev1.PodSpec{NodeName: "gpu-17"}, Status: corev1.PodStatus{Phase: phase},
		})
	}
	objects = append(objects, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere", Namespace: "ml"},
		Spec: corev1.PodSpec{NodeName: "gpu-18"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}})
	client := fake.NewClientset(objects...)
	client.PrependReactor("patch", "nodes", func(action k8stesting.Action) (bool, runtime.Object, error) {
		patch := action.(k8stesting.PatchAction)
		var body struct{ Metadata metav1.ObjectMeta }
		if err := json.Unmarshal(patch.GetPatch(), &body); err != nil {
			return true, nil, err
		}
		object, err := client.Tracker().Get(corev1.SchemeGroupVersion.WithResource("nodes"), "", patch.GetName())
		if err != nil {
			return true, nil, err
		}
		node := object.(*corev1.Node)
		if body.Metadata.ResourceVersion != node.ResourceVersion || body.Metadata.UID != node.UID {
			return true, nil, conflict(patch.GetName())
		}
		return false, nil, nil
	})
	return client
}

func conflict(name string) error {
	return apierrors.NewConflict(schema.GroupResource{Resource: "nodes"}, name, errors.New("the object has been modified"))
}

func actuator(t *testing.T, client *fake.Clientset, name string) corrector.Actuator {
	t.Helper()
	all, err := actuators.NodeActuators(actuators.NodeOptions{Client: client, Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

func act(id, node string) corrector.Action {
	return corrector.Action{Correction: forecaster.Correction{
		ID: id, Policy: "cordon-at-risk", Target: "NodeNotReady", Risk: 0.82, Horizon: 6 * time.Hour, Actor: "alice",
		Subject: collector.Subject{Kind: "node", Name: node},
	}}
}

func read(t *testing.T, client *fake.Clientset, name string) *corev1.Node {
	t.Helper()
	n, err := client.CoreV1().Nodes().Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func change(t *testing.T, client *fake.Clientset, name string, do func(*corev1.Node)) {
	t.Helper()
	n := read(t, client, name).DeepCopy()
	do(n)
	if _, err := client.CoreV1().Nodes().Update(context.Background(), n, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestNodeRoundTrip plans, applies, applies again, and reverts each kind of
// change; the node is afterwards exactly as it was.
func TestNodeRoundTrip(t *testing.T) {
	tests := map[string]struct {
		given func(*corev1.Node)
		plan  string
		done  func(*corev1.Node) bool
	}{
		"cordon": {func(*corev1.Node) {}, "cordon node gpu-17: spec.unschedulable false → true; 5 pods keep running",
			func(n *corev1.Node) bool { return n.Spec.Unschedulable }},
		"uncordon": {func(n *corev1.Node) { n.Spec.Unschedulable = true }, "uncordon node gpu-17: spec.unschedulable true → false; 5 pods keep running",
			func(n *corev1.Node) bool { return !n.Spec.Unschedulable }},
		"taint": {func(*corev1.Node) {}, "taint node gpu-17: spec.taints + driftcast.io/at-risk:PreferNoSchedule; 5 pods keep running",
			func(n *corev1.Node) bool {
				return len(n.Spec.Taints) == 2 && n.Spec.Taints[0] == gpuTaint && n.Spec.Taints[1].Effect == corev1.TaintEffectPreferNoSchedule
			}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := kube(t)
			change(t, client, "gpu-17", tt.given)
			before := read(t, client, "gpu-17").DeepCopy()
			ctx, a, on := context.Background(), actuator(t, client, name), act("c1", "gpu-17")

			plan, err := a.Plan(ctx, on)
			if err != nil || plan.Text != tt.plan || plan.Unchanged || plan.Undo != "" || plan.Lost {
				t.Fatalf("plan %+v, %v", plan, err)
			}
			undo, err := a.Apply(ctx, on)
			if err != nil || undo == "" {
				t.Fatal(undo, err)
			}
			after := read(t, client, "gpu-17")
			if !tt.done(after) || after.Annotations["driftcast.io/corrected-by"] != name+"=c1" {
				t.Errorf("after apply: %+v %v", after.Spec, after.Annotations)
			}
			if again, err := a.Apply(ctx, on); err != nil || again != undo {
				t.Errorf("applied twice: %q, %v", again, err)
			}
			if plan, err := a.Plan(ctx, on); err != nil || plan.Undo != undo || !plan.Unchanged || plan.Lost {
				t.Errorf("planned after apply: %+v, %v", plan, err)
			}
			if _, err := a.Apply(ctx, act("c2", "gpu-17")); err == nil {
				t.Error("another correction claims what this one did")
			}
			on.Undo = undo
			for range 2 { // reverting twice is no error
				if err := a.Revert(ctx, on); err != nil {
					t.Fatal(err)
				}
			}
			got := read(t, client, "gpu-17").DeepCopy()
			got.ResourceVersion, got.ManagedFields = before.ResourceVersion, before.ManagedFields
			if diff := cmp.Diff(before, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("reverted is not as before (-before +after):\n%s", diff)
			}
			events, err := client.EventsV1().Events("default").List(ctx, metav1.ListOptions{})
			if err != nil || len(events.Items) != 2 {
				t.Fatalf("%d events, %v: want one a change", len(events.Items), err)
			}
			for _, e := range events.Items {
				if e.Regarding.UID != "uid-gpu-17" || len(e.Note) > 1024 || !strings.Contains(e.Note, "c1") {
					t.Errorf("event %+v", e)
				}
			}
		})
	}
}

func TestNodeRevertTouchesOnlyItsOwn(t *testing.T) {
	ctx := context.Background()
	tests := map[string]struct {
		meanwhile func(*corev1.Node)
		cordoned  bool
	}{
		"others labelled the node":              {func(n *corev1.Node) { n.Labels["zone"] = "z1" }, false},
		"another correction cordons it now":     {func(n *corev1.Node) { n.Annotations["driftcast.io/corrected-by"] = "cordon=other" }, true},
		"its mark was taken away by its owner":  {func(n *corev1.Node) { n.Annotations = nil }, true},
		"it is a new node of the same name now": {func(n *corev1.Node) { n.UID = "uid-new" }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := kube(t)
			a, on := actuator(t, client, "cordon"), act("c1", "gpu-17")
			var err error
			if on.Undo, err = a.Apply(ctx, on); err != nil {
				t.Fatal(err)
			}
			change(t, client, "gpu-17", tt.meanwhile)
			if err := a.Revert(ctx, on); err != nil {
				t.Fatal(err)
			}
			if got := read(t, client, "gpu-17").Spec.Unschedulable; got != tt.cordoned {
				t.Errorf("cordoned: %t, want %t", got, tt.cordoned)
			}
		})
	}
	t.Run("the node is gone", func(t *testing.T) {
		client := kube(t)
		if err := actuator(t, client, "cordon").Revert(ctx, act("c1", "no-such-node")); err != nil {
			t.Error(err)
		}
	})
	t.Run("two corrections of one node do not know each other", func(t *testing.T) {
		client := kube(t)
		cordon, taint := actuator(t, client, "cordon"), actuator(t, client, "taint")
		one, two := act("c1", "gpu-17"), act("c2", "gpu-17")
		one.Undo, _ = cordon.Apply(ctx, one)
		two.Undo, _ = taint.Apply(ctx, two)
		if err := cordon.Revert(ctx, one); err != nil {
			t.Fatal(err)
		}
		n := read(t, client, "gpu-17")
		if n.Spec.Unschedulable || len(n.Spec.Taints) != 2 || n.Annotations["driftcast.io/corrected-by"] != "taint=c2" {
			t.Errorf("%+v %v", n.Spec, n.Annotations)
		}
	})
}

func TestNodePlan(t *testing.T) {
	ctx := context.Background()
	uncordoned := act("c1", "gpu-17")
	uncordoned.Undo = `{"node":"gpu-17","uid":"uid-gpu-17"}`
	pooled := act("c1", "gpu-17")
	pooled.Params = map[string]string{"pool": "pool"}
	gpu := act("c1", "gpu-17:3")
	gpu.Subject.Kind = "gpu"
	tests := map[string]struct {
		given func(*corev1.Node)
		on    corrector.Action
		want  func(corrector.Plan) bool
	}{
		"opted out":                         {func(n *corev1.Node) { n.Annotations = map[string]string{"driftcast.io/opt-out": "true"} }, act("c1", "gpu-17"), func(p corrector.Plan) bool { return p.OptOut != "" }},
		"opted out in words nobody foresaw": {func(n *corev1.Node) { n.Annotations = map[string]string{"driftcast.io/opt-out": "please"} }, act("c1", "gpu-17"), func(p corrector.Plan) bool { return p.OptOut != "" }},
		"opted in again":                    {func(n *corev1.Node) { n.Annotations = map[string]string{"driftcast.io/opt-out": "false"} }, act("c1", "gpu-17"), func(p corrector.Plan) bool { return p.OptOut == "" }},
		"uncordoned by hand":                {func(n *corev1.Node) { n.Annotations = map[string]string{"driftcast.io/corrected-by": "cordon=c1"} }, uncordoned, func(p corrector.Plan) bool { return p.Lost && p.Undo == "" }},
		"cordoned by hand":                  {func(n *corev1.Node) { n.Spec.Unschedulable = true }, act("c1", "gpu-17"), func(p corrector.Plan) bool { return p.Unchanged && p.Undo == "" && !p.Lost }},
		"the pool is all nodes":             {func(*corev1.Node) {}, act("c1", "gpu-17"), func(p corrector.Plan) bool { return p.Pool == 4 && p.Out == 0 }},
		"the pool is a label":               {func(*corev1.Node) {}, pooled, func(p corrector.Plan) bool { return p.Pool == 3 }},
		"a gpu names its node":              {func(*corev1.Node) {}, gpu, func(p corrector.Plan) bool { return strings.HasPrefix(p.Text, "cordon node gpu-17:") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := kube(t)
			change(t, client, "gpu-17", tt.given)
			plan, err := actuator(t, client, "cordon").Plan(ctx, tt.on)
			if err != nil || !tt.want(plan) {
				t.Errorf("%+v, %v", plan, err)
			}
		})
	}
	t.Run("whoever is out counts", func(t *testing.T) {
		client := kube(t)
		a := actuator(t, client, "cordon")
		change(t, client, "gpu-18", func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown })
		change(t, client, "cpu-1", func(n *corev1.Node) { n.Spec.Unschedulable = true })
		if plan, err := a.Plan(ctx, act("c1", "gpu-17")); err != nil || plan.Out != 2 {
			t.Errorf("%+v, %v", plan, err)
		}
		if _, err := a.Apply(ctx, act("c9", "gpu-19")); err != nil { // our own counts at once, in spite of the cache
			t.Fatal(err)
		}
		if plan, err := a.Plan(ctx, act("c1", "gpu-17")); err != nil || plan.Out != 3 {
			t.Errorf("%+v, %v", plan, err)
		}
	})
}

func TestNodeErrors(t *testing.T) {
	ctx := context.Background()
	gpu, service := act("c1", "just-a-gpu"), act("c1", "chat")
	gpu.Subject.Kind, service.Subject.Kind = "gpu", "service"
	tests := map[string]struct {
		on   corrector.Action
		verb string
		err  error
		want string
		is   error
	}{
		"no such node":           {act("c1", "gpu-99"), "", nil, "get nodes gpu-99: the subject is gone", corrector.ErrGone},
		"no right to read":       {act("c1", "gpu-17"), "get", forbidden, `allow "get" on "nodes"`, nil},
		"no right to change":     {act("c1", "gpu-17"), "patch", forbidden, `allow "patch" on "nodes"`, nil},
		"a gpu without a node":   {gpu, "", nil, "does not name its node", corrector.ErrInvalid},
		"a service is no node":   {service, "", nil, "neither a node nor a gpu", corrector.ErrInvalid},
		"conflict upon conflict": {act("c1", "gpu-17"), "patch", conflict("gpu-17"), "the object has been modified", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := kube(t)
			if tt.verb != "" {
				client.PrependReactor(tt.verb, "nodes", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, tt.err })
			}
			_, err := actuator(t, client, "cordon").Apply(ctx, tt.on)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "gpu-17", errors.New("RBAC says no"))

// TestNodeConflict has somebody taint the node between our look and our patch:
// the patch is planned anew and both taints are there.
func TestNodeConflict(t *testing.T) {
	client := kube(t)
	theirs := corev1.Taint{Key: "theirs", Effect: corev1.TaintEffectNoExecute}
	first := true
	client.PrependReactor("patch", "nodes", func(k8stesting.Action) (bool, runtime.Object, error) {
		if first {
			first = false
			nodes := corev1.SchemeGroupVersion.WithResource("nodes")
			object, err := client.Tracker().Get(nodes, "", "gpu-17") // a reactor must not use the client
			if err != nil {
				return true, nil, err
			}
			n := object.(*corev1.Node).DeepCopy()
			n.Spec.Taints = append(n.Spec.Taints, theirs)
			n.ResourceVersion = "8"
			if err := client.Tracker().Update(nodes, n, ""); err != nil {
				return true, nil, err
			}
		}
		return false, nil, nil
	})
	if _, err := actuator(t, client, "taint").Apply(context.Background(), act("c1", "gpu-17")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, client, "gpu-17").Spec.Taints; len(got) != 3 || got[1] != theirs {
		t.Errorf("taints %v", got)
	}
}
