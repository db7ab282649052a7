package declared_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/drift/declared"
)

// overlay is a base and an overlay beside it.
func overlay(more map[string]string) map[string]string {
	files := map[string]string{
		"base/kustomization.yaml": "resources: [web.yaml]\n",
		"base/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n" +
			"      containers: [{name: web, image: web:1}]\n",
		"overlays/prod/kustomization.yaml": "resources: [../../base]\nnamespace: shop\nnamePrefix: prod-\nimages: [{name: web, newTag: '7'}]\n" +
			"configMapGenerator: [{name: c, literals: [url=https://example.org], options: {disableNameSuffixHash: true}}]\n",
	}
	for name, text := range more {
		files[name] = text
	}
	return files
}

func TestKustomize(t *testing.T) {
	built := []string{"Deployment/shop/prod-web", "ConfigMap/shop/prod-c"}
	for name, test := range map[string]struct {
		path, mode string
		files      map[string]string
		want       []string
		problem    string
	}{
		"an overlay with its base beside it": {path: "overlays/prod", files: overlay(nil), want: built},
		"found on the way down":              {path: "overlays", files: overlay(map[string]string{"overlays/plain/a.yaml": web}), want: append([]string{"Deployment/default/web"}, built...)},
		"asked for and not there":            {path: "overlays", mode: "true", files: overlay(nil), problem: "has no kustomization.yaml (add one"},
		"never": {path: "overlays", mode: "false", files: map[string]string{"overlays/a.yaml": web, "overlays/kustomization.yaml": "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1"},
			want: []string{"Deployment/default/web"}, problem: "kustomization.yaml:1: document 1: kind: Kustomization is for kustomize"},
		"a remote base": {path: "overlays/prod", files: overlay(map[string]string{"overlays/prod/kustomization.yaml": "namespace: x\nresources:\n- github.com/example/repo//deploy?ref=v1\n"}),
			problem: `kustomization.yaml:3: resources: "github.com/example/repo//deploy?ref=v1" is not a file or folder of this source; remote bases are not loaded (copy it`},
		"a remote base of a base": {path: "overlays/prod", files: overlay(map[string]string{"base/kustomization.yaml": "resources:\n- https://example.org/all.yaml\n"}),
			problem: `"https://example.org/all.yaml" is not a file`},
		"a patch from afar": {path: "overlays/prod", files: overlay(map[string]string{"base/kustomization.yaml": "resources: [web.yaml]\npatches:\n- path: https://example.org/p.yaml\n"}),
			problem: `:3: path: "https://example.org/p.yaml" is remote`},
		"a transformer that would load from afar": {path: "base", files: overlay(map[string]string{"base/kustomization.yaml": "resources: [web.yaml]\ntransformers: [t.yaml]\n",
			"base/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: http://example.org/p\n"}),
			problem: `t.yaml:4: path: "http://example.org/p" is remote`},
		"a chart": {path: "base", files: overlay(map[string]string{"base/kustomization.yaml": "helmCharts: [{name: x}]\n"}), problem: "helmCharts: charts are not rendered here (helm template"},
		"a file from outside of its kustomization": {path: "base", files: overlay(map[string]string{"base/kustomization.yaml": "resources: [../secret.yaml]\n", "secret.yaml": web}),
			problem: "is not in or below"},
		"a plug-in that would be run": {path: "base", files: overlay(map[string]string{"base/kustomization.yaml": "resources: [web.yaml]\ngenerators: [g.yaml]\n",
			"base/g.yaml": "apiVersion: x\nkind: Y\nmetadata:\n  name: g\n  annotations: {config.kubernetes.io/function: \"exec: {path: ./run}\"}\n"}), problem: "plugin"},
		"a mistake": {path: "base", files: overlay(map[string]string{"base/kustomization.yaml": "resorces: [web.yaml]\n"}), problem: "kustomization.yaml: "},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := read(t, declared.Config{Path: test.path, Kustomize: test.mode}, test.files)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if text := strings.Join(problems, "\n"); !strings.Contains(text, test.problem) || (test.problem == "") != (text == "") {
				t.Errorf("got problems %q, want %q in them", text, test.problem)
			}
		})
	}
}

func TestKustomizeInGit(t *testing.T) {
	r := newRepo(t)
	r.commit("all", overlay(nil))
	set := open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url, Path: "overlays/prod"}})
	declarations, err := set.Declarations(context.Background())
	if err != nil || len(declarations) != 2 {
		t.Fatal(declarations, err, set.Status())
	}
	if body := string(declarations[0].Body); !strings.Contains(body, `"image":"web:7"`) || declarations[0].Origin != "prod: kustomization.yaml" {
		t.Errorf("got %s from %s", body, declarations[0].Origin)
	}
}
