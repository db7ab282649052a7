package actuators_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/corrector/actuators/actuatortest"
)

const scaler = `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: scaler, namespace: ml, MORE},
  spec: {scaleTargetRef: {kind: Deployment, name: chat}, minReplicas: 2, maxReplicas: 4}, status: {currentReplicas: 3}}`

// TestRefused lists what actuators do not do, and what they say then.
func TestRefused(t *testing.T) {
	chat := collector.Subject{Kind: "workload", Namespace: "ml", Name: "chat"}
	node := collector.Subject{Kind: "node", Name: "gpu-17"}
	type params = map[string]string
	tests := map[string]struct {
		actuator string
		subject  collector.Subject
		params   params
		given    []string
		patch    string // of the deployment
		want     string
		invalid  bool
	}{
		"no earlier revision":              {"rollout-undo", chat, nil, []string{replicaSet(2, "v2", "hunter2")}, "", "has no earlier revision", false},
		"the revision that it is at":       {"rollout-undo", chat, params{"to_revision": "2"}, []string{replicaSet(1, "v1", "x"), replicaSet(2, "v2", "hunter2")}, "", "at revision 2 already", false},
		"a revision that is not kept":      {"rollout-undo", chat, params{"to_revision": "7"}, []string{replicaSet(1, "v1", "x"), replicaSet(2, "v2", "hunter2")}, "", "there are 2, 1", false},
		"a revision that is no number":     {"rollout-undo", chat, params{"to_revision": "v1"}, nil, "", "want the number", true},
		"only the value of a variable":     {"rollout-undo", chat, nil, []string{replicaSet(1, "v2", "hunter1"), replicaSet(2, "v2", "hunter2")}, "", "", false},
		"undo while paused":                {"rollout-undo", chat, nil, []string{replicaSet(1, "v1", "x")}, `{spec: {paused: true}}`, "resume them first", false},
		"restart while paused":             {"rollout-restart", chat, nil, nil, `{spec: {paused: true}}`, "resume them first", false},
		"restart what is not restarted":    {"rollout-restart", chat, nil, nil, `{spec: {updateStrategy: {type: OnDelete}}}`, "OnDelete", false},
		"restart a node":                   {"rollout-restart", node, nil, nil, "", "none of Deployment", true},
		"scale by nothing":                 {"scale", chat, nil, nil, "", "one of the params by", true},
		"scale by words":                   {"scale", chat, params{"by": "two"}, nil, "", "whole number", true},
		"scale by and to":                  {"scale", chat, params{"by": "2", "to": "5"}, nil, "", "one of the params by", true},
		"scale to less than none":          {"scale", chat, params{"by": "-4"}, nil, "", "less than none", false},
		"scale what is at its bound":       {"scale", chat, params{"by": "2", "max": "3"}, nil, "", "max allows 3", false},
		"scale what is off on purpose":     {"scale", chat, params{"by": "2"}, nil, `{spec: {replicas: 0}}`, "on purpose", false},
		"lower what an autoscaler owns":    {"scale", chat, params{"by": "-1"}, []string{strings.Replace(scaler, "MORE", "", 1)}, "", "horizontalpodautoscaler scaler owns", false},
		"what belongs to somebody else":    {"scale", chat, params{"by": "1"}, []string{strings.Replace(scaler, "MORE", `ownerReferences: [{kind: ScaledObject, name: chat, uid: k1, controller: true, apiVersion: keda.sh/v1alpha1}]`, 1)}, "", "belongs to ScaledObject chat", false},
		"label with our own key":           {"label", chat, params{"key": "driftcast.io/opt-out", "value": "false"}, nil, "", "not Driftcast's own", true},
		"a condition of the kubelet's":     {"condition", node, params{"type": "Ready"}, nil, "", "kubelet's own", true},
		"a condition without a meaning":    {"condition", node, params{"status": "yes"}, nil, "", "want True, False or Unknown", true},
		"apply a secret":                   {"apply", collector.Subject{Kind: "workload", Namespace: "ml", Name: "secret:token"}, nil, nil, "", "secret", false},
		"apply what nobody declared":       {"apply", chat, nil, nil, "", "nothing declares it", false},
		"apply what was redacted":          {"apply", chat, nil, nil, `{metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"v":"redacted:1"}'}}}`, "redacted", false},
		"a job that is none":               {"job", node, params{"template": "{apiVersion: v1, kind: Pod, metadata: {namespace: ml}}"}, nil, "", "want a Job", true},
		"a job of no template":             {"job", node, nil, nil, "", "template_file", true},
		"a template with a wrong blank":    {"job", node, params{"template": `{apiVersion: batch/v1, kind: Job, metadata: {namespace: "{{.Nonsense}}"}}`}, nil, "", "Nonsense", true},
		"a hand-off of a secret":           {"hand-off", node, params{"template": "{apiVersion: v1, kind: Secret, metadata: {namespace: ml}}"}, nil, "", "never created", true},
		"a hand-off of an unknown kind":    {"hand-off", node, params{"template": "{apiVersion: x.test/v1, kind: Cure, metadata: {namespace: ml}}"}, nil, "", "install what defines it", false},
		"a hand-off to nowhere":            {"hand-off", node, params{"template": "{apiVersion: remedy.test/v1, kind: Remedy}"}, nil, "", "names no namespace", true},
		"a drain of what nothing replaces": {"drain", node, nil, []string{pod("alone", "")}, "", "ml/alone has no controller", false},
		"a drain that deletes by force":    {"drain", node, params{"grace_period": "0"}, []string{pod("chat-0", owned)}, "", "at least 1", true},
		"a deadline that is none":          {"drain", node, params{"deadline": "soon"}, nil, "", "", false},
		"a service without a workload":     {"scale", collector.Subject{Kind: "service", Namespace: "ml", Name: "front"}, params{"to": "2"}, nil, "", "param workload names", false},
		"a gpu without a node":             {"cordon", collector.Subject{Kind: "gpu", Name: "just-a-gpu"}, nil, nil, "", "does not name its node", true},
		"a node that is a service":         {"cordon", collector.Subject{Kind: "service", Name: "chat"}, nil, nil, "", "neither a node nor a gpu", true},
		"a queue":                          {"label", collector.Subject{Kind: "queue", Name: "q"}, params{"key": "a"}, nil, "", "neither a node, a gpu, a workload nor a service", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, append(tt.given, gpuNode, ml, deployment)...)
			if tt.patch != "" {
				s.patch("Deployment", "ml", "chat", tt.patch)
			}
			on := act("c1", "")
			on.Subject, on.Params = tt.subject, tt.params
			plan, err := s.actuators(t)[tt.actuator].Plan(context.Background(), on)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("plan %+v, %v; want %q", plan, err, tt.want)
			case tt.invalid != errors.Is(err, corrector.ErrInvalid):
				t.Errorf("invalid: %t, want %t: %v", !tt.invalid, tt.invalid, err)
			case s.writes != 0:
				t.Errorf("%d writes", s.writes)
			}
		})
	}
}

// TestDiffs shows what plans show.
func TestDiffs(t *testing.T) {
	chat := collector.Subject{Kind: "workload", Namespace: "ml", Name: "chat"}
	tests := map[string]struct {
		actuator string
		subject  collector.Subject
		params   map[string]string
		want     string
	}{
		"cordon":    {"cordon", collector.Subject{Kind: "gpu", Name: "gpu-17:3"}, nil, "spec.unschedulable: false → true"},
		"taint":     {"taint", collector.Subject{Kind: "node", Name: "gpu-17"}, nil, `spec.taints[key=driftcast.io/at-risk,effect=PreferNoSchedule]: absent → {"effect":"PreferNoSchedule","key":"driftcast.io/at-risk"}`},
		"label":     {"label", collector.Subject{Kind: "node", Name: "gpu-17"}, map[string]string{"key": "example.com/team", "value": "b"}, `metadata.labels[example.com/team]: absent → "b"`},
		"scale":     {"scale", chat, map[string]string{"to": "5"}, "spec.replicas: 3 → 5"},
		"a service": {"scale", collector.Subject{Kind: "service", Namespace: "ml", Name: "front"}, map[string]string{"to": "5", "workload": "chat"}, "spec.replicas: 3 → 5"},
		"undo": {"rollout-undo", chat, nil, "spec.template.spec.containers[name=c].env[name=TOKEN].value: \"redacted:env\" → \"redacted:env\"\n" +
			`spec.template.spec.containers[name=c].image: "chat:v2" → "chat:v1"`},
		"drain": {"drain", collector.Subject{Kind: "node", Name: "gpu-17"}, nil, "spec.unschedulable: false → true\npod ml/chat-0: running → evicted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, gpuNode, ml, deployment, replicaSet(1, "v1", "x"), replicaSet(2, "v2", "hunter2"), pod("chat-0", owned))
			on := act("c1", "")
			on.Subject, on.Params = tt.subject, tt.params
			plan, err := s.actuators(t)[tt.actuator].Plan(context.Background(), on)
			if err != nil || plan.Diff != tt.want || !strings.Contains(plan.Text, strings.Split(tt.want, "\n")[0]) && tt.actuator != "drain" {
				t.Errorf("%v\n got %s\nwant %s\ntext %s", err, plan.Diff, tt.want, plan.Text)
			}
		})
	}
}

// TestPools: whoever is out counts, and so does the failure domain.
func TestPools(t *testing.T) {
	other := func(name, zone, more string) string {
		return `{apiVersion: v1, kind: Node, metadata: {name: ` + name + `, labels: {pool: a, topology.kubernetes.io/zone: ` + zone + `}}, ` + more + `}`
	}
	s := newServer(t, gpuNode, other("n1", "z1", `spec: {unschedulable: true}`), other("n2", "z2", `spec: {taints: [{key: driftcast.io/at-risk, effect: PreferNoSchedule}]}`),
		other("n3", "z1", ""), other("n4", "z3", `status: {conditions: [{type: Ready, status: Unknown}]}`))
	all := s.actuators(t)
	plan, err := all["cordon"].Plan(context.Background(), act("c1", "gpu-17"))
	if err != nil || plan.Pool != 5 || plan.Out != 3 || plan.Domain != "z1" || plan.DomainPool != 3 || plan.DomainOut != 1 {
		t.Errorf("plan %+v, %v", plan, err)
	}
	actuatortest.Apply(t, all["cordon"], act("c9", "n3")) // our own counts at once, in spite of the cache
	if plan, err = all["cordon"].Plan(context.Background(), act("c1", "gpu-17")); err != nil || plan.Out != 4 || plan.DomainOut != 2 {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

// TestConflict has somebody taint the node between our look and our patch: the
// patch is planned anew and both taints are there.
func TestConflict(t *testing.T) {
	s := newServer(t, gpuNode)
	first := true
	s.before = func(r *http.Request) {
		if r.Method == http.MethodPatch && first {
			first = false
			s.patchLocked(path("Node", "", "gpu-17"), `{spec: {taints: [{key: theirs, effect: NoExecute}]}}`)
		}
	}
	all := s.actuators(t)
	on := act("c1", "gpu-17")
	on.Undo = actuatortest.Apply(t, all["taint"], on)
	if got := desiredOf(s.object("Node", "", "gpu-17")); !strings.Contains(got, "theirs") || !strings.Contains(got, "at-risk") {
		t.Error(got)
	}
	if err := all["taint"].Revert(context.Background(), on); err != nil {
		t.Fatal(err)
	}
	if got := desiredOf(s.object("Node", "", "gpu-17")); !strings.Contains(got, "theirs") || strings.Contains(got, "at-risk") {
		t.Error(got)
	}
}

// TestDrainRefusedByBudget: it asks again, says who forbids, and deletes nothing.
func TestDrainRefusedByBudget(t *testing.T) {
	s := newServer(t, gpuNode, ml, pod("chat-0", owned), pod("chat-1", owned))
	s.budget = func(pod string) bool { return pod == "chat-1" }
	drain := s.actuators(t)["drain"]
	_, err := drain.Apply(context.Background(), act("c1", "gpu-17"))
	if !errors.Is(err, corrector.ErrUnfinished) || !strings.Contains(err.Error(), "pod ml/chat-1: The disruption budget keep needs 2") {
		t.Fatal(err)
	}
	if len(s.evicted) != 1 || s.object("Pod", "ml", "chat-1") == nil {
		t.Errorf("evicted %v", s.evicted)
	}
	s.budget = nil
	actuatortest.Apply(t, s.actuators(t)["drain"], act("c1", "gpu-17")) // another process goes on with it
	if len(s.evicted) != 2 {
		t.Errorf("evicted %v", s.evicted)
	}
}

// TestCheck names what a role lacks, and asks for no more than modes need.
func TestCheck(t *testing.T) {
	s := newServer(t) // allows everything on nodes and nothing else
	clients, err := actuators.ConnectTo(restOf(s))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		mode corrector.Mode
		want []string
	}{
		"approve":   {corrector.Approve, []string{`"create events.events.k8s.io"`, `"list pods"`, "policies p need it"}},
		"recommend": {corrector.Recommend, []string{`"list pods"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := actuators.Check(context.Background(), clients, []corrector.Policy{{Name: "p", Actuator: "cordon", Mode: tt.mode}, {Name: "hook", Actuator: "webhook"}})
			if err == nil || strings.Contains(err.Error(), "nodes") || tt.mode == corrector.Recommend && strings.Contains(err.Error(), "create") {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: want %s", err, want)
				}
			}
		})
	}
}
