package deploy_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector/actuators"
)

var update = flag.Bool("update", false, "write what is generated anew")

// rulesOf are the rules of a role as "verb resource.group", one a right; those on
// named objects end in their name.
func rulesOf(rules []rbacv1.PolicyRule) (rights []string) {
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					right := actuators.Permission{Verb: verb, Group: group, Resource: resource}.String()
					for _, name := range append(r.ResourceNames, "")[:max(1, len(r.ResourceNames))] {
						rights = append(rights, strings.TrimSpace(right+" "+name))
					}
				}
			}
		}
	}
	slices.Sort(rights)
	return rights
}

// roles are the rights of every role of a folder, by the role's name.
func roles(t *testing.T, dir string) map[string][]string {
	t.Helper()
	return rolesOf(manifests(t, dir))
}

func rolesOf(objects []runtime.Object) map[string][]string {
	found := map[string][]string{}
	for _, o := range objects {
		switch o := o.(type) {
		case *rbacv1.ClusterRole:
			found[o.Name] = rulesOf(o.Rules)
		case *rbacv1.Role:
			found[o.Name] = rulesOf(o.Rules)
		}
	}
	return found
}

// TestNobodyMayEverything: no wildcard, and no role reads Secrets.
func TestNobodyMayEverything(t *testing.T) {
	for _, dir := range []string{"base", "corrector", "dry-run", "ha"} {
		for name, rights := range roles(t, "kustomize/"+dir) {
			for _, right := range rights {
				if strings.Contains(right, "*") || strings.Contains(right, " secrets") {
					t.Errorf("%s/%s may %s", dir, name, right)
				}
			}
		}
	}
}

// TestCollectorReadsWhatIsWatched, and nothing more.
func TestCollectorReadsWhatIsWatched(t *testing.T) {
	var want []string
	for _, r := range (cluster.Config{}).Resources() {
		for _, verb := range []string{"get", "list", "watch"} {
			want = append(want, actuators.Permission{Verb: verb, Group: r.Group, Resource: r.Resource}.String())
		}
	}
	slices.Sort(want)
	got := roles(t, "kustomize/base")
	if !slices.Equal(got["driftcast-collector"], want) || len(got) != 1 {
		t.Errorf("the collector may\n%s\nwant\n%s", strings.Join(got["driftcast-collector"], "\n"), strings.Join(want, "\n"))
	}
}

// TestDryRunOnlyPatchesWhatIsWatched: a declaration of what nobody watches is
// compared with nothing.
func TestDryRunOnlyPatchesWhatIsWatched(t *testing.T) {
	watched := roles(t, "kustomize/base")["driftcast-collector"]
	rights := roles(t, "kustomize/dry-run")["driftcast-dry-run"]
	for _, right := range rights {
		verb, resource, _ := strings.Cut(right, " ")
		if verb != "patch" || !slices.Contains(watched, "get "+resource) {
			t.Errorf("the dry-run account may %s", right)
		}
	}
	if len(rights) < 10 {
		t.Errorf("the dry-run account may only %v", rights)
	}
}

// actuatorNames are those that need rights in a cluster.
func actuatorNames(t *testing.T) []string {
	t.Helper()
	all, err := actuators.Kubernetes(actuators.Options{Clients: actuators.Clients{Client: fake.NewClientset(),
		Dynamic: dynamicfake.NewSimpleDynamicClient(runtime.NewScheme()), Mapper: meta.NewDefaultRESTMapper(nil)}})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(all))
}

// TestActuatorRoles holds corrector/roles.yaml to the table of the actuators: a
// ClusterRole each, with exactly what it needs. -update writes it.
func TestActuatorRoles(t *testing.T) {
	want := "# What each actuator does, and nothing more: go test ./deploy -run TestActuatorRoles -update writes it.\n" +
		"# A role that is not bound grants nothing; rbac.yaml binds those of the policies in driftcast.yml.\n" +
		"# hand-off needs create, get and delete on what its template names as well, and label, annotate and apply\n" +
		"# get and patch on what else than workloads they are to change.\n"
	for i, name := range actuatorNames(t) {
		if i > 0 {
			want += "---\n"
		}
		want += fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: driftcast-actuator-%s\nrules:\n", name)
		for _, rule := range grouped(actuators.Permissions(name)) {
			want += writeRule(rule.group, strings.Join(rule.resources, ", "), rule.verbs)
		}
	}
	const file = "kustomize/corrector/roles.yaml"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the actuators need: run the test with -update", file)
	}
	for _, name := range actuatorNames(t) { // and read as Kubernetes reads it, it is the table
		var need []string
		for _, p := range actuators.Permissions(name) {
			need = append(need, p.String())
		}
		slices.Sort(need)
		if got := roles(t, "kustomize/corrector")["driftcast-actuator-"+name]; !slices.Equal(got, need) {
			t.Errorf("%s: the role has %v, the actuator needs %v", name, got, need)
		}
	}
}

type rule struct {
	group, verbs string
	resources    []string
}

// grouped joins permissions of the same group and verbs.
func grouped(permissions []actuators.Permission) (rules []rule) {
	type place struct{ group, resource string }
	verbs := map[place][]string{}
	var order []place
	for _, p := range permissions {
		at := place{p.Group, p.Resource}
		if verbs[at] == nil {
			order = append(order, at)
		}
		verbs[at] = append(verbs[at], p.Verb)
	}
	for _, at := range order {
		may := strings.Join(verbs[at], ", ")
		if i := slices.IndexFunc(rules, func(r rule) bool { return r.group == at.group && r.verbs == may }); i >= 0 {
			rules[i].resources = append(rules[i].resources, at.resource)
			continue
		}
		rules = append(rules, rule{at.group, may, []string{at.resource}})
	}
	return rules
}

// TestPoliciesHaveTheirRights: in each configuration that is deployed with the
// corrector, the policies' actuators are bound, and no others.
func TestPoliciesHaveTheirRights(t *testing.T) {
	var bound []string
	for _, o := range manifests(t, "kustomize/corrector") {
		if b, ok := o.(*rbacv1.ClusterRoleBinding); ok {
			if actuator, ok := strings.CutPrefix(b.RoleRef.Name, "driftcast-actuator-"); ok {
				bound = append(bound, actuator)
			}
		}
	}
	slices.Sort(bound)
	for _, file := range []string{"with-corrector", "everything"} {
		text, err := os.ReadFile(filepath.Join("kustomize", file, "driftcast.yml"))
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Corrections struct {
				KillSwitch struct{ Namespace, Name string } `json:"kill_switch"`
				Policies   []struct{ Actuator, Mode string }
			}
		}
		if err := yaml.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		var used []string
		for _, p := range c.Corrections.Policies {
			used = append(used, p.Actuator)
			if p.Mode == "auto" {
				t.Errorf("%s: what is deployed by default acts without being asked: %s", file, p.Actuator)
			}
		}
		slices.Sort(used)
		if used = slices.Compact(used); !slices.Equal(used, bound) {
			t.Errorf("%s: policies use %v, bound are %v", file, used, bound)
		}
		k := c.Corrections.KillSwitch
		if got, want := roles(t, "kustomize/corrector")["driftcast-kill-switch"], []string{"get configmaps " + k.Name, "watch configmaps " + k.Name}; !slices.Equal(got, want) {
			t.Errorf("%s: the kill switch is %s, its role %v", file, k.Name, got)
		}
		if !slices.ContainsFunc(manifests(t, "kustomize/corrector"), func(o runtime.Object) bool {
			m, ok := o.(*corev1.ConfigMap)
			return ok && m.Name == k.Name && m.Namespace == k.Namespace
		}) {
			t.Errorf("%s: there is no ConfigMap %s/%s", file, k.Namespace, k.Name)
		}
	}
}

// TestLeaseRights: one Lease, by the name that the configuration gives it, but
// for making it. It is looked at as rendered, since kustomize changes names.
func TestLeaseRights(t *testing.T) {
	text, err := os.ReadFile("kustomize/everything/driftcast.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Cluster struct {
			Lease struct {
				Enabled bool
				Name    string
			}
		}
	}
	if err := yaml.Unmarshal(text, &c); err != nil || !c.Cluster.Lease.Enabled {
		t.Fatalf("two replicas without a Lease: %v", err)
	}
	want := []string{"create leases.coordination.k8s.io", "get leases.coordination.k8s.io " + c.Cluster.Lease.Name, "update leases.coordination.k8s.io " + c.Cluster.Lease.Name}
	if got := rolesOf(rendered(t, "kustomize/everything"))["driftcast-lease"]; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
