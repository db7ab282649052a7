//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/internal/cluster"
)

const (
	chart        = "../../deploy/helm/driftcast"
	everything   = "../../deploy/helm/examples/everything.yaml"
	withOperator = "../../deploy/helm/examples/operator.yaml"
)

// helm runs Helm with a kubeconfig, and nothing of the user's own Helm. The error
// has what it said.
func helm(t *testing.T, kubeconfig string, args ...string) (string, error) {
	t.Helper()
	binary, err := cluster.BuildHelm(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("helm %s: %w: %s", args[0], err, said.String())
	}
	return out.String(), nil
}

// template renders the chart as release driftcast in namespace driftcast.
func template(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(t, "", append([]string{"template", "driftcast", chart, "--namespace", "driftcast"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// objectsOf reads YAML documents, by kind and name.
func objectsOf(t *testing.T, text string) map[string]*unstructured.Unstructured {
	t.Helper()
	objects := map[string]*unstructured.Unstructured{}
	for _, doc := range strings.Split("\n"+text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if o.Object != nil {
			objects[o.GetKind()+" "+generated.ReplaceAllString(o.GetName(), "$1")] = o
		}
	}
	return objects
}

// generated is the name of a ConfigMap that kustomize has put its hash behind.
var generated = regexp.MustCompile(`^(driftcast|driftcast-dry-run)-[0-9a-z]{10}$`)

// normalised takes out of an object in what the chart and kustomize differ by
// their nature: the labels of the release, hashes, defaults that are spelt out,
// the order of volumes, and how the files in a ConfigMap are laid out.
func normalised(t *testing.T, v any, path ...string) any {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		made := map[string]any{}
		for key, below := range v {
			at := append(slices.Clone(path), key)
			switch place := strings.Join(at, "."); {
			case place == "metadata.labels", strings.HasPrefix(key, "helm.sh/"), key == "app.kubernetes.io/instance",
				key == "checksum/config", key == "imagePullPolicy" && below == "IfNotPresent", place == "spec.type" && below == "ClusterIP":
				continue
			case len(at) == 2 && at[0] == "data": // a file of YAML
				var file any
				if err := yaml.Unmarshal([]byte(below.(string)), &file); err != nil {
					t.Fatalf("%s: %v", place, err)
				}
				made[key] = file
				continue
			case key == "annotations":
				if below = normalised(t, below, at...); len(below.(map[string]any)) == 0 {
					continue
				}
			}
			made[key] = normalised(t, below, at...)
		}
		return made
	case []any:
		made := make([]any, len(v))
		for i, below := range v {
			made[i] = normalised(t, below, append(slices.Clone(path), "[]")...)
		}
		if place := path[len(path)-1]; place == "volumes" || place == "volumeMounts" { // a patch of kustomize puts its own first
			slices.SortFunc(made, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return made
	case string:
		return generated.ReplaceAllString(v, "$1")
	}
	return v
}

// TestChartIsKustomize: by default the chart makes what the kustomize base does,
// and with everything on what the overlay everything does, object by object. The
// namespace is Helm's, and roles that nobody has are not made.
func TestChartIsKustomize(t *testing.T) {
	built, err := cluster.Build(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	for overlay, args := range map[string][]string{"base": nil, "everything": {"--values", everything}} {
		t.Run(overlay, func(t *testing.T) {
			text, err := exec.CommandContext(t.Context(), built.Binary, "kubectl", "kustomize", "../../deploy/kustomize/"+overlay).Output()
			if err != nil {
				t.Fatal(err)
			}
			got, want := objectsOf(t, template(t, args...)), objectsOf(t, string(text))
			for _, name := range slices.Sorted(maps.Keys(want)) {
				role, isActuator := strings.CutPrefix(name, "ClusterRole driftcast-actuator-")
				if name == "Namespace driftcast" || isActuator && want["ClusterRoleBinding driftcast-actuator-"+role] == nil {
					continue
				}
				if got[name] == nil {
					t.Errorf("the chart does not make %s", name)
					continue
				}
				if diff := cmp.Diff(normalised(t, want[name].Object), normalised(t, got[name].Object)); diff != "" {
					t.Errorf("%s (-kustomize +chart):\n%s", name, diff)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(got)) {
				if want[name] == nil {
					t.Errorf("only the chart makes %s", name)
				}
			}
			if len(got) < 8 {
				t.Errorf("the chart makes %d objects only", len(got))
			}
		})
	}
}

// TestChartConfiguration has the real binary check the driftcast.yml that the
// chart renders, beside the targets that it renders.
func TestChartConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		has  []string
	}{
		"defaults":   {nil, []string{"in_cluster: true", "0 0 29 2 *"}},
		"everything": {[]string{"--values", everything}, []string{"driftcast-leader", "driftcast-kill-switch", "tokens.yml", "dry_run"}},
		"operator":   {[]string{"--values", withOperator}, []string{"- disks.yml", "credentials_file", "28d"}},
		"config goes first": {[]string{"--set", "highAvailability.enabled=true", "--set", "dryRun.enabled=true", "--set", "config.cluster.lease.enabled=false",
			"--set", "config.drift.dry_run.qps=2", "--set", "config.training.schedule=30 4 * * 0"}, []string{"enabled: false", "qps: 2", "30 4 * * 0", "kubeconfig.yml"}},
		"no trainer":      {[]string{"--set", "trainer.enabled=false", "--set-string", "config.training.schedule=off"}, []string{`schedule: "off"`}},
		"no alertmanager": {[]string{"--set-json", "config.alertmanagers=[]"}, []string{"alertmanagers: []"}},
	} {
		t.Run(name, func(t *testing.T) {
			data, _, err := unstructured.NestedStringMap(objectsOf(t, template(t, test.args...))["ConfigMap driftcast"].Object, "data")
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for file, text := range data {
				writeFile(t, filepath.Join(dir, file), text)
			}
			for _, want := range test.has {
				if !strings.Contains(data["driftcast.yml"], want) {
					t.Errorf("no %q in\n%s", want, data["driftcast.yml"])
				}
			}
			out, err := exec.CommandContext(t.Context(), binary(t), "check", filepath.Join(dir, "driftcast.yml")).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s\n%s", err, out, data["driftcast.yml"])
			}
		})
	}
}

// TestChartRefuses: what is wrong is refused, and the error names the key; by the
// schema or, where it spans keys, by the chart.
func TestChartRefuses(t *testing.T) {
	approve := "config.corrections.policies[0].name=keep,config.corrections.policies[0].actuator=cordon,config.corrections.policies[0].mode=approve"
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"a misspelt key":          {[]string{"--set", "corections.enabled=true"}, []string{"corections", "not allowed"}},
		"a misspelt config key":   {[]string{"--set", "config.corections.stopped=true"}, []string{"/config", "corections", "not allowed"}},
		"a password":              {[]string{"--set", "config.prometheus.basic_auth.password=x"}, []string{"/config/prometheus/basic_auth", "password"}},
		"approval without rights": {[]string{"--set", approve}, []string{"config.corrections.policies: keep", "set corrector.enabled"}},
		"an actuator too few":     {[]string{"--set", approve, "--set", "corrector.enabled=true,corrector.actuators={taint}"}, []string{"keep", "add cordon to corrector.actuators"}},
		"nobody who may approve":  {[]string{"--set", approve, "--set", "corrector.enabled=true,corrector.actuators={cordon}"}, []string{"keep", "tokensSecret"}},
		"a scrape without token":  {[]string{"--set", "tokensSecret=t,serviceMonitor.enabled=true"}, []string{"serviceMonitor.tokenSecret.name"}},
		"one on the same node":    {[]string{"--set", "highAvailability.sameNode=true"}, []string{"highAvailability.enabled"}},
		"no such actuator":        {[]string{"--set", "corrector.actuators={reboot}"}, []string{"/corrector/actuators/0"}},
	} {
		_, err := helm(t, "", append([]string{"template", "driftcast", chart}, test.args...)...)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
	}
}

// TestChartPackage: the package is as strict as the folder, and whole.
func TestChartPackage(t *testing.T) {
	for _, args := range [][]string{nil, {"--values", everything}, {"--values", withOperator}} {
		if out, err := helm(t, "", append([]string{"lint", "--strict", chart}, args...)...); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	dir := t.TempDir()
	if _, err := helm(t, "", "package", chart, "--destination", dir); err != nil {
		t.Fatal(err)
	}
	packages, err := filepath.Glob(dir + "/driftcast-*.tgz")
	if err != nil || len(packages) != 1 {
		t.Fatalf("packages: %v, %v", packages, err)
	}
	args := []string{"--namespace", "driftcast", "--values", withOperator}
	got, err := helm(t, "", append([]string{"template", "driftcast", packages[0]}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(template(t, "--values", withOperator), got); diff != "" {
		t.Errorf("the package renders something else:\n%s", diff)
	}
	rendered := objectsOf(t, got)
	for name, file := range map[string]string{"PrometheusRule driftcast": "prometheus/rules.yml", "ConfigMap driftcast-dashboard": "grafana/driftcast.json"} {
		text, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := yaml.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		shown := rendered[name].Object["spec"]
		if data, ok, _ := unstructured.NestedString(rendered[name].Object, "data", "driftcast.json"); ok {
			if err := yaml.Unmarshal([]byte(data), &shown); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Errorf("%s is not %s:\n%s", name, file, diff)
		}
	}
}
