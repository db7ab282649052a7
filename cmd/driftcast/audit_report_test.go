package main

import (
	"bytes"
	"context"
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
