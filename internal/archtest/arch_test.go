package archtest_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/driftcast/driftcast/"

// allowed says which of our packages each room may import: only what stands to
// its right. A room that is not listed may import nothing of ours.
var allowed = map[string][]string{
	"collector":                        {},
	"features":                         {"collector"},
	"models":                           {"collector", "features", "models/boost"},
	"models/boost":                     {},
	"models/modeltest":                 {"collector", "features", "models"},
	"models/shift":                     {"collector"},
	"forecaster":                       {"collector", "features", "models", "models/shift"},
	"future":                           {"collector", "features", "models", "forecaster"},
	"corrector":                        {"collector", "features", "models", "forecaster"},
	"cluster":                          {"collector"},
	"drift":                            {"collector", "cluster"},
	"drift/declared":                   {"collector", "cluster", "drift"},
	"drift/audit":                      {"collector", "cluster", "drift", "forecaster"},
	"corrector/actuators":              {"collector", "cluster", "forecaster", "corrector"},
	"corrector/actuators/actuatortest": {"cluster", "collector", "forecaster", "corrector"},
	"alerter":                          {"collector", "features", "models", "forecaster"},
	"api":                              {"collector", "cluster", "drift", "drift/audit", "features", "models", "models/shift", "forecaster", "api/gen"},
	"store":                            {"collector", "cluster", "drift", "features", "models", "forecaster"},
	"internal/bench":                   {"collector", "features", "models"},
	"internal/sim":                     {"collector"},
	"internal/promtest":                {"internal/proc"},
	"internal/cluster":                 {"internal/proc"},
	"internal/cluster/prepare":         {"internal/cluster"},
	"cmd/driftcast": {"collector", "cluster", "drift", "drift/audit", "drift/declared", "features", "models", "models/shift", "forecaster", "corrector",
		"corrector/actuators", "alerter", "api", "future", "store", "deploy", "internal/sim"},
}

// confined says where else a heavy dependency may be imported: nowhere.
var confined = []struct {
	prefix string
	rooms  []string // a room, or a single file of it
}{
	{"github.com/labstack/echo", []string{"api", "api/gen"}},
	{"k8s.io/client-go", []string{"cluster", "drift", "corrector/actuators", "internal/cluster"}},
	{"sigs.k8s.io/kustomize", []string{"drift/declared"}},
	{"github.com/go-git/go-git", []string{"drift/declared"}},
	{"github.com/prometheus/prometheus/tsdb", []string{"collector"}},
	{"github.com/prometheus/prometheus/promql", []string{"collector", "features", "internal/sim"}},
	{"github.com/sjwhitworth/golearn", []string{"models/golearn.go"}},
	{"gorgonia.org", []string{"models/gorgonia.go"}},
	{"modernc.org/sqlite", []string{"store"}},
}

// TestImports walks every Go file that is not a test.
func TestImports(t *testing.T) {
	walk(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		room := filepath.ToSlash(filepath.Dir(path))
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if ours, ok := strings.CutPrefix(imported, module); ok {
				if !slices.Contains(allowed[room], ours) {
					t.Errorf("%s imports %s: not to the right of %s in the house", path, ours, room)
				}
			}
			for _, c := range confined {
				if strings.HasPrefix(imported, c.prefix) &&
					!slices.Contains(c.rooms, room) && !slices.Contains(c.rooms, filepath.ToSlash(path)) {
					t.Errorf("%s imports %s: only %s may", path, imported, strings.Join(c.rooms, ", "))
				}
			}
		}
	})
}

// TestPackageDocs wants a package comment in every package.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	walk(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || file.Doc.Text() != ""
	})
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

// TestFileSizes reports files over 250 lines and fails over 400.
func TestFileSizes(t *testing.T) {
	walk(t, func(path string) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "Code generated") {
			return
		}
		switch lines := strings.Count(string(text), "\n"); {
		case lines > 400:
			t.Errorf("%s has %d lines: is it still one idea?", path, lines)
		case lines > 250:
			t.Logf("%s has %d lines", path, lines)
		}
	})
}

const root = "../.."

func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		name := d.Name()
		if d.IsDir() && (name == "node_modules" || name == "testdata" || (strings.HasPrefix(name, ".") && rel != ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() && rel != "." {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own
			}
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			visit(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
