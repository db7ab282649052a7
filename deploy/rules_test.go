package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// TestRules reads the rules as Prometheus does, and holds them to the house's
// manners: they only warn, say what to do, and read metrics that exist.
func TestRules(t *testing.T) {
	type ruleFile struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	file, err := os.Open("prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	var rules ruleFile
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("prometheus/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("prometheus/rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	known := exported(t)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			checkExpr(t, r.Alert, r.Expr, known)
			if !strings.HasPrefix(r.Alert, "Driftcast") || r.Labels["severity"] != "warning" {
				t.Errorf("%s: severity %q: forecasts warn, only symptoms page", r.Alert, r.Labels["severity"])
			}
			for _, a := range []string{"summary", "description", "runbook_url"} {
				if r.Annotations[a] == "" {
					t.Errorf("%s has no %s", r.Alert, a)
				}
			}
			if !strings.HasSuffix(r.Annotations["runbook_url"], "/deploy/prometheus/RUNBOOK.md#"+strings.ToLower(r.Alert)) {
				t.Errorf("%s: runbook %s", r.Alert, r.Annotations["runbook_url"])
			}
			if !strings.Contains(string(runbook), "\n## "+r.Alert+"\n") {
				t.Errorf("%s is not in the runbook", r.Alert)
			}
			if !strings.Contains(string(tests), "alertname: "+r.Alert) {
				t.Errorf("%s has no promtool test", r.Alert)
			}
		}
	}
}

// TestPromtool runs the rules' own tests, where promtool is installed.
func TestPromtool(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed: apt-get install prometheus")
	}
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		command := exec.Command("promtool", args...)
		command.Dir = "prometheus"
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestDashboards reads every dashboard: ids and places are used once, variables
// exist, every expression parses and reads metrics that exist.
func TestDashboards(t *testing.T) {
	files, err := filepath.Glob("grafana/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	known := exported(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			UID, Title    string
			SchemaVersion int
			Templating    struct{ List []struct{ Name, Type string } }
			Panels        []struct {
				ID          int
				Type, Title string
				GridPos     struct{ X, Y, W, H int }
				Datasource  struct{ UID string }
				Targets     []struct{ RefID, Expr string }
			}
		}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 || len(d.Panels) == 0 {
			t.Errorf("%s is no dashboard: %q %q %d", file, d.UID, d.Title, d.SchemaVersion)
		}
		variables := map[string]bool{"__rate_interval": true, "__all": true}
		for _, v := range d.Templating.List {
			variables[v.Name] = true
		}
		for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(text), -1) {
			if !variables[m[1]] {
				t.Errorf("%s: no variable is named %s", file, m[1])
			}
		}
		ids, cells := map[int]string{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if other, ok := ids[p.ID]; ok {
				t.Errorf("%q and %q share id %d", other, p.Title, p.ID)
			}
			ids[p.ID] = p.Title
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, ok := cells[[2]int{x, y}]; ok || x >= 24 {
						t.Fatalf("%q lies on %q at %d, %d", p.Title, other, x, y)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
			if p.Type != "row" && (len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" && p.Datasource.UID != "${future}") {
				t.Errorf("%q shows nothing, or not from the chosen data source", p.Title)
			}
			for _, q := range p.Targets {
				expr := strings.NewReplacer("$__rate_interval", "5m", "$target", ".*", "$kind", ".*", "$horizon", ".*", "$bound", "2").Replace(q.Expr)
				checkExpr(t, p.Title, expr, known)
			}
		}
	}
}

// checkExpr parses an expression and looks its metrics up.
func checkExpr(t *testing.T, where, expr string, known func(string) bool) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %s: %v", where, expr, err)
		return
	}
	metrics := 0
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			metrics++
			if !known(v.Name) {
				t.Errorf("%s: nothing exports %s", where, v.Name)
			}
		}
		return nil
	})
	if metrics == 0 {
		t.Errorf("%s: %s reads no metric", where, expr)
	}
}
