package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

// TestAuditReport writes what a service would have kept, and reads the report as
// a person does.
func TestAuditReport(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "driftcast.db")})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	web := cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	if err := s.PutEpisodes(ctx, []drift.Episode{{Object: web, Subject: web.Subject(), Path: "/spec/replicas", Kind: drift.Replicas, Manager: "kubectl-scale", Source: drift.SourceGit,
		Since: at, Until: at.Add(2 * time.Hour), RepairedBy: "driftcast"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(ctx, "ada", "propose", forecaster.Correction{ID: "01J", Key: "k", Policy: "reapply", Actuator: "apply", State: forecaster.Proposed,
		Subject: collector.Subject{Kind: "workload", Namespace: "shop", Name: "web"}, Proposed: at}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]string{"markdown": "| kubectl-scale | 1 | 100 % |", "json": `"medianSeconds": 7200`, "html": "<code>kubectl-scale</code>"} {
		out := filepath.Join(dir, "report."+format)
		var stdout, stderr bytes.Buffer
		if code := run(ctx, []string{"driftcast", "audit", "report", "--storage.path", dir, "--from", "2026-11-16T00:00:00Z", "--to", "2026-11-23T00:00:00Z", "--format", format, "--out", out},
			strings.NewReader(""), &stdout, &stderr); code != exitClean {
			t.Fatalf("%s: exit %d: %s", format, code, stderr.String())
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s: %q is not in\n%s", format, want, text)
		}
		if format == "markdown" && !strings.Contains(string(text), "1 row, the hash chain verifies") {
			t.Error("the report does not say that the trail verifies")
		}
	}
}

// TestAuditReportAsksTheServer for what is unknown now, the pools of nodes and the
// revisions in force, page by page.
func TestAuditReportAsksTheServer(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "driftcast.db")})
	if err != nil {
		t.Fatal(err)
	}
	var episodes []drift.Episode
	for i, name := range []string{"gpu-1", "gpu-2"} {
		node := cluster.Ref{Version: "v1", Kind: "Node", Name: name}
		episodes = append(episodes, drift.Episode{Object: node, Subject: node.Subject(), Path: "/versions/driver", Kind: drift.VersionSkew, Source: drift.SourcePool,
			Since: time.Date(2026, 11, 18, 9+i, 0, 0, 0, time.UTC)})
	}
	if err := errors.Join(s.PutEpisodes(ctx, episodes), s.Close()); err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		"/api/v1/drift?limit=200&verdict=unknown": `{"comparedAt":"2026-11-22T23:00:00Z","objects":40,"nextCursor":"2","items":[{"object":{"kind":"Node","version":"v1","name":"gpu-2"},
			"verdict":"unknown","source":"pool","origin":"h100","reason":"pool h100: no majority","since":null}]}`,
		"/api/v1/drift?limit=200&verdict=unknown&cursor=2": `{"comparedAt":"2026-11-22T23:00:00Z","objects":40,"items":[{"object":{},"verdict":"unknown","source":"git","origin":"prod: a.yaml","reason":"a.yaml: kind: missing"}]}`,
		"/api/v1/drift?limit=200&source=pool": `{"comparedAt":"2026-11-22T23:00:00Z","objects":40,"items":[{"object":{"kind":"Node","version":"v1","name":"gpu-1"},"verdict":"drifted","source":"pool","origin":"h100"},
			{"object":{"kind":"Node","version":"v1","name":"gpu-2"},"verdict":"unknown","source":"pool","origin":"h100"}]}`,
		"/api/v1/baselines": `{"items":[{"name":"prod","source":"git","location":"x","revision":"4f2c","objects":3,"revised":"2026-11-20T00:00:00Z","checked":"2026-11-22T22:59:00Z","error":""},
			{"name":"new","source":"git","location":"x","revision":"","objects":0,"revised":null,"checked":null,"error":"x"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.String()]
		if !ok {
			t.Errorf("asked %s", r.URL)
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"driftcast", "audit", "report", "--storage.path", dir, "--from", "2026-11-16T00:00:00Z", "--to", "2026-11-23T00:00:00Z", "--server", server.URL},
		strings.NewReader(""), &stdout, &stderr); code != exitClean {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	for _, want := range []string{"| h100 | 2 | 100 % | 2 |", "2 of 40 objects", "| prod | git | 4f2c |  |  | 2026-11-20 00:00 | 2026-11-22 22:59 | 1 |", "| new | git |  |  |  | – | – | 0 |"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
}
