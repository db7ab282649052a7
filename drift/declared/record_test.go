package declared_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kubeyaml "sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift/declared"
)

func TestRecorded(t *testing.T) {
	for name, test := range map[string]struct {
		live, want, skip string
		scaled           bool
	}{
		"a Deployment": {live: `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, uid: u, resourceVersion: '5', generation: 2, creationTimestamp: '2026-11-23T00:00:00Z', labels: {a: b},
  annotations: {deployment.kubernetes.io/revision: '3', kubectl.kubernetes.io/last-applied-configuration: '{}'}, managedFields: [{manager: x}]}
spec: {replicas: 3, template: {metadata: {creationTimestamp: null, labels: {a: b}}}}
status: {replicas: 3}`,
			want: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, labels: {a: b}}, spec: {replicas: 3, template: {metadata: {labels: {a: b}}}}}"},
		"replicas are an autoscaler's": {scaled: true, live: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 3, paused: true}}",
			want: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {paused: true}}"},
		"a Service": {live: "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ports: [{port: 80}]}}",
			want: "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}"},
		"a headless Service": {live: "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None}}",
			want: "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None}}"},
		"what a controller makes": {live: "{apiVersion: batch/v1, kind: Job, metadata: {name: x, ownerReferences: [{kind: CronJob, name: c, controller: true}]}}", skip: "made by CronJob c"},
		"what Kubernetes makes":   {live: "{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: shop}}", skip: "made by Kubernetes in every namespace"},
	} {
		var live, want map[string]any
		if err := errors.Join(kubeyaml.Unmarshal([]byte(test.live), &live), kubeyaml.Unmarshal([]byte(test.want), &want)); err != nil {
			t.Fatal(name, err)
		}
		got, skip := declared.Recorded(live, test.scaled)
		if diff := cmp.Diff(want, got); diff != "" || skip != test.skip {
			t.Errorf("%s: got skip %q, want %q (-want +got):\n%s", name, skip, test.skip, diff)
		}
	}
	if err := declared.Recordable("", "Secret"); err == nil {
		t.Error("a Secret is recorded")
	}
}

// What is recorded is what is then declared.
func TestARecordIsRead(t *testing.T) {
	dir := t.TempDir()
	refs := []cluster.Ref{webRef, {Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole", Name: "system:x"}, {Group: "example.org", Version: "v1", Kind: "Pool", Namespace: "a", Name: "p"}}
	var files []string
	for _, r := range refs {
		object := map[string]any{"apiVersion": r.GVK().GroupVersion().String(), "kind": r.Kind, "metadata": map[string]any{"name": r.Name}}
		if r.Namespace != "" {
			object["metadata"].(map[string]any)["namespace"] = r.Namespace
		}
		manifest, _ := declared.Recorded(object, false)
		file, err := declared.WriteManifest(dir, r, manifest)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if got, want := strings.Join(files, " "), "default/deployment.apps-web.yaml _cluster/clusterrole.rbac.authorization.k8s.io-system%3Ax.yaml a/pool.example.org-p.yaml"; got != want {
		t.Errorf("got files %s, want %s", got, want)
	}
	set := open(t, declared.Config{Name: "recorded", Path: dir})
	declarations, err := set.Declarations(context.Background())
	if err != nil || len(declarations) != len(refs) || len(set.Unread()) != 0 {
		t.Errorf("got %v, %v, %v", declarations, set.Unread(), err)
	}
}
