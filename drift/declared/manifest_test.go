package declared_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/declared"
)

const web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"

func write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, c ...declared.Config) *declared.Set {
	t.Helper()
	set, err := declared.Open(declared.Options{Baselines: c, Cache: t.TempDir(), Redactor: cluster.NewRedactor([]byte("salt"))})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// read polls a directory once.
func read(t testing.TB, c declared.Config, files map[string]string) (refs []string, problems []string) {
	t.Helper()
	c.Name, c.Path = "prod", filepath.Join(write(t, t.TempDir(), files), c.Path)
	set := open(t, c)
	if err := set.Poll(context.Background()); err != nil {
		return nil, []string{err.Error()}
	}
	declarations, err := set.Declarations(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range declarations {
		refs = append(refs, d.Object.String())
	}
	for _, p := range set.Status()[0].Problems {
		problems = append(problems, p.Error())
	}
	return refs, problems
}

func TestDirectory(t *testing.T) {
	for name, test := range map[string]struct {
		config   declared.Config
		files    map[string]string
		want     []string
		problems []string // each a part of one
	}{
		"several documents, comments and empty ones": {
			files: map[string]string{"a.yaml": "# all of web\n---\n" + web + "---\n# nothing\n---\n" + strings.ReplaceAll(web, "web", "api") + "...\n"},
			want:  []string{"Deployment/default/web", "Deployment/default/api"}},
		"JSON, one object after another": {
			files: map[string]string{"a.json": "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\n\t\"metadata\":{\"name\":\"a\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}"},
			want:  []string{"ConfigMap/default/a", "ConfigMap/default/b"}},
		"a list is its items": {
			files: map[string]string{"a.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: x}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"},
			want:  []string{"ConfigMap/x/a", "ConfigMap/default/b"}},
		"a typed list tells its items their kind": {
			files: map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: a}}\n"},
			want:  []string{"ConfigMap/default/a"}},
		"the namespace of the configuration, and none for nodes": {
			config: declared.Config{Namespace: "shop"},
			files:  map[string]string{"a.yaml": web + "---\n{apiVersion: v1, kind: Node, metadata: {name: gpu-1, labels: {pool: a}}}\n"},
			want:   []string{"Deployment/shop/web", "Node/gpu-1"}},
		"nothing there is a problem, not an empty declaration": {
			files: map[string]string{"README.md": "moved to clusters/prod\n"}, problems: []string{".: no manifests are there (correct path"}},
		"the definition of a kind tells its scope": {
			files: map[string]string{"crd.yaml": `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: pools.x.io}, spec: {group: x.io, scope: Cluster, names: {kind: Pool}}}`,
				"a.yaml": "{apiVersion: x.io/v1, kind: Pool, metadata: {name: p}}"},
			want: []string{"Pool.x.io/p", "CustomResourceDefinition/pools.x.io"}},
		"an unknown kind without a namespace is a problem": {
			files:    map[string]string{"a.yaml": web + "---\n{apiVersion: x.io/v1, kind: Pool, metadata: {name: p}}\n"},
			want:     []string{"Deployment/default/web"},
			problems: []string{"a.yaml:6: document 2: metadata.namespace: whether a Pool lives in a namespace is not known (write metadata.namespace"}},
		"one bad document does not lose the others": {
			files: map[string]string{"a.yaml": web + "---\nkind: Deployment\nmetadata:\n  name: b\n  labels: [a]\n- x\n---\n" + strings.ReplaceAll(web, "web", "api")},
			want:  []string{"Deployment/default/web", "Deployment/default/api"}, problems: []string{"a.yaml:10: document 2: did not find expected key (correct it"}},
		"a key written twice": {
			files:    map[string]string{"a.yaml": "# x\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: x\n  a: y\n"},
			problems: []string{`a.yaml:8: document 1: key "a" already set in map (keep one of the two)`}},
		"a label that is a number, with its line": {
			files:    map[string]string{"a.yaml": web + "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    app: x\n    rev: 12\n"},
			want:     []string{"Deployment/default/web"},
			problems: []string{"a.yaml:12: document 2: metadata.labels.rev: 12 is not a text (put it in quotes)"}},
		"what every manifest must have": {
			files: map[string]string{"a.yaml": "kind: Pod\n---\napiVersion: v1\n---\nreplicas: 3\n---\napiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  generateName: x-\n---\n- a\n---\napiVersion: a/b/c\nkind: Pod\n"},
			problems: []string{"a.yaml:1: document 1: apiVersion: missing", "a.yaml:3: document 2: kind: missing", "a.yaml:5: document 3: kind: neither apiVersion nor kind",
				"a.yaml:7: document 4: metadata: missing", "a.yaml:13: document 5: metadata.generateName:", "document 6: a manifest is a mapping", `document 7: apiVersion: "a/b/c"`}},
		"declared twice is declared neither way": {
			files:    map[string]string{"a.yaml": web, "b.yaml": "#\n" + web, "c.yaml": strings.ReplaceAll(web, "web", "api")},
			want:     []string{"Deployment/default/api"},
			problems: []string{"b.yaml:1: document 1: Deployment/default/web is declared twice, first at a.yaml:1 (keep one"}},
		"a chart is not rendered": {
			files:    map[string]string{"web/Chart.yaml": "name: web", "web/templates/a.yaml": "{{ .Values.x }}", "rendered/web.yaml": "---\n# Source: web/templates/a.yaml\n" + web},
			want:     []string{"Deployment/default/web"},
			problems: []string{"web/Chart.yaml: a chart is not rendered here: its templates declare nothing yet (helm template NAME web > rendered/web.yaml"}},
		"a template is told as one": {
			files:    map[string]string{"a.yaml": "apiVersion: v1\nkind: {{ .Kind }}\n"},
			problems: []string{"helm template"}},
		"include and exclude": {
			config: declared.Config{Include: []string{"apps/**/*.yaml"}, Exclude: []string{"values.yaml", "apps/old"}},
			files: map[string]string{"apps/a/web.yaml": web, "apps/a/values.yaml": "x: 1", "apps/old/x.yaml": "x: 1", "other.yaml": "x: 1", "apps/a/.hidden.yaml": "x: 1",
				"apps/a/notes.txt": "hello"},
			want: []string{"Deployment/default/web"}},
		"a path that is a file":    {config: declared.Config{Path: "b.yaml"}, files: map[string]string{"a.yaml": "x", "b.yaml": web}, want: []string{"Deployment/default/web"}},
		"a path that is not there": {config: declared.Config{Path: "nothing"}, problems: []string{"no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := read(t, test.config, test.files)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if len(problems) != len(test.problems) {
				t.Fatalf("got problems %q, want %q", problems, test.problems)
			}
			for i, want := range test.problems {
				if !strings.Contains(problems[i], want) {
					t.Errorf("got problem %q, want %q in it", problems[i], want)
				}
			}
		})
	}
}

func TestUnreadIsUnknownAndNotClean(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"a.yaml": web, "b.yaml": "kind: Service\nmetadata: {name: web, namespace: shop}\n"})
	set := open(t, declared.Config{Name: "prod", Path: dir}, declared.Config{Name: "lost", Path: dir + "/nothing"})
	if err := set.Poll(context.Background()); err == nil || !strings.Contains(err.Error(), "baseline lost") {
		t.Errorf("got %v, want the lost baseline named", err)
	}
	unread := set.Unread()
	if len(unread) != 2 || unread[0].Verdict != drift.Unknown || unread[0].Object != (cluster.Ref{Kind: "Service", Namespace: "shop", Name: "web"}) ||
		!strings.Contains(unread[0].Reason, "b.yaml:1: document 1: apiVersion: missing") || unread[0].Origin != "prod: b.yaml" {
		t.Errorf("got %+v", unread)
	}
	if last := unread[len(unread)-1]; last.Verdict != drift.Unknown || last.Origin != "lost" || !strings.Contains(last.Reason, "no such file") {
		t.Errorf("got %+v, want the lost baseline as Unknown", last)
	}
	declarations, err := set.Declarations(context.Background())
	if err == nil || len(declarations) != 1 {
		t.Errorf("got %d declarations and %v, want what could be read and the error", len(declarations), err)
	}
}

func TestSecretsAreAppliedWholeAndComparedRedacted(t *testing.T) {
	redactor := cluster.NewRedactor([]byte("salt"))
	dir := write(t, t.TempDir(), map[string]string{"a.yaml": `
apiVersion: v1
kind: Secret
metadata: {name: s, creationTimestamp: null, uid: x}
stringData: {password: hunter2}
data: {other: eA==}
status: {}
`})
	set := open(t, declared.Config{Name: "prod", Path: dir})
	declarations, err := set.Declarations(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	live := redactor.Object(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "default"},
		"data": map[string]any{"password": "aHVudGVyMg==", "other": "eA=="}})
	want, err := cluster.Canonical(live)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(declarations[0].Body); got != string(want) {
		t.Errorf("got body  %s\nwant what the observer keeps %s", got, want)
	}
	manifest, revision, err := set.Manifest(context.Background(), declarations[0].Object, "")
	if err != nil || !strings.HasPrefix(revision, "sha256:") {
		t.Fatal(revision, err)
	}
	if got, want := string(manifest), `{"apiVersion":"v1","data":{"other":"eA=="},"kind":"Secret","metadata":{"name":"s","namespace":"default"},"stringData":{"password":"hunter2"}}`; got != want {
		t.Errorf("got manifest %s, want %s", got, want)
	}
	if _, _, err := set.Manifest(context.Background(), cluster.Ref{Version: "v1", Kind: "Secret", Name: "t"}, ""); err == nil || !strings.Contains(err.Error(), declared.ErrUndeclared.Error()) {
		t.Errorf("got %v, want ErrUndeclared", err)
	}
}

// Whatever objects are written, in whatever order and shape of file, are read.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9]{0,8}`), 1, 6, rapid.ID[string]).Draw(rt, "names")
		var text strings.Builder
		for i, name := range names {
			object := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name},
				"data": rapid.MapOfN(rapid.StringMatching(`[a-z]{1,5}`), rapid.StringMatching(`[ -~é世\t]{0,12}`), 0, 3).Draw(rt, "data")}
			line, err := json.Marshal(object)
			if err != nil {
				rt.Fatal(err)
			}
			text.WriteString(rapid.SampledFrom([]string{"---\n", "---\n---\n", "--- # x\n", "\n---  \n# y\n"}).Draw(rt, "marker"))
			text.Write(line)
			if i%2 == 0 {
				text.WriteString("\n")
			} else {
				text.WriteString("\n...\n")
			}
		}
		objects, problems := declared.Read("a.yaml", []byte(text.String()))
		var got []string
		for _, o := range objects {
			got = append(got, o["metadata"].(map[string]any)["name"].(string))
		}
		if len(problems) > 0 || !slices.Equal(got, names) {
			rt.Fatalf("got %q and %v, want %q of\n%s", got, problems, names, text.String())
		}
	})
}

func FuzzManifests(f *testing.F) {
	for _, seed := range []string{web, web + "---\n" + web, "{}", "- a", "kind: List\nitems: [1]", "a: &a [*a]", "\ufeff---\n---", "--- {a: b}\n", "{{ x }}", "kind: Pod\n\tx: y", "apiVersion: v1\nkind: List\nitems:\n- kind: x\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		objects, problems := declared.Read("a.yaml", []byte(text))
		lines := strings.Count(text, "\n") + 1
		for _, o := range objects {
			if o["kind"] == "" || o["apiVersion"] == "" || o["metadata"].(map[string]any)["name"] == "" {
				t.Errorf("an object without kind, version or name: %v", o)
			}
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Document < 1 || p.Message == "" || p.Remedy == "" {
				t.Errorf("got %+v of %d lines", p, lines)
			}
		}
	})
}
