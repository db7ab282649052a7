package drift_test

import (
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/drift"
)

func TestPointer(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		matches       bool
	}{
		{"/spec/replicas", "/spec/replicas", true},
		{"/spec", "/spec/replicas", true},
		{"/spec/replicas", "/spec", false},
		{"/spec/*/containers/name=c/image", "/spec/template/containers/name=c/image", true},
		{"/spec/containers/*/image", "/spec/containers/name=c/image", true},
		{"/spec/containers/name=*/image", "/spec/containers/name=c/env", false},
		{"/metadata/labels/a.io~1b", "/metadata/labels/a.io~1b", true},
		{"/metadata/labels/a.io~1*", "/metadata/labels/a.io~1b", true},
		{"/metadata/labels/a*b*c", "/metadata/labels/axbybzc", true},
		{"/metadata/labels/a*b*c", "/metadata/labels/axc", false},
		{"/metadata/labels/*", "/metadata/annotations/x", false},
	} {
		pattern, err := drift.ParsePointer(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		path, err := drift.ParsePointer(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := pattern.Matches(path); got != tt.matches {
			t.Errorf("%s matches %s: got %t, want %t", tt.pattern, tt.path, got, tt.matches)
		}
	}
	for _, bad := range []string{"", "spec", "/", "/a//b", "/a~2", "/a~"} {
		if p, err := drift.ParsePointer(bad); err == nil {
			t.Errorf("ParsePointer(%q) = %v, want an error", bad, p)
		}
	}
}

func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"/spec/replicas", "/metadata/labels/a.io~1b", "/a~0~1", "/x/*/y*z", "/", "~"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		a, err := drift.ParsePointer(pattern)
		if err != nil {
			return
		}
		again, err := drift.ParsePointer(a.String())
		if err != nil || again.String() != a.String() {
			t.Fatalf("%q is written %q, which reads %v, %v", pattern, a, again, err)
		}
		if !a.Matches(a) {
			t.Fatalf("%q does not match itself", pattern)
		}
		b, err := drift.ParsePointer(path)
		if err != nil {
			return
		}
		if a.Matches(b) && !a.Matches(append(b, "more")) {
			t.Fatalf("%q matches %q and not what is beneath it", pattern, path)
		}
		if !strings.Contains(pattern, "*") && a.Matches(b) && !strings.HasPrefix(b.String()+"/", a.String()+"/") {
			t.Fatalf("%q matches %q, which is not beneath it", pattern, path)
		}
	})
}

// TestIgnore: each rule hides what it names and nothing else.
func TestIgnore(t *testing.T) {
	const image, label = "/spec/template/spec/containers/name=c/image", "/metadata/labels/who"
	for what, tt := range map[string]struct {
		ignore     []drift.Ignore
		annotation string
		want       []string // paths that are left
	}{
		"none":                  {nil, "", []string{label, image}},
		"path":                  {[]drift.Ignore{{Paths: []string{"/spec/template/spec/containers/*/image"}}}, "", []string{label}},
		"path of another kind":  {[]drift.Ignore{{Kind: "StatefulSet", Paths: []string{"/spec"}}}, "", []string{label, image}},
		"kind with its group":   {[]drift.Ignore{{Kind: "Deployment.apps", Paths: []string{"/spec"}}}, "", []string{label}},
		"manager":               {[]drift.Ignore{{Managers: []string{"kubectl-l*"}}}, "", []string{image}},
		"manager and path":      {[]drift.Ignore{{Managers: []string{"kubectl-label"}, Paths: []string{"/spec"}}}, "", []string{label, image}},
		"namespace":             {[]drift.Ignore{{Namespace: "te*"}}, "", nil},
		"another namespace":     {[]drift.Ignore{{Namespace: "other"}}, "", []string{label, image}},
		"name":                  {[]drift.Ignore{{Kind: "Deployment", Name: "web"}}, "", nil},
		"annotation":            {nil, "/metadata/labels/who, /spec/replicas", []string{image}},
		"annotation for all":    {nil, "*", nil},
		"annotation, two lines": {nil, "/metadata/labels\n/spec/template", nil},
	} {
		t.Run(what, func(t *testing.T) {
			s := newServer(t)
			s.apply("flux", web)
			if tt.annotation != "" {
				s.set("flux-annotate", webName, tt.annotation, "metadata", "annotations", drift.IgnoreAnnotation)
			}
			c := drift.DefaultConfig()
			c.Ignore = tt.ignore
			d := s.detector(drift.Options{Config: c})
			compare(t, d)
			s.set("kubectl-label", webName, "x", "metadata", "labels", "who")
			s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = "web:2" })
			var got []string
			for _, f := range compare(t, d).Findings {
				for _, difference := range f.Differences {
					got = append(got, difference.Path)
				}
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestIgnoreUnreadable: an annotation that cannot be read hides nothing quietly.
func TestIgnoreUnreadable(t *testing.T) {
	s := newServer(t)
	s.apply("flux", web)
	s.set("flux-annotate", webName, "spec.replicas", "metadata", "annotations", drift.IgnoreAnnotation)
	expect(t, compare(t, s.detector(drift.Options{})), `unknown Deployment/team/web: annotation driftcast.io/ignore-drift: pointer "spec.replicas": want /field/field, such as /spec/replicas`)
}

// TestEqual: values that are the same to the server, and texts that are not.
func TestEqual(t *testing.T) {
	for what, tt := range map[string]struct {
		declared, live string
		drift          bool
	}{
		"quantity":                 {`spec: {hard: {cpu: 1000m}}`, `spec: {hard: {cpu: "1"}}`, false},
		"quantity, another":        {`spec: {hard: {cpu: 1000m}}`, `spec: {hard: {cpu: "2"}}`, true},
		"quantity as a number":     {`spec: {hard: {pods: 5}}`, `spec: {hard: {pods: "5"}}`, false},
		"bytes":                    {`spec: {hard: {memory: 1Gi}}`, `spec: {hard: {memory: 1024Mi}}`, false},
		"port as a text":           {`spec: {port: "80"}`, `spec: {port: 80}`, false},
		"duration":                 {`spec: {timeout: 60s}`, `spec: {timeout: 1m0s}`, false},
		"duration, another":        {`spec: {timeout: 60s}`, `spec: {timeout: 2m}`, true},
		"label like a quantity":    {`metadata: {labels: {x: 1000m}}`, `metadata: {labels: {x: "1"}}`, true},
		"data like a duration":     {`data: {x: 60s}`, `data: {x: 1m0s}`, true},
		"zero and absent":          {`spec: {on: false, n: 0, list: [], map: {a: {}}, s: "", z: null}`, `spec: {x: 1}`, false},
		"true and absent":          {`spec: {on: true}`, `spec: {x: 1}`, true},
		"number and float":         {`spec: {n: 1}`, `spec: {n: 1.0}`, false},
		"list in another order":    {`spec: {list: [a, b]}`, `spec: {list: [b, a]}`, true},
		"named items, reordered":   {`spec: {items: [{name: a, v: 1}, {name: b, v: 2}]}`, `spec: {items: [{name: b, v: 2}, {name: a, v: 1}]}`, false},
		"items with defaults":      {`spec: {rules: [{host: a}]}`, `spec: {rules: [{host: a, kind: x}]}`, false},
		"one item more":            {`spec: {rules: [{host: a}]}`, `spec: {rules: [{host: a}, {host: b}]}`, true},
		"ports without a protocol": {`spec: {ports: [{port: 53}, {port: 53, protocol: UDP}]}`, `spec: {ports: [{port: 53, protocol: TCP}, {port: 53, protocol: UDP}]}`, false},
		"a map instead of a text":  {`spec: {x: {a: 1}}`, `spec: {x: a}`, true},
	} {
		t.Run(what, func(t *testing.T) {
			head := "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x}\n"
			text := func(body string) string {
				if strings.HasPrefix(body, "metadata") {
					return "apiVersion: example.com/v1\nkind: Thing\n" + strings.Replace(body, "{labels", "{name: x, labels", 1)
				}
				return head + body
			}
			s := newServer(t)
			live := s.object(text(tt.live))
			s.live[name(live)] = live
			d := s.detector(drift.Options{Sources: []drift.Source{s.manifests(text(tt.declared))}})
			if got := compare(t, d).Count(drift.Drifted) > 0; got != tt.drift {
				t.Errorf("drift %t, want %t", got, tt.drift)
			}
		})
	}
}

// TestController: what controllers keep is theirs, in manifests too.
func TestControllers(t *testing.T) {
	for what, tt := range map[string]struct{ manifest, manager, path, value string }{
		"caBundle":         {`{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: x}, spec: {caBundle: AAAA, group: g}}`, "someone", "spec/caBundle", "BBBB"},
		"aggregated rules": {`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}, rules: []}`, "kubectl-edit", "rules/0", "x"},
		"endpoints":        {`{apiVersion: v1, kind: Endpoints, metadata: {name: x, namespace: y}}`, "someone", "metadata/labels/a", "b"},
		"lease":            {`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: x, namespace: y}, spec: {holderIdentity: a}}`, "kubectl-edit", "spec/holderIdentity", "b"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newServer(t)
			live := s.object(tt.manifest)
			live.SetUID("u")
			s.live[name(live)] = live
			path := strings.Split(tt.path, "/")
			if path[0] == "rules" {
				if err := unstructured.SetNestedSlice(live.Object, []any{map[string]any{"verbs": []any{"get"}}}, "rules"); err != nil {
					t.Fatal(err)
				}
			} else if err := unstructured.SetNestedField(live.Object, tt.value, path...); err != nil {
				t.Fatal(err)
			}
			expect(t, compare(t, s.detector(drift.Options{Sources: []drift.Source{s.manifests(tt.manifest)}})))
		})
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(c *drift.Config){
		"":                                         func(*drift.Config) {},
		"drift.interval: want more than 0s":        func(c *drift.Config) { c.Interval = 0 },
		"drift.unobserved: want more than 0s":      func(c *drift.Config) { c.Unobserved = -model.Duration(1) },
		"drift.fleet.minimum: want 2 or more":      func(c *drift.Config) { c.Fleet.Minimum = 1 },
		"drift.dry_run.qps: want more than 0":      func(c *drift.Config) { c.DryRun = drift.DryRunConfig{Enabled: true} },
		"drift.dry_run.kubeconfig: nothing reads":  func(c *drift.Config) { c.DryRun.Kubeconfig = "x" },
		"drift.ignore[0]: it would ignore everyth": func(c *drift.Config) { c.Ignore = []drift.Ignore{{Reason: "all"}} },
		`drift.ignore[1].paths: pointer "x"`:       func(c *drift.Config) { c.Ignore = []drift.Ignore{{Name: "a"}, {Paths: []string{"x"}}} },
		"drift.fleet.declared[0]: want versions":   func(c *drift.Config) { c.Fleet.Declared = []drift.FleetDefined{{Pool: "x"}} },
	} {
		c := drift.DefaultConfig()
		change(&c)
		err := c.Validate()
		if (err == nil) != (want == "") || (err != nil && !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
