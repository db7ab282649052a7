package deploy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/corrector/actuators"
)

const chart = "helm/driftcast"

// TestChartFiles holds what the chart repeats of this folder to the original;
// -update copies it. They are copies, because a chart holds what it needs: Flux
// leaves links out of what it fetches, and whoever downloads the dashboard from
// its place here would get a link's text if the chart's were the original.
func TestChartFiles(t *testing.T) {
	want := map[string]string{"rights.yaml": rights(t)}
	for name, original := range map[string]string{
		"rules.yml": "prometheus/rules.yml", "driftcast.json": "grafana/driftcast.json", "dry-run-kubeconfig.yml": "kustomize/dry-run/kubeconfig.yml",
	} {
		text, err := os.ReadFile(original)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = string(text)
	}
	for name, text := range want {
		file := chart + "/files/" + name
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s is not its original: go test ./deploy -run TestChartFiles -update (%v)", file, err)
		}
	}
	there, err := os.ReadDir(chart + "/files")
	if err != nil || len(there) != len(want) {
		t.Errorf("%d files in the chart, want %d (%v)", len(there), len(want), err)
	}
}

// rights are the rules of every role that the chart makes: of the actuators by
// their table, of the accounts as the kustomize folders have them.
func rights(t *testing.T) string {
	t.Helper()
	text := "# Who may do what: go test ./deploy -run TestChartFiles -update writes it, from the actuators' table and\n" +
		"# the roles of deploy/kustomize.\n"
	for _, account := range []struct{ name, dir string }{{"collector", "base"}, {"dry-run", "dry-run"}} {
		text += account.name + ":\n"
		for _, o := range manifests(t, "kustomize/"+account.dir) {
			if role, ok := o.(*rbacv1.ClusterRole); ok && role.Name == "driftcast-"+account.name {
				for _, r := range role.Rules {
					text += writeRule(strings.Join(r.APIGroups, ", "), strings.Join(r.Resources, ", "), strings.Join(r.Verbs, ", "))
				}
			}
		}
	}
	text += "actuators:\n"
	for _, name := range actuatorNames(t) {
		text += "  " + name + ":\n"
		for _, r := range grouped(actuators.Permissions(name)) {
			for line := range strings.Lines(writeRule(r.group, strings.Join(r.resources, ", "), r.verbs)) {
				text += "  " + line
			}
		}
	}
	return text
}

// writeRule is a rule of a role as YAML.
func writeRule(groups, resources, verbs string) string {
	return fmt.Sprintf("- apiGroups: [%s]\n  resources: [%s]\n  verbs: [%s]\n", cmp.Or(groups, `""`), resources, verbs)
}

// schema is values.schema.json, compiled by what Helm compiles it with.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(chart + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("values.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// values reads YAML as Helm does.
func values(t *testing.T, text string) any {
	t.Helper()
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestChartValues: what the chart says by itself, what its examples say and what
// is deployed with kustomize fit the schema.
func TestChartValues(t *testing.T) {
	s := schema(t)
	files, err := filepath.Glob("helm/examples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range append(files, chart+"/values.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(values(t, string(text))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, dir := range []string{"base", "with-corrector", "everything"} {
		text, err := os.ReadFile("kustomize/" + dir + "/driftcast.yml")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(map[string]any{"config": values(t, string(text))}); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestChartRefuses: what is wrong is refused by an error that names the key.
func TestChartRefuses(t *testing.T) {
	s := schema(t)
	for name, test := range map[string]struct{ values, key string }{
		"a misspelt key":                   {"corections: {}", "'corections'"},
		"a misspelt section of the config": {"config: {corections: {}}", "'corections'"},
		"a misspelt key deep inside":       {"config: {corrections: {policies: [{name: a, actuator: cordon, budget: {percnt: 5}}]}}", "'percnt'"},
		"a mode that is none":              {"config: {corrections: {policies: [{name: a, actuator: cordon, mode: automatic}]}}", "/config/corrections/policies/0/mode"},
		"off, which YAML takes for false":  {"config: {training: {schedule: off}}", "/config/training/schedule"},
		"a duration in words":              {"config: {history: {retention: 30 days}}", "/config/history/retention"},
		"a password for all to read":       {"config: {prometheus: {basic_auth: {username: me, password: hunter2}}}", "'password'"},
		"a token for all to read":          {"config: {prometheus: {bearer_token: abc}}", "'bearer_token'"},
		"an actuator that is none":         {"corrector: {actuators: [reboot]}", "/corrector/actuators/0"},
		"a collector that writes":          {"collector: {extraRules: [{apiGroups: [apps], resources: [deployments], verbs: [patch]}]}", "/collector/extraRules/0/verbs/0"},
		"a role with a star":               {`corrector: {extraRules: [{apiGroups: [""], resources: ["*"], verbs: [get]}]}`, "/corrector/extraRules/0/resources/0"},
		"a targets file that is no YAML":   {"targets: {mine: text}", "'mine'"},
		"targets in place of the config":   {"targets: {driftcast.yml: text}", "'driftcast.yml'"},
		"a folder of the node":             {"extraVolumes: [{name: a, hostPath: {path: /}}]", "/extraVolumes/0/hostPath"},
		"a number in place of a text":      {"podLabels: {a: 1}", "/podLabels/a"},
		"a schedule of four fields":        {"trainer: {schedule: 0 3 * *}", "/trainer/schedule"},
	} {
		err := s.Validate(values(t, test.values))
		if err == nil || !strings.Contains(err.Error(), test.key) {
			t.Errorf("%s: got %v, want the key %s", name, err, test.key)
		}
	}
}

// TestChartSchemaIsStrict: whatever values.yaml has is in the schema, and the
// reverse; and the schema's actuators are those that there are.
func TestChartSchemaIsStrict(t *testing.T) {
	text, err := os.ReadFile(chart + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		AdditionalProperties any
		Properties           map[string]json.RawMessage
		Items                struct{ Enum []string }
	}
	var walk func(at string, text []byte, values map[string]any) node
	walk = func(at string, text []byte, values map[string]any) (n node) {
		if err := json.Unmarshal(text, &n); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if len(n.Properties) == 0 {
			return n
		}
		delete(n.Properties, "global")
		if n.AdditionalProperties != false {
			t.Errorf("%s takes keys that nobody knows", at)
		}
		if got, want := slices.Sorted(maps.Keys(values)), slices.Sorted(maps.Keys(n.Properties)); !slices.Equal(got, want) {
			t.Errorf("%s: values.yaml has %v, the schema %v", at, got, want)
		}
		for key, below := range n.Properties {
			if v, ok := values[key].(map[string]any); ok {
				walk(at+"/"+key, below, v)
			}
			if at+"/"+key == "/corrector/actuators" {
				if got, want := walk("", below, nil).Items.Enum, actuatorNames(t); !slices.Equal(got, want) {
					t.Errorf("the schema's actuators are %v, want %v", got, want)
				}
			}
		}
		return n
	}
	defaults, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	walk("", text, values(t, string(defaults)).(map[string]any))
}

// TestChartDefaultsChangeNothing: nobody may change anything until told.
func TestChartDefaultsChangeNothing(t *testing.T) {
	text, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Corrector struct {
			Enabled   bool
			Actuators []string
		}
		DryRun struct{ Enabled bool }
		Config map[string]any
	}
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if v.Corrector.Enabled || len(v.Corrector.Actuators) > 0 || v.DryRun.Enabled || v.Config["corrections"] != nil {
		t.Errorf("by default: %+v", v)
	}
}
