package audit_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/audit"
	"github.com/driftcast/driftcast/forecaster"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Monday, 00:00.
var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

func deployment(namespace, name string) cluster.Ref {
	return cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: namespace, Name: name}
}

// episode begins some hours into the week and lasts some hours; 0: it still is.
func episode(ref cluster.Ref, kind drift.Kind, manager string, from, lasts float64) drift.Episode {
	at := monday.Add(time.Duration(from * float64(time.Hour)))
	e := drift.Episode{Object: ref, Subject: ref.Subject(), Path: "/spec/" + string(kind), Kind: kind, Manager: manager, Source: drift.SourceGit,
		Revision: "4f2c1e0a4f2c1e0a4f2c1e0a4f2c1e0a4f2c1e0a", Since: at}
	if lasts > 0 {
		e.Until, e.RepairedBy = at.Add(time.Duration(lasts*float64(time.Hour))), "flux"
	}
	return e
}

// aWeek is a week as a team has it.
func aWeek() audit.Input {
	web, api, node := deployment("shop", "web"), deployment("shop", "api"), cluster.Ref{Version: "v1", Kind: "Node", Name: "gpu-3"}
	by := deployment("shop", "web").Subject()
	c := forecaster.Correction{ID: "01J", Policy: "reapply-web", Actuator: "apply", Mode: "approve", Target: "drift", Subject: by, State: forecaster.Proposed,
		Drift: &forecaster.CorrectionDrift{Kinds: []string{"image"}, By: "kubectl-edit", Source: "git", Revision: "4f2c1e0a4f2c1e0a4f2c1e0a4f2c1e0a4f2c1e0a", Since: monday.Add(33 * time.Hour)}}
	var trail []forecaster.AuditEntry
	row := func(hour float64, actor, action string, state forecaster.CorrectionState, reason string) {
		c.State, c.Reason = state, reason
		trail = append(trail, forecaster.AuditEntry{Seq: int64(len(trail) + 1), At: monday.Add(time.Duration(hour * float64(time.Hour))), Actor: actor, Action: action, Correction: c})
	}
	row(33.1, "driftcast", "propose", forecaster.Proposed, "image is not as declared")
	row(34.8, "ada", "approve", forecaster.Approved, "the edit was a test")
	row(34.9, "driftcast", "apply", forecaster.Applied, "")
	row(35, "driftcast", "verify", forecaster.Verified, "as declared again")
	c.Outcome = forecaster.CorrectionOutcome{At: monday.Add(41 * time.Hour), Verdict: forecaster.Helped, Says: "the drift is gone"}
	row(41, "driftcast", "outcome", forecaster.Verified, "as declared again")
	trail = append(trail, forecaster.AuditEntry{Seq: 6, At: monday.Add(50 * time.Hour), Actor: "ada", Action: "kill"})
	return audit.Input{
		From: monday, To: monday.Add(7 * 24 * time.Hour), Now: monday.Add(7*24*time.Hour + 5*time.Minute), Trail: trail, Verified: 6,
		Episodes: []drift.Episode{
			episode(web, drift.Image, "kubectl-edit", 33, 2), // two fields of one edit
			{Object: web, Subject: web.Subject(), Path: "/spec/replicas", Kind: drift.Replicas, Manager: "kubectl-edit", Source: "git", Since: monday.Add(33*time.Hour + 20*time.Second), Until: monday.Add(34 * time.Hour), RepairedBy: "flux"},
			episode(web, drift.Image, "kubectl-edit", 60, 0.5),                         // back
			episode(api, drift.Environment, "kubectl", 61, 100),                        // ends in the period
			episode(api, drift.Spec, "", 80, 1),                                        // while the other still is: no return
			episode(node, drift.VersionSkew, "", -48, 0),                               // from before, still open
			episode(deployment("ops", "x"), drift.Replicas, "kubectl-scale", 160, 20),  // ends after the period
			episode(deployment("ops", "old"), drift.Replicas, "kubectl-scale", -20, 2), // over before it
		},
		Latest: &drift.Report{At: monday.Add(7 * 24 * time.Hour), Objects: 120, Findings: []drift.Finding{
			{Object: web, Verdict: drift.Synced}, {Object: api, Verdict: drift.Unknown, Reason: "no baseline was read", Source: "git"},
			{Object: node, Verdict: drift.Drifted, Source: drift.SourcePool, Origin: "h100"},
			{Verdict: drift.Unknown, Origin: "prod: a.yaml", Reason: "a.yaml:3: document 1: kind: missing", Source: "git"}}},
		Baselines: []audit.Baseline{{Name: "prod", Source: "git", Revision: "4f2c1e0a4f2c1e0a4f2c1e0a4f2c1e0a4f2c1e0a", Author: "Ada", Time: monday, Checked: monday.Add(167 * time.Hour), Subject: "web: 7"}},
	}
}

func TestAWeekInNumbers(t *testing.T) {
	r := audit.Build(aWeek())
	s := r.Summary
	if s.Drifts != 5 || s.Episodes != 6 || s.Objects != 3 || s.PerWeek != 5 || s.Open != 2 {
		t.Errorf("got %d drifts, %d fields, %d objects, %v a week, %d open; want 5, 6, 3, 5, 2", s.Drifts, s.Episodes, s.Objects, s.PerWeek, s.Open)
	}
	// Repairs: 30m, 1h, 2h, 100h, and one open after 8h: S is 0.8, 0.6, 0.4.
	if s.Repair.Median != 2*time.Hour || s.Repair.Known != 4 || s.Repair.Open != 1 {
		t.Errorf("got %+v, want a median of 2h of 4 repaired and 1 open", s.Repair)
	}
	// Returns: web after 25 h; then web and api until the end.
	if s.Return.Known != 1 || s.Return.Open != 2 {
		t.Errorf("got %+v, want 1 of 3 back", s.Return)
	}
	if s.Proposed != 1 || s.Applied != 1 || s.Helped != 1 || s.Reverted != 0 {
		t.Errorf("got %+v", s)
	}
	if r.Week[1][9] != 1 || r.Week[2][12] != 1 || r.Week.Most() != 1 || len(r.Days) != 7 || r.Days[2] != (audit.Day{Date: "2026-11-18", Drifts: 2}) {
		t.Errorf("got %v, %v", r.Week, r.Days)
	}
	names := func(groups []audit.Group) (out []string) {
		for _, g := range groups {
			out = append(out, fmt.Sprintf("%s %d/%d", g.Name, g.Drifts, g.Objects))
		}
		return out
	}
	for what, pair := range map[string][2][]string{
		"who":     {names(r.Managers), {"kubectl-edit 2/1", "kubectl 1/1", "kubectl-scale 1/1", "not known 1/1"}},
		"where":   {names(r.Places), {"shop 4/2", "ops 1/1"}},
		"pools":   {names(r.Pools), nil}, // the node's drift began before
		"objects": {names(r.Objects), {"Deployment/shop/api 2/1", "Deployment/shop/web 2/1", "Deployment/ops/x 1/1"}},
		"repair":  {names(r.Repairers), {"flux 4/2"}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if r.Open[0].Object != "Node/gpu-3" || r.Open[0].Age != 9*24*time.Hour || len(r.Open) != 2 {
		t.Errorf("got %+v", r.Open)
	}
	if r.Unknown.Objects != 2 || r.Unknown.Causes[1].Example != "prod: a.yaml" {
		t.Errorf("got %+v", r.Unknown)
	}
}

// TestPoolsOfNodes: what drifted is counted by the pool that the newest comparison
// gives the node; a node that is gone has none that is known.
func TestPoolsOfNodes(t *testing.T) {
	node := func(name string) cluster.Ref { return cluster.Ref{Version: "v1", Kind: "Node", Name: name} }
	in := aWeek()
	in.Episodes = []drift.Episode{episode(node("a"), drift.LabelSkew, "", 1, 1), episode(node("b"), drift.LabelSkew, "", 2, 0), episode(node("gone"), drift.VersionSkew, "", 3, 1),
		episode(deployment("shop", "a"), drift.Replicas, "", 4, 1)}
	in.Latest.Findings = []drift.Finding{{Object: node("a"), Source: drift.SourcePool, Origin: "h100"}, {Object: node("b"), Verdict: drift.Unknown, Source: drift.SourcePool, Origin: "h100"},
		{Object: node("gone"), Source: drift.SourceGit, Origin: "prod: nodes.yaml"}}
	pools := func() (out []string) {
		for _, g := range audit.Build(in).Pools {
			out = append(out, fmt.Sprintf("%s %d/%d", g.Name, g.Drifts, g.Objects))
		}
		return out
	}
	if diff := cmp.Diff([]string{"h100 2/2", "not known 1/1"}, pools()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for format, want := range map[string]string{"markdown": "| h100 | 2 |", "html": "h100", "json": `"name": "h100"`} {
		var out bytes.Buffer
		if err := audit.Write(&out, audit.Build(in), format); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, no %q in\n%s", format, err, want, out.String())
		}
	}
	if in.Latest = nil; len(pools()) > 0 {
		t.Errorf("no comparison at hand: got %q, want none", pools())
	}
}

func TestACorrectionIsTracedFromCommitToOutcome(t *testing.T) {
	r := audit.Build(aWeek())
	if len(r.Stories) != 1 {
		t.Fatalf("got %d stories, want 1: the kill switch is no correction", len(r.Stories))
	}
	got := r.Stories[0]
	want := "the drift ended 6m later; the object drifted again on 18 Nov 12:00"
	if got.Commit != "web: 7 (Ada)" || got.Because != "drift: image by kubectl-edit" || got.Outcome != "helped: the drift is gone" || len(got.Steps) != 5 || got.After != want {
		t.Errorf("got %+v, want after %q", got, want)
	}
}

func TestFormats(t *testing.T) {
	r := audit.Build(aWeek())
	for _, name := range []string{"markdown", "json"} {
		var out bytes.Buffer
		if err := audit.Write(&out, r, name); err != nil {
			t.Fatal(err)
		}
		golden(t, "week"+audit.Formats()[name], out.Bytes())
		if name == "json" && !json.Valid(out.Bytes()) {
			t.Error("not JSON")
		}
	}
	if err := audit.Write(&bytes.Buffer{}, r, "pdf"); err == nil {
		t.Error("pdf: want an error")
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
	}
}

// A page is whole by itself, and what comes from a cluster is text in it.
func TestThePageIsSelfContainedAndSafe(t *testing.T) {
	in := aWeek()
	evil := `<script>alert(1)</script>`
	in.Episodes[0].Manager, in.Episodes[0].Path = evil, evil
	in.Episodes[5].Path = evil
	in.Trail[4].Correction.Reason = evil
	in.Latest.Findings[1].Reason = evil
	var page, text bytes.Buffer
	if err := audit.Write(&page, audit.Build(in), "html"); err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)<script|src=|href=|@import|url\(|https?://`).FindString(page.String()); found != "" {
		t.Errorf("the page holds %q", found)
	}
	if !strings.Contains(page.String(), "&lt;script&gt;") || !strings.Contains(page.String(), "prefers-color-scheme: dark") {
		t.Error("the page does not hold what it should")
	}
	if err := audit.Write(&text, audit.Build(in), "markdown"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "<script") {
		t.Error("the Markdown holds HTML")
	}
	for _, line := range strings.Split(text.String(), "\n") {
		if strings.Contains(line, "ZgotmplZ") || strings.Contains(line, "%!") {
			t.Errorf("a line went wrong: %s", line)
		}
	}
	if strings.Contains(page.String(), "ZgotmplZ") {
		t.Error("the page's styles went wrong")
	}
}

func TestAnEmptyPeriodIsNotCalledCleanWhereThingsAreUnknown(t *testing.T) {
	in := audit.Input{From: monday, To: monday.Add(time.Hour), Now: monday}
	if got := audit.Build(in).Verdict(); got != "Nothing drifted." {
		t.Errorf("got %q", got)
	}
	in.Latest = &drift.Report{At: monday, Objects: 3, Findings: []drift.Finding{{Verdict: drift.Unknown, Reason: "x"}}}
	if got := audit.Build(in).Verdict(); !strings.Contains(got, "1 object could not be judged: that is not the same as clean") {
		t.Errorf("got %q", got)
	}
	for format := range audit.Formats() {
		if err := audit.Write(&bytes.Buffer{}, audit.Build(in), format); err != nil {
			t.Error(format, err)
		}
	}
}

func TestCorrectionsForForecastsAreToldToo(t *testing.T) {
	in := audit.Input{From: monday, To: monday.Add(24 * time.Hour), Trail: []forecaster.AuditEntry{{Seq: 1, At: monday, Action: "block", Actor: "driftcast",
		Correction: forecaster.Correction{ID: "a", Policy: "cordon", Subject: collector.Subject{Kind: "node", Name: "n"}, Target: "RowRemap", Risk: 0.42, Horizon: 6 * time.Hour, State: forecaster.Blocked}}}}
	r := audit.Build(in)
	if r.Stories[0].Because != "RowRemap: risk 42 % within 6h" || r.Policies[0].Blocked != 1 || r.Stories[0].Outcome != "not known yet" {
		t.Errorf("got %+v, %+v", r.Stories, r.Policies)
	}
}

func TestConfig(t *testing.T) {
	for text, c := range map[string]audit.Config{"audit.report.format": {Format: "pdf"}, "audit.report.schedule": {Schedule: "monday"}, "audit.report.period": {Period: -1},
		"audit.report.keep": {Keep: -1}} {
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), text) {
			t.Errorf("got %v, want %s", err, text)
		}
	}
	if err := (audit.Config{Schedule: "0 6 * * 1"}).Validate(); err != nil {
		t.Error(err)
	}
}
