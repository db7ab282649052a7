package api_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// fakeDrift answers with one report.
type fakeDrift drift.Report

func (f fakeDrift) Last() drift.Report { return drift.Report(f) }

var shop = cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "web", Name: "shop"}

// aReport has one object of every verdict; the drifted one comes last.
func aReport() drift.Report {
	return drift.Report{At: origin, Took: 1500 * time.Millisecond, Objects: 3, Calls: 2, Findings: []drift.Finding{
		{Object: cluster.Ref{Version: "v1", Kind: "Service", Namespace: "web", Name: "shop"}, Verdict: drift.Synced, Source: "apply", ComparedAt: origin},
		{Object: cluster.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "web", Name: "shop"}, Verdict: drift.Unknown,
			Reason: "may not patch configmaps: grant the dry-run role", Source: "apply", ComparedAt: origin},
		{Object: shop, UID: "u1", Verdict: drift.Drifted, Source: "git", Origin: "main: shop.yaml", Revision: "4f2c1e", Confidence: 0.9, ComparedAt: origin,
			Since: origin.Add(-time.Hour), Recurrences: 2, Differences: []drift.Difference{
				{Path: "/spec/template/spec/containers/name=c/image", Kind: drift.Image, Declared: `"shop:1"`, Live: `"shop:2"`, Manager: "kubectl-edit", Since: origin.Add(-time.Hour)},
				{Path: "/metadata/labels/team", Kind: drift.Metadata, Live: `"x"`},
			}},
	}}
}

type driftList struct {
	Watched    bool
	ComparedAt *time.Time
	Counts     struct{ Synced, Drifted, Unknown int }
	Items      []struct {
		Object      struct{ ID string }
		Subject     struct{ ID string }
		Verdict     string
		Reason      string
		Differences []struct {
			Path, Manager  string
			Declared, Live *string
			Since          *time.Time
		}
	}
	NextCursor string
}

func TestDriftIsFilteredAndUnknownIsNeverClean(t *testing.T) {
	w := newWorld(t, nil)
	for path, want := range map[string][]string{
		"/drift":                       {"Deployment/web/shop", "ConfigMap/web/shop", "Service/web/shop"},
		"/drift?verdict=synced":        {"Service/web/shop"},
		"/drift?verdict=unknown":       {"ConfigMap/web/shop"},
		"/drift?kind=metadata":         {"Deployment/web/shop"},
		"/drift?kind=replicas":         {},
		"/drift?object_kind=ConfigMap": {"ConfigMap/web/shop"},
		"/drift?namespace=other":       {},
		"/drift?source=apply":          {"ConfigMap/web/shop", "Service/web/shop"},
		"/drift?subject=" + url.QueryEscape("workload/web/configmap:shop"): {"ConfigMap/web/shop"},
		"/drift?manager=kubectl-edit":                                      {"Deployment/web/shop"},
		"/drift?search=Service":                                            {"Service/web/shop"},
	} {
		list := decode[driftList](t, w.do("GET", path, ""))
		got := []string{}
		for _, one := range list.Items {
			got = append(got, one.Object.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
		if c := list.Counts; c.Synced != 1 || c.Drifted != 1 || c.Unknown != 1 || !list.Watched {
			t.Errorf("%s: counts %+v, watched %t", path, c, list.Watched)
		}
	}
	one := decode[driftList](t, w.do("GET", "/drift?verdict=drifted", "")).Items[0]
	if d := one.Differences[1]; d.Declared != nil || d.Live == nil || d.Since != nil {
		t.Errorf("an added field: %+v", d)
	}
	if one.Subject.ID != "workload/web/shop" {
		t.Errorf("subject %s", one.Subject.ID)
	}
}

// TestManifestsThatNameNothing are told, each, with the file that is wrong.
func TestManifestsThatNameNothing(t *testing.T) {
	unread := func(origin string) drift.Finding {
		return drift.Finding{Verdict: drift.Unknown, Source: "directory", Origin: origin, Reason: origin + ":8: key already set (keep one)"}
	}
	w := newWorld(t, func(o *api.Options) {
		o.Drift = fakeDrift(drift.Report{At: origin, Findings: []drift.Finding{unread("main: a.yaml"), unread("main: b.yaml")}})
	})
	first := decode[driftList](t, w.do("GET", "/drift?limit=1", ""))
	second := decode[driftList](t, w.do("GET", "/drift?limit=1&cursor="+first.NextCursor, ""))
	if all := decode[driftList](t, w.do("GET", "/drift?namespace=shop&object_kind=Deployment", "")); len(all.Items) != 2 {
		t.Errorf("of a namespace and a kind: got %+v, want both: they may be of these", all)
	}
	if len(first.Items) != 1 || len(second.Items) != 1 || first.Items[0].Reason == second.Items[0].Reason || first.Items[0].Object.ID != "" {
		t.Errorf("got %+v and %+v", first, second)
	}
}

// TestNoCluster: what is empty because nobody looks must not read as clean.
func TestNoCluster(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Drift, o.Changes, o.Baselines = nil, nil, nil })
	list := decode[driftList](t, w.do("GET", "/drift", ""))
	if list.Watched || list.ComparedAt != nil || len(list.Items) != 0 {
		t.Errorf("got %+v", list)
	}
	for _, path := range []string{"/changes", "/baselines"} {
		if got := decode[struct{ Items []any }](t, w.do("GET", path, "")); len(got.Items) != 0 {
			t.Errorf("%s: %v", path, got)
		}
	}
	if status := decode[struct{ ClusterWatched bool }](t, w.do("GET", "/status", "")); status.ClusterWatched {
		t.Error("the status says that a cluster is watched")
	}
	w = newWorld(t, nil)
	if status := decode[struct{ ClusterWatched bool }](t, w.do("GET", "/status", "")); !status.ClusterWatched {
		t.Error("the status says that no cluster is watched")
	}
}

// TestDriftPagesMeet: whatever the findings and the size of pages, walking the
// pages gives every finding once.
func TestDriftPagesMeet(t *testing.T) {
	report := drift.Report{At: origin}
	w := newWorld(t, func(o *api.Options) { o.Drift = driftFunc(func() drift.Report { return report }) })
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "findings")
		report.Findings = nil
		for i := range n {
			f := drift.Finding{Object: cluster.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: strconv.Itoa(i)}, Source: "apply",
				Verdict: rapid.SampledFrom([]drift.Verdict{drift.Synced, drift.Drifted, drift.Unknown}).Draw(t, "verdict")}
			if f.Verdict == drift.Drifted {
				f.Since = origin.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour)
			}
			report.Findings = append(report.Findings, f)
		}
		seen := map[string]bool{}
		page := fmt.Sprintf("/drift?limit=%d", rapid.IntRange(1, 10).Draw(t, "limit"))
		for next, pages := page, 0; ; pages++ {
			list := decode[driftList](w.t, w.do("GET", next, ""))
			for _, one := range list.Items {
				if seen[one.Object.ID] {
					t.Fatalf("%s came twice", one.Object.ID)
				}
				seen[one.Object.ID] = true
			}
			if list.NextCursor == "" {
				break
			}
			next = page + "&cursor=" + list.NextCursor
			if pages > n {
				t.Fatal("the pages never end")
			}
		}
		if len(seen) != n {
			t.Fatalf("got %d of %d", len(seen), n)
		}
	})
}

type driftFunc func() drift.Report

func (f driftFunc) Last() drift.Report { return f() }

func TestDriftIsStreamed(t *testing.T) {
	w := newWorld(t, nil)
	w.server.PublishDrift(aReport().Findings[2])
	e := w.server.Told()[0]
	var value any
	if err := json.Unmarshal(e.Data, &value); err != nil {
		t.Fatal(err)
	}
	if err := w.doc.Components.Schemas["DriftFinding"].Value.VisitJSON(value); err != nil || e.Type != "drift" {
		t.Errorf("%s: %v", e.Type, err)
	}
}

// TestWordsAreInTheContract: a kind or verdict that the rooms know and the
// contract does not would be an answer against the contract.
func TestWordsAreInTheContract(t *testing.T) {
	w := newWorld(t, nil)
	for schema, of := range map[string]struct{ dir, kind string }{
		"DriftKind": {"../drift", "Kind"}, "DriftVerdict": {"../drift", "Verdict"}, "ChangeKind": {"../cluster", "ChangeKind"},
	} {
		var promised []string
		for _, v := range w.doc.Components.Schemas[schema].Value.Enum {
			promised = append(promised, v.(string))
		}
		words := constants(t, of.dir, of.kind)
		if slices.Sort(promised); !slices.Equal(words, promised) {
			t.Errorf("%s: the contract has %v, the room %v", schema, promised, words)
		}
	}
}

// constants lists the values of a package's string constants of one type.
func constants(t *testing.T, dir, kind string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == kind {
				if text, ok := spec.Values[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
					value, _ := strconv.Unquote(text.Value) // the parser has read it
					values = append(values, value)
				}
			}
			return true
		})
	}
	slices.Sort(values)
	return values
}
