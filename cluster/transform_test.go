package cluster_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
)

var salt = []byte("0123456789abcdef")

// object reads an object as the server would send it.
func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	body, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	value, err := cluster.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: value.(map[string]any)}
}

func transform() cluster.Transform {
	return cluster.Transform{Redactor: cluster.NewRedactor(salt), Versions: cluster.DefaultVersions()}
}

func compact(t testing.TB, text string) *cluster.Object {
	t.Helper()
	o, err := transform().Object(object(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: u1
  resourceVersion: "7"
  generation: 2
  creationTimestamp: "2026-11-01T10:00:00Z"
  labels: {app: web}
  annotations:
    deployment.kubernetes.io/revision: "3"
    kubectl.kubernetes.io/last-applied-configuration: '{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"name":"c","env":[{"name":"PASSWORD","value":"hunter2"}]}]}}}}'
  managedFields:
  - manager: kubectl
    operation: Update
    time: "2026-11-02T10:00:00Z"
    fieldsV1: {"f:spec":{"f:replicas":{}}}
  - manager: helm
    operation: Apply
    time: "2026-11-01T10:00:00Z"
    fieldsV1: {"f:spec":{"f:template":{"f:spec":{"f:containers":{'k:{"name":"c"}':{".":{},"f:image":{}}}}}}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - name: c
        image: app:v1
        args: ["--password", "hunter2", "--verbose"]
        env: [{name: PASSWORD, value: hunter2}, {name: FROM, valueFrom: {secretKeyRef: {name: s, key: k}}}]
status:
  observedGeneration: 2
  replicas: 3
  updatedReplicas: 3
  availableReplicas: 3
  readyReplicas: 3
  conditions:
  - {type: Progressing, status: "True", reason: NewReplicaSetAvailable, lastUpdateTime: "2026-11-02T10:05:00Z", lastTransitionTime: "2026-11-01T10:05:00Z"}
`

func TestTransformKeepsTheDesiredState(t *testing.T) {
	o := compact(t, deployment)
	body := string(o.Body)
	for _, gone := range []string{"status", "managedFields", "hunter2", "last-applied", "resourceVersion", "uid", "generation\""} {
		if strings.Contains(body+string(o.LastApplied), gone) {
			t.Errorf("kept %q: %s %s", gone, body, o.LastApplied)
		}
	}
	for _, there := range []string{`"image":"app:v1"`, `"replicas":3`, `"secretKeyRef":{"key":"k","name":"s"}`, `"--verbose"`} {
		if !strings.Contains(body, there) {
			t.Errorf("lost %s: %s", there, body)
		}
	}
	if got := []string{o.Managers[0].Name, o.Managers[1].Name}; !cmp.Equal(got, []string{"helm", "kubectl"}) {
		t.Errorf("managers %v: want the oldest first", got)
	}
	w, ok := o.Facts.(*cluster.Workload)
	if !ok || w.Desired != 3 || w.Available != 3 || !w.Complete || w.Rolling || w.Revision != "3" || w.Images["c"] != "app:v1" {
		t.Errorf("facts %+v", o.Facts)
	}
}

func TestTransformKeepsOnlyFactsOfPodsThatAControllerMade(t *testing.T) {
	o := compact(t, `
apiVersion: v1
kind: Pod
metadata: {name: web-5d-x, namespace: shop, uid: p1, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d, uid: r, controller: true}]}
spec: {nodeName: n1, containers: [{name: c, image: a}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: c, restartCount: 2, imageID: "registry.test/app@sha256:abc", lastState: {terminated: {reason: OOMKilled, finishedAt: "2026-11-02T10:05:00Z"}}}]
`)
	p, ok := o.Facts.(*cluster.Pod)
	if o.Body != nil || o.Labels != nil || o.Managers != nil || !ok {
		t.Fatalf("kept too much: %+v", o)
	}
	if o.Controller.Name != "web-5d" || p.Node != "n1" || !p.Ready || p.Containers[0].Restarts != 2 || p.Containers[0].Last != "OOMKilled" || p.Containers[0].Digest != "sha256:abc" {
		t.Errorf("got %+v of %+v", p, o.Controller)
	}
}

func TestVersionsOfNodes(t *testing.T) {
	const node = `
apiVersion: v1
kind: Node
metadata: {name: n1, labels: %s}
status:
  nodeInfo: {kubeletVersion: v1.37.2, kernelVersion: 6.8.0, containerRuntimeVersion: "containerd://2.1"}
  capacity: {cpu: "96", memory: 1Ti, nvidia.com/gpu: "8"}
  allocatable: {cpu: 95500m, nvidia.com/gpu: "7"}
`
	for name, c := range map[string]struct{ labels, driver, cuda string }{
		"full names":  {`{nvidia.com/cuda.driver-version.full: 580.95.05, nvidia.com/cuda.runtime-version.full: "13.0"}`, "580.95.05", "13.0"},
		"older parts": {`{nvidia.com/cuda.driver.major: "550", nvidia.com/cuda.driver.minor: "54", nvidia.com/cuda.driver.rev: "15", nvidia.com/cuda.runtime.major: "12", nvidia.com/cuda.runtime.minor: "4"}`, "550.54.15", "12.4"},
		"none":        {`{}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := compact(t, strings.Replace(node, "%s", c.labels, 1)).Facts.(*cluster.Node)
			if n.Versions["driver"] != c.driver || n.Versions["cuda"] != c.cuda || n.Versions["kubelet"] != "v1.37.2" {
				t.Errorf("got %v", n.Versions)
			}
			if n.Capacity["memory"] != 1<<40 || n.Allocatable["cpu"] != 95.5 || n.Allocatable["nvidia.com/gpu"] != 7 {
				t.Errorf("got %v of %v", n.Allocatable, n.Capacity)
			}
		})
	}
}
