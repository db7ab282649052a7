package actuators_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector/actuators/actuatortest"
)

const (
	gpuNode = `{apiVersion: v1, kind: Node, metadata: {name: gpu-17, labels: {pool: a, topology.kubernetes.io/zone: z1, team: a}},
  spec: {taints: [{key: nvidia.com/gpu, effect: NoSchedule, value: present}]}, status: {conditions: [{type: Ready, status: "True"}]}}`
	ml         = `{apiVersion: v1, kind: Namespace, metadata: {name: ml}}`
	deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: chat, namespace: ml, uid: d1, generation: 3},
  spec: {replicas: 3, selector: {matchLabels: {app: chat}}, template: {metadata: {labels: {app: chat}},
    spec: {containers: [{name: c, image: "chat:v2", env: [{name: TOKEN, value: hunter2}], resources: {}}]}}}}`
)

// replicaSet keeps a revision of the deployment.
func replicaSet(revision int, image, token string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: chat-%d, namespace: ml, labels: {app: chat},
  annotations: {deployment.kubernetes.io/revision: "%d"}, ownerReferences: [{kind: Deployment, name: chat, uid: d1, controller: true, apiVersion: apps/v1}]},
  spec: {template: {metadata: {labels: {app: chat, pod-template-hash: %s}}, spec: {containers: [{name: c, image: "chat:%s", env: [{name: TOKEN, value: %s}], resources: {}}]}}}}`,
		revision, revision, image, image, token)
}

// pod is one on gpu-17.
func pod(name, more string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: ml, labels: {app: chat}, %s}, spec: {nodeName: gpu-17},
  status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`, name, more)
}

const owned = `ownerReferences: [{kind: ReplicaSet, name: chat-v2, uid: r1, controller: true, apiVersion: apps/v1}]`

// on completes a world about one object of a server.
func on(t *testing.T, s *server, name, kind, namespace, object string, params map[string]string) actuatortest.World {
	all := s.actuators(t)
	subject := collector.Subject{Kind: "workload", Namespace: namespace, Name: object}
	if kind == "Node" {
		subject = collector.Subject{Kind: "node", Name: object}
	}
	return actuatortest.World{
		Actuator: all[name], ReadOnly: all[name], Subject: subject, Params: params,
		Denied: [2]string{"patch", strings.ToLower(kind) + "s"},
		Version: func(*testing.T) string {
			s.mu.Lock()
			defer s.mu.Unlock()
			return fmt.Sprint(s.writes)
		},
		Body: func(*testing.T) string { return desiredOf(s.object(kind, namespace, object)) },
		OptOut: func(*testing.T) {
			s.patch(kind, namespace, object, `{metadata: {annotations: {driftcast.io/opt-out: please}}}`)
		},
		Delete: func(*testing.T) {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.objects, path(kind, namespace, object))
		},
	}
}

// desiredOf is an object without bookkeeping.
func desiredOf(o map[string]any) string {
	text, _ := json.Marshal(o)
	var clean map[string]any
	_ = json.Unmarshal(text, &clean)
	if m, ok := clean["metadata"].(map[string]any); ok {
		delete(m, "resourceVersion")
		annotations, _ := m["annotations"].(map[string]any)
		for key := range annotations {
			if strings.HasPrefix(key, "driftcast.io/") {
				delete(annotations, key)
			}
		}
		if len(annotations) == 0 {
			delete(m, "annotations")
		}
	}
	text, _ = json.Marshal(clean)
	return string(text)
}

// TestConformance tries the actuators on a small API server; internal/e2e tries
// all of them on a real one.
func TestConformance(t *testing.T) {
	node := func(name string, params map[string]string, meddle string) func(*testing.T) actuatortest.World {
		return func(t *testing.T) actuatortest.World {
			s := newServer(t, gpuNode)
			w := on(t, s, name, "Node", "", "gpu-17", params)
			w.Meddle = func(*testing.T) { s.patch("Node", "", "gpu-17", meddle) }
			return denying(s, w)
		}
	}
	workload := func(name string, params map[string]string, meddle string, more ...string) func(*testing.T) actuatortest.World {
		return func(t *testing.T) actuatortest.World {
			s := newServer(t, append(more, ml, deployment, replicaSet(1, "v1", "old"), replicaSet(2, "v2", "hunter2"))...)
			w := on(t, s, name, "Deployment", "ml", "chat", params)
			if meddle != "" {
				w.Meddle = func(*testing.T) { s.patch("Deployment", "ml", "chat", meddle) }
			}
			w.Lasting = name == "rollout-restart"
			return denying(s, w)
		}
	}
	v3 := `{spec: {template: {spec: {containers: [{name: c, image: "chat:v3", resources: {}}]}}}}`
	worlds := map[string]func(*testing.T) actuatortest.World{
		"cordon":    node("cordon", nil, `{spec: {unschedulable: null}}`),
		"taint":     node("taint", nil, `{spec: {taints: null}}`),
		"label":     node("label", map[string]string{"key": "team", "value": "b"}, `{metadata: {labels: {team: c}}}`),
		"condition": node("condition", nil, `{status: {conditions: [{type: Ready, status: "True"}]}}`),
		"drain":     draining,
		"pause":     workload("pause", nil, `{spec: {paused: null}}`),
		"restart":   workload("rollout-restart", nil, ""),
		"undo":      workload("rollout-undo", nil, v3),
		"scale":     workload("scale", map[string]string{"by": "+2"}, `{spec: {replicas: 3}}`),
		"create":    missing,
		"hand-off":  handingOff,
	}
	for name, fresh := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actuatortest.Conform(t, fresh)
		})
	}
}

// denying makes the world's server refuse to write for who may only read.
func denying(s *server, w actuatortest.World) actuatortest.World {
	w.ReadOnly = reader{s, w.Actuator}
	return w
}

func draining(t *testing.T) actuatortest.World {
	s := newServer(t, gpuNode, ml, pod("chat-0", owned), pod("chat-1", owned))
	w := on(t, s, "drain", "Node", "", "gpu-17", nil)
	w.Meddle = func(*testing.T) { s.patch("Node", "", "gpu-17", `{spec: {unschedulable: null}}`) }
	return denying(s, w)
}

// missing is a Deployment that a baseline declares and nobody has made.
func missing(t *testing.T) actuatortest.World {
	s := newServer(t, ml)
	ref := cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "ml", Name: "chat"}
	s.declared.Declare(ref, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: chat}, spec: {replicas: 2}, status: {replicas: 7}}`)
	w := on(t, s, "create", "Deployment", "ml", "chat", nil)
	w.Denied = [2]string{"create", "deployments.apps"}
	w.OptOut = func(*testing.T) {
		s.patch("Namespace", "", "ml", `{metadata: {annotations: {driftcast.io/opt-out: please}}}`)
	}
	w.Meddle = w.Delete
	w.Delete = func(*testing.T) { s.declared.Declare(ref, "") }
	return denying(s, w)
}

func handingOff(t *testing.T) actuatortest.World {
	s := newServer(t, gpuNode, `{apiVersion: v1, kind: Namespace, metadata: {name: remedies}}`)
	w := on(t, s, "hand-off", "Node", "", "gpu-17", map[string]string{"template": `{apiVersion: remedy.test/v1, kind: Remedy,
  metadata: {name: "{{.Name}}", namespace: remedies}, spec: {why: "{{.Target}} {{.Risk}}"}}`})
	w.Denied = [2]string{"create", "remedies.remedy.test"}
	w.Body = func(*testing.T) string { return desiredOf(s.object("Remedy", "remedies", "gpu-17")) }
	w.Meddle = func(*testing.T) {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.objects, path("Remedy", "remedies", "gpu-17"))
	}
	return denying(s, w)
}
