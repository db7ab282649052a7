//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector/actuators/actuatortest"
)

// on completes a world about one object.
func (b *bench) on(name string, kind schema.GroupVersionResource, namespace, object string, subject collector.Subject, more ...string) actuatortest.World {
	return actuatortest.World{
		Actuator: b.all[name], ReadOnly: b.readOnly[name], Subject: subject,
		Denied:  [2]string{"patch", kind.GroupResource().String()},
		Version: func(*testing.T) string { return fmt.Sprint(b.writes.Load()) },
		Body:    func(t *testing.T) string { return b.body(t, kind, namespace, object, more...) },
		OptOut: func(t *testing.T) {
			if namespace != "" {
				b.patch(t, nsKind, "", namespace, `{"metadata":{"annotations":{"driftcast.io/opt-out":"yes"}}}`)
				return
			}
			b.patch(t, kind, "", object, `{"metadata":{"annotations":{"driftcast.io/opt-out":"true"}}}`)
		},
		Delete: func(t *testing.T) { b.remove(t, kind, namespace, object) },
	}
}

func (b *bench) onNode(t *testing.T, name string, params map[string]string, given, meddle string, more ...string) actuatortest.World {
	node := b.node(t)
	if given != "" {
		b.patch(t, nodeKind, "", node, given)
	}
	w := b.on(name, nodeKind, "", node, collector.Subject{Kind: "node", Name: node}, more...)
	w.Params = params
	w.Meddle = func(t *testing.T) { b.patch(t, nodeKind, "", node, meddle) }
	return w
}

func (b *bench) onWorkload(t *testing.T, name string, kind schema.GroupVersionResource, params map[string]string, meddle string) actuatortest.World {
	namespace := b.workload(t, kind, "nowhere")
	w := b.on(name, kind, namespace, "chat", collector.Subject{Kind: "workload", Namespace: namespace, Name: "chat"})
	w.Params = params
	if meddle != "" {
		w.Meddle = func(t *testing.T) { b.patch(t, kind, namespace, "chat", meddle) }
	}
	return w
}

func (b *bench) rolledOut(t *testing.T, kind schema.GroupVersionResource) actuatortest.World {
	w := b.onWorkload(t, "rollout-undo", kind, nil, fmt.Sprintf(rollOutPatch, "v3", "x"))
	b.rollOut(t, kind, w.Subject.Namespace, "v2")
	return w
}

// TestActuators tries every actuator on a real control plane.
func TestActuators(t *testing.T) {
	b := newBench(t, controlPlane(t).Config(t))
	b.remediations(t)
	for name, fresh := range b.worlds() {
		t.Run(name, func(t *testing.T) { actuatortest.Conform(t, fresh) })
	}
}

// worlds are all actuators, each with an object that it can be tried on.
func (b *bench) worlds() map[string]func(t *testing.T) actuatortest.World {
	return map[string]func(t *testing.T) actuatortest.World{
		"cordon": func(t *testing.T) actuatortest.World {
			return b.onNode(t, "cordon", nil, "", `{"spec":{"unschedulable":null}}`)
		},
		"uncordon": func(t *testing.T) actuatortest.World {
			return b.onNode(t, "uncordon", nil, `{"spec":{"unschedulable":true}}`, `{"spec":{"unschedulable":true}}`)
		},
		"taint": func(t *testing.T) actuatortest.World {
			return b.onNode(t, "taint", nil, `{"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}`, `{"spec":{"taints":null}}`)
		},
		"label a node": func(t *testing.T) actuatortest.World {
			return b.onNode(t, "label", map[string]string{"key": "team", "value": "b"}, `{"metadata":{"labels":{"team":"a"}}}`, `{"metadata":{"labels":{"team":"c"}}}`)
		},
		"annotate a workload": func(t *testing.T) actuatortest.World {
			return b.onWorkload(t, "annotate", setKind, map[string]string{"key": "example.com/note", "value": "b"}, `{"metadata":{"annotations":{"example.com/note":null}}}`)
		},
		"condition": func(t *testing.T) actuatortest.World {
			w := b.onNode(t, "condition", nil, "", "")
			w.Meddle, w.Denied[1] = nil, "nodes/status"
			w.Body = func(t *testing.T) string {
				text := ""
				o := b.read(t, nodeKind, "", w.Subject.Name)
				conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
				for _, c := range conditions {
					if c := c.(map[string]any); c["type"] == "DriftcastAtRisk" {
						text = fmt.Sprint(c)
					}
				}
				return text
			}
			return w
		},
		"drain": b.drained,
		"pause": func(t *testing.T) actuatortest.World {
			return b.onWorkload(t, "pause", deployKind, nil, `{"spec":{"paused":null}}`)
		},
		"resume": func(t *testing.T) actuatortest.World {
			w := b.onWorkload(t, "resume", deployKind, nil, `{"spec":{"paused":true}}`)
			b.patch(t, deployKind, w.Subject.Namespace, "chat", `{"spec":{"paused":true}}`)
			return w
		},
		"restart a deployment": func(t *testing.T) actuatortest.World {
			w := b.onWorkload(t, "rollout-restart", deployKind, nil, "")
			w.Lasting = true
			return w
		},
		"restart a daemonset": func(t *testing.T) actuatortest.World {
			w := b.onWorkload(t, "rollout-restart", daemonKind, nil, "")
			w.Lasting = true
			return w
		},
		"undo a deployment":  func(t *testing.T) actuatortest.World { return b.rolledOut(t, deployKind) },
		"undo a statefulset": func(t *testing.T) actuatortest.World { return b.rolledOut(t, setKind) },
		"undo a daemonset":   func(t *testing.T) actuatortest.World { return b.rolledOut(t, daemonKind) },
		"scale": func(t *testing.T) actuatortest.World {
			return b.onWorkload(t, "scale", deployKind, map[string]string{"by": "+2", "max": "5"}, `{"spec":{"replicas":2}}`)
		},
		"scale what an autoscaler owns": b.autoscaled,
		"apply a workload":              b.driftedWorkload,
		"apply a configmap":             b.driftedConfig,
		"job":                           b.job,
		"create":                        b.missing,
		"hand-off":                      b.handOff,
	}
}

// missing is a ConfigMap that a baseline declares and nobody has made.
func (b *bench) missing(t *testing.T) actuatortest.World {
	namespace := b.namespace(t)
	ref := cluster.Ref{Version: "v1", Kind: "ConfigMap", Namespace: namespace, Name: "settings"}
	b.declared.Declare(ref, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, labels: {app: chat}}\ndata: {a: one}")
	w := b.on("create", configKind, namespace, "settings", ref.Subject())
	w.Denied[0] = "create"
	w.Meddle = func(t *testing.T) { b.remove(t, configKind, namespace, "settings") }
	w.Delete = func(*testing.T) { b.declared.Declare(ref, "") }
	return w
}

func (b *bench) drained(t *testing.T) actuatortest.World {
	node := b.readyNode(t)
	namespace := b.workload(t, deployKind, node)
	b.running(t, namespace, 2)
	w := b.on("drain", nodeKind, "", node, collector.Subject{Kind: "node", Name: node})
	w.Meddle = func(t *testing.T) { b.patch(t, nodeKind, "", node, `{"spec":{"unschedulable":null}}`) }
	return w
}

func (b *bench) running(t *testing.T, namespace string, want int) {
	eventually(t, time.Minute, "pods run", so(func() bool {
		return len(b.list(t, podKind, namespace, "status.phase=Running")) == want
	}))
}

func (b *bench) autoscaled(t *testing.T) actuatortest.World {
	namespace := b.workload(t, deployKind, "nowhere")
	b.create(t, hpaKind, "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaler, namespace: "+namespace+"}\n"+
		"spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: chat}, minReplicas: 2, maxReplicas: 6}")
	w := b.on("scale", hpaKind, namespace, "scaler", collector.Subject{Kind: "workload", Namespace: namespace, Name: "chat"})
	w.Params = map[string]string{"by": "3"}
	w.OptOut = func(t *testing.T) {
		b.patch(t, deployKind, namespace, "chat", `{"metadata":{"annotations":{"driftcast.io/opt-out":""}}}`)
	}
	w.Meddle = func(t *testing.T) { b.patch(t, hpaKind, namespace, "scaler", `{"spec":{"minReplicas":1}}`) }
	w.Delete = func(t *testing.T) { b.remove(t, deployKind, namespace, "chat") }
	return w
}

func (b *bench) driftedWorkload(t *testing.T) actuatortest.World {
	w := b.onWorkload(t, "apply", deployKind, map[string]string{"force": "true"}, fmt.Sprintf(rollOutPatch, "v3", "x"))
	b.rollOut(t, deployKind, w.Subject.Namespace, "v2")
	b.patch(t, deployKind, w.Subject.Namespace, "chat", `{"spec":{"replicas":3}}`)
	b.observed(t, deployKind, w.Subject.Namespace)
	again := w.Meddle
	w.Meddle = func(t *testing.T) {
		again(t)
		b.patch(t, deployKind, w.Subject.Namespace, "chat", `{"spec":{"replicas":3}}`)
	}
	return w
}

func (b *bench) driftedConfig(t *testing.T) actuatortest.World {
	namespace := b.namespace(t)
	b.create(t, configKind, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: "+namespace+"}\ndata: {a: one, b: two}")
	b.patch(t, configKind, namespace, "settings", `{"data":{"a":"drifted","b":null,"c":"added"}}`)
	w := b.on("apply", configKind, namespace, "settings", collector.Subject{Kind: "workload", Namespace: namespace, Name: "configmap:settings"})
	w.Params = map[string]string{"force": "true"}
	w.Meddle = func(t *testing.T) { b.patch(t, configKind, namespace, "settings", `{"data":{"a":"drifted","b":null}}`) }
	return w
}

func (b *bench) job(t *testing.T) actuatortest.World {
	node, namespace := b.readyNode(t), b.namespace(t)
	w := b.on("job", nodeKind, "", node, collector.Subject{Kind: "node", Name: node})
	w.Params = map[string]string{"template": `
apiVersion: batch/v1
kind: Job
metadata: {namespace: ` + namespace + `}
spec:
  template:
    metadata: {annotations: {testbed/run-for: 2s}}
    spec:
      restartPolicy: Never
      nodeSelector: {kubernetes.io/hostname: "{{.Name}}"}
      containers: [{name: validate, image: "registry.test/validate:v1", args: ["--risk={{.Risk}}"]}]
`}
	w.Denied = [2]string{"create", "jobs.batch"}
	w.Body = func(t *testing.T) string { return fmt.Sprint(len(b.list(t, jobKind, namespace, ""))) }
	return w
}

func (b *bench) remediations(t *testing.T) {
	_ = b.admin.Dynamic.Resource(crdKind).Delete(context.Background(), "selfnoderemediations.remediation.test", metav1.DeleteOptions{})
	eventually(t, time.Minute, "an older definition is gone", so(func() bool {
		_, err := b.admin.Dynamic.Resource(crdKind).Get(context.Background(), "selfnoderemediations.remediation.test", metav1.GetOptions{})
		return err != nil
	}))
	b.create(t, crdKind, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: selfnoderemediations.remediation.test}
spec:
  group: remediation.test
  names: {kind: SelfNodeRemediation, plural: selfnoderemediations, singular: selfnoderemediation}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`)
	eventually(t, time.Minute, "the definition is served", so(func() bool {
		_, err := b.admin.Dynamic.Resource(remedyKind).List(context.Background(), metav1.ListOptions{})
		return err == nil
	}))
}

func (b *bench) handOff(t *testing.T) actuatortest.World {
	node, namespace := b.node(t), b.namespace(t)
	w := b.on("hand-off", nodeKind, "", node, collector.Subject{Kind: "gpu", Name: node + ":3"})
	w.Params = map[string]string{"strategy": "Automatic", "template": `
apiVersion: remediation.test/v1
kind: SelfNodeRemediation
metadata: {name: "{{.Name}}", namespace: ` + namespace + `}
spec: {remediationStrategy: "{{.Params.strategy}}", reason: "{{.Target}} {{.Risk}}"}
`}
	w.Denied = [2]string{"create", "selfnoderemediations.remediation.test"}
	w.Body = func(t *testing.T) string { return b.body(t, remedyKind, namespace, node) }
	w.Meddle = func(t *testing.T) { b.remove(t, remedyKind, namespace, node) }
	return w
}
