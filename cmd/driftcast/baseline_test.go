package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBaselinesAreReadWithoutACluster types the commands with a configuration of
// nothing but baselines, as somebody has who does not run the service.
func TestBaselinesAreReadWithoutACluster(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"driftcast.yml":      "baselines:\n- {name: prod, path: manifests}\n- {name: gone, path: nowhere}\n",
		"manifests/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {replicas: 3}\n",
		"manifests/bad.yaml": "kind: [\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, test := range map[string]struct {
		exit int
		want []string
	}{
		"baseline list":                                  {2, []string{"LAST SEEN", "prod", "gone", `baseline gone: directory`}},
		"baseline show prod":                             {2, []string{"Deployment/shop/web", "unread: bad.yaml:1", "1 of what is there could not be read"}},
		"baseline show prod Deployment/shop/web":         {0, []string{"replicas: 3"}},
		"baseline show prod Deployment/shop/web -o json": {0, []string{`"replicas": 3`}},
		"baseline show prod Deployment/shop/other":       {2, []string{"no baseline declares this object"}},
		"baseline show prod --revision abc":              {2, []string{"--revision: name the object too"}},
		"baseline show gone":                             {2, []string{"baseline gone: directory"}},
		"baseline show other":                            {2, []string{"neither a folder nor the name of a baseline"}},
		"serve":                                          {2, []string{"driftcast.yml: baselines: there is no cluster to compare them with (set cluster.in_cluster"}},
	} {
		t.Run(args, func(t *testing.T) {
			var out bytes.Buffer
			typed := append(append([]string{"driftcast"}, strings.Fields(args)...), "--config.file", filepath.Join(dir, "driftcast.yml"), "--storage.path", filepath.Join(dir, "storage"))
			if exit := run(t.Context(), typed, strings.NewReader(""), &out, &out); exit != test.exit {
				t.Errorf("exit %d, want %d", exit, test.exit)
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
		})
	}
	var out bytes.Buffer
	if exit := run(t.Context(), []string{"driftcast", "check", filepath.Join(dir, "driftcast.yml")}, strings.NewReader(""), &out, &out); exit != 0 || !strings.Contains(out.String(), "to serve, baselines: there is no cluster") {
		t.Errorf("exit %d:\n%s", exit, out.String())
	}
}
