package drift_test

import (
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/drift"
)

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {}
      containers:
      - name: c
        image: web:1
        args: [--port, "80"]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 1000m, memory: 1Gi}}
`

const webName = "Deployment/team/web"

// defaultDeployment is what the server adds, in the forms that it writes.
func defaultDeployment(s *server) {
	s.defaults(webName, func(u *unstructured.Unstructured) {
		spec := u.Object["spec"].(map[string]any)
		spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"] = int64(600), int64(10)
		spec["strategy"] = map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxSurge": "25%", "maxUnavailable": "25%"}}
		pod := spec["template"].(map[string]any)["spec"].(map[string]any)
		delete(pod, "nodeSelector")
		pod["dnsPolicy"], pod["restartPolicy"], pod["securityContext"] = "ClusterFirst", "Always", map[string]any{}
		c := pod["containers"].([]any)[0].(map[string]any)
		c["imagePullPolicy"], c["terminationMessagePath"] = "IfNotPresent", "/dev/termination-log"
		c["ports"].([]any)[0].(map[string]any)["protocol"] = "TCP"
		c["resources"].(map[string]any)["requests"].(map[string]any)["cpu"] = "1"
	})
}

const environment = "/spec/template/spec/containers/name=c/env/"

// TestTruth is what is drift and what is not, for both ways of applying and for
// manifests in a directory.
func TestTruth(t *testing.T) {
	hpa := `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: team}
spec: {maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
`
	image := func(manager string) func(*server) {
		return func(s *server) { s.container(manager, webName, func(c map[string]any) { c["image"] = "web:2" }) }
	}
	for what, tt := range map[string]struct {
		do                         func(s *server)
		applied, client, directory []string // lines behind "Deployment/team/web <source> "
	}{
		"fresh": {func(*server) {}, nil, nil, nil},
		"scaled by hand": {func(s *server) { s.scale("kubectl", webName, 5) },
			[]string{"[replicas] /spec/replicas: 2 → 5 by kubectl"}, []string{"[replicas] /spec/replicas: 2 → 5 by kubectl"}, []string{"[replicas] /spec/replicas: 2 → 5 by kubectl"}},
		"scaled by an autoscaler": {func(s *server) {
			s.apply("kubectl", hpa)
			s.scale("kube-controller-manager", webName, 5)
		}, nil, nil, nil},
		"image set": {image("kubectl-set"),
			[]string{`[image] /spec/template/spec/containers/name=c/image: "web:1" → "web:2" by kubectl-set`},
			[]string{`[image] /spec/template/spec/containers/name=c/image: "web:1" → "web:2" by kubectl-set`},
			[]string{`[image] /spec/template/spec/containers/name=c/image: "web:1" → "web:2" by kubectl-set`}},
		"variable added": {func(s *server) {
			s.container("kubectl-edit", webName, func(c map[string]any) {
				c["env"] = append(c["env"].([]any), map[string]any{"name": "C", "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.name"}}})
			})
		},
			[]string{`[environment] ` + environment + `name=C: nothing → {"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}} by kubectl-edit`},
			[]string{`[environment] ` + environment + `name=C: nothing → {"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}} by kubectl-edit`},
			[]string{`[environment] ` + environment + `name=C: nothing → {"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}} by kubectl-edit`}},
		"arguments removed": {func(s *server) { s.container("kubectl-edit", webName, func(c map[string]any) { delete(c, "args") }) },
			[]string{`[spec] /spec/template/spec/containers/name=c/args: ["--port","80"] → absent`},
			[]string{`[spec] /spec/template/spec/containers/name=c/args: ["--port","80"] → absent`},
			[]string{`[spec] /spec/template/spec/containers/name=c/args: ["--port","80"] → absent`}},
		"label added": {func(s *server) { s.set("kubectl-label", webName, "x", "metadata", "labels", "who") },
			[]string{`[metadata] /metadata/labels/who: nothing → "x" by kubectl-label`}, []string{`[metadata] /metadata/labels/who: nothing → "x" by kubectl-label`},
			[]string{`[metadata] /metadata/labels/who: nothing → "x" by kubectl-label`}},
		"annotated by a controller": {func(s *server) {
			s.set("kube-controller-manager", webName, "2", "metadata", "annotations", "deployment.kubernetes.io/revision")
			s.set("my-webhook", webName, "x", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
		}, nil, nil, nil},
		"changed and changed back": {func(s *server) {
			image("kubectl-set")(s)
			s.tick(time.Minute)
			s.container("kubectl-edit", webName, func(c map[string]any) { c["image"] = "web:1" })
		}, nil, nil, nil},
		"the same value in other words": {func(s *server) {
			s.container("kubectl-edit", webName, func(c map[string]any) {
				c["resources"].(map[string]any)["requests"].(map[string]any)["memory"] = "1024Mi"
			})
		}, nil, nil, nil},
	} {
		for how, want := range map[string][]string{"apply": tt.applied, "last-applied": tt.client, "directory": tt.directory} {
			t.Run(what+", "+how, func(t *testing.T) {
				s := newServer(t)
				o := drift.Options{}
				switch how {
				case "apply":
					s.apply("flux", web)
				case "last-applied":
					s.clientApply(web)
				default:
					s.clientApply(web)
					o.Sources = []drift.Source{s.manifests(web)}
				}
				defaultDeployment(s)
				d := s.detector(o)
				expect(t, compare(t, d))
				s.tick(10 * time.Minute)
				tt.do(s)
				lines := make([]string, len(want))
				for i := range want {
					lines[i] = "Deployment/team/web " + how + " " + want[i]
				}
				expect(t, compare(t, d), lines...)
			})
		}
	}
}

// TestReapplied: what a declaring manager does is declared, whatever it was before.
func TestReapplied(t *testing.T) {
	s := newServer(t)
	s.apply("flux", web)
	d := s.detector(drift.Options{})
	expect(t, compare(t, d))
	s.tick(time.Minute)
	s.container("kubectl-edit", webName, func(c map[string]any) { c["image"] = "web:2"; delete(c, "args") })
	if got := len(drifted(compare(t, d))); got != 2 {
		t.Fatalf("got %d differences, want 2", got)
	}
	s.tick(time.Minute)
	s.apply("flux", web)
	expect(t, compare(t, d))
	s.tick(time.Minute)
	s.apply("flux", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  selector: {matchLabels: {app: web}}
  template: {spec: {containers: [{name: c, image: "web:3"}]}}
`)
	expect(t, compare(t, d))
}

// TestTaken: another manager that applies by force takes fields that stay declared.
func TestTaken(t *testing.T) {
	s := newServer(t)
	s.apply("flux", web)
	d := s.detector(drift.Options{})
	compare(t, d)
	s.tick(time.Minute)
	s.apply("hotfix", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  template: {spec: {containers: [{name: c, image: "web:hot"}]}}
`)
	expect(t, compare(t, d), `Deployment/team/web apply [image] /spec/template/spec/containers/name=c/image: "web:1" → "web:hot" by hotfix`)
}

// TestScaleWithoutEntry: /scale leaves nothing in managedFields where the
// declaration leaves replicas out.
func TestScaleWithoutEntry(t *testing.T) {
	s := newServer(t)
	s.apply("flux", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  selector: {matchLabels: {app: web}}
  template: {spec: {containers: [{name: c, image: "web:1"}]}}
`)
	replicas := func(n int64) {
		s.defaults(webName, func(u *unstructured.Unstructured) { u.Object["spec"].(map[string]any)["replicas"] = n })
	}
	replicas(1)
	d := s.detector(drift.Options{})
	expect(t, compare(t, d))
	replicas(4)
	expect(t, compare(t, d), "Deployment/team/web apply [replicas] /spec/replicas: 1 → 4")
}

// TestFirstSight: what was done before anybody looked is told by managedFields,
// and past templates tell what was there.
func TestFirstSight(t *testing.T) {
	s := newServer(t)
	s.apply("flux", web)
	replicaSet := func(number string) {
		template := s.live[webName].DeepCopy().Object["spec"].(map[string]any)["template"]
		u := s.object(`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-` + number + `, namespace: team, annotations: {deployment.kubernetes.io/revision: "` + number + `"},
			ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: x, controller: true}]}, spec: {}}`)
		u.Object["spec"].(map[string]any)["template"] = template
		s.create("kube-controller-manager", u)
	}
	replicaSet("1")
	s.tick(time.Hour)
	s.container("kubectl-edit", webName, func(c map[string]any) { c["image"] = "web:2"; delete(c, "args") })
	replicaSet("2")
	s.tick(time.Hour)
	d := s.detector(drift.Options{})
	report := compare(t, d)
	expect(t, report,
		`Deployment/team/web apply [image] /spec/template/spec/containers/name=c/image: "web:1" → "web:2" by kubectl-edit`,
		`Deployment/team/web apply [spec] /spec/template/spec/containers/name=c/args: ["--port","80"] → absent`)
	for _, f := range report.Findings {
		if got, want := f.Since, s.now.Add(-time.Hour); len(f.Differences) > 0 && !got.Equal(want) {
			t.Errorf("since %s, want %s", got, want)
		}
	}
}

// TestCreated: who created an object declares it where nobody else does, and
// nothing is said of what controllers made, but what people did to it.
func TestCreated(t *testing.T) {
	s := newServer(t)
	s.create("my-client", s.object(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team}, data: {x: "1"}}`))
	s.create("kube-controller-manager", s.object(`{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: team}, data: {x: "1"}}`))
	s.create("kubelet", s.object(`{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {a: b}}, spec: {podCIDR: 10.0.0.0/24}}`))
	d := s.detector(drift.Options{})
	report := compare(t, d)
	expect(t, report)
	if len(report.Findings) != 1 || report.Findings[0].Source != drift.SourceBaseline || report.Findings[0].Verdict != drift.Synced {
		t.Errorf("got %+v, want the one object that its creator declares", report.Findings)
	}
	s.tick(time.Minute)
	s.set("other-client", "ConfigMap/team/a", "2", "data", "x")
	s.set("some-agent", "Node//n1", "1", "metadata", "labels", "agent")
	s.set("kubectl-label", "Node//n1", "1", "metadata", "labels", "hand")
	expect(t, compare(t, d),
		`ConfigMap/team/a baseline [spec] /data/x: "1" → "2" by other-client`,
		`Node/n1 baseline [metadata] /metadata/labels/hand: nothing → "1" by kubectl-label`)
}

// TestDeleted: what manifests declare and is not there, unless it may only not
// have been seen.
func TestDeleted(t *testing.T) {
	s := newServer(t)
	s.apply("flux", web)
	other := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: gone, namespace: team}, spec: {replicas: 1}}`
	d := s.detector(drift.Options{Sources: []drift.Source{s.manifests(web, other, `{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: team}}`)}})
	expect(t, compare(t, d), `Deployment/team/gone directory [deletion] the object: "Deployment/team/gone" → absent`,
		"unknown Widget.example.com/team/w: Widget.example.com/team/w is not watched: name its resource in cluster.watch, and its namespace in cluster.namespaces where that is set")
	s.ready = errUnlisted
	list := drifted(compare(t, d))
	if len(list) != 2 || list[0] != "unknown Deployment/team/gone: it may be there and not have been listed: deployments: forbidden" {
		t.Errorf("got\n%s", join(list))
	}
}

var errUnlisted = errors.New("deployments: forbidden")
