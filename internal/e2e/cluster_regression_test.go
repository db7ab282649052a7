//go:build e2e

package e2e_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/driftcast/driftcast/internal/promtest"
)

const regressionTargets = `
groups:
- name: serving
  interval: 1m
  signals:
  - {signal: revision, expr: 'max by (namespace, workload) (serving_revision)'}
  targets:
  - target: Latency
    subject: {kind: workload, labels: [namespace, workload]}
    level: max by (namespace, workload) (serving_latency_seconds)
    scale: log
    objective: "< 1.3"
    horizons: [5m, 15m]
    warn: {risk: 0.5}
    regression: {changes: [revision], hold: 15m, baseline: 6h}
`

// TestRegression rolls out a revision that raised latency. It is found in the
// past, named with its revision, and rolled back once a person approves.
func TestRegression(t *testing.T) {
	c := controlPlane(t)
	namespace := c.Namespace(t)
	c.Apply(t, spread("kubernetes.io/os", "linux", 2, 1), "-n", namespace)
	c.AwaitRollout(t, namespace, "serve")
	c.Kubectl(t, "-n", namespace, "set", "image", "deploy/serve", "c=registry.test/serve:v2")
	c.AwaitRollout(t, namespace, "serve")

	w := &world{t: t, dir: t.TempDir(), exporter: newExporter(t), promAddr: promtest.FreeAddr(t)}
	w.exporter.fixed[fmt.Sprintf("serving_latency_seconds{namespace=%q,workload=\"serve\"}", namespace)] = 1.6
	w.exporter.fixed[fmt.Sprintf("serving_revision{namespace=%q,workload=\"serve\"}", namespace)] = 2
	slower(t, filepath.Join(w.dir, "tsdb"), namespace, time.Now().Add(-40*time.Minute))
	w.scrape()
	writeFile(t, filepath.Join(w.dir, "targets.yml"), regressionTargets)
	writeFile(t, filepath.Join(w.dir, "driftcast.yml"), fmt.Sprintf(`prometheus: {url: %q}
target_files: [targets.yml]
history: {backfill: 8h}
forecast: {interval: 2s}
training: {schedule: off}
corrections:
  kubeconfig: %s
  policies:
  - {name: undo, drift: [latency-regression], actuator: rollout-undo, mode: approve}
`, w.prom.URL, c.Kubeconfig()))
	w.serve()

	eventually(t, 60*time.Second, "the regression", func() error {
		var page struct {
			Items []struct {
				Target  string
				State   string
				Effect  float64
				Onset   time.Time
				Follows []struct {
					Signal, Text string
					To           float64
				}
			}
		}
		if err := get(w.server.URL+"/api/v1/regressions", &page); err != nil {
			return err
		}
		if len(page.Items) != 1 || len(page.Items[0].Follows) == 0 {
			return fmt.Errorf("there are %+v", page.Items)
		}
		r := page.Items[0]
		t.Logf("%s is %.0f %% slower since %s, following %+v", r.Target, 100*r.Effect, r.Onset.Format(time.TimeOnly), r.Follows)
		if got := r.Follows[0]; got.Signal != "revision" || got.To != 2 {
			t.Errorf("it follows %+v, want revision 2", got)
		}
		return nil
	})
	var proposed correction
	eventually(t, 30*time.Second, "a proposal", func() error {
		var page struct{ Items []correction }
		if err := get(w.server.URL+"/api/v1/corrections", &page); err != nil {
			return err
		}
		if len(page.Items) != 1 {
			return fmt.Errorf("there are %+v", page.Items)
		}
		proposed = page.Items[0]
		return nil
	})
	if proposed.State != "proposed" || !strings.Contains(proposed.Plan, "revision 1") {
		t.Fatalf("it is %s (%s): %s; want a proposal to go back to revision 1", proposed.State, proposed.Reason, proposed.Plan)
	}
	w.must("corrections", "approve", proposed.ID, "--server="+w.server.URL)
	c.AwaitRollout(t, namespace, "serve")
	if got := c.Kubectl(t, "-n", namespace, "get", "deploy/serve", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); got != "registry.test/serve:v1" {
		t.Errorf("it runs %s, want what ran before", got)
	}
	w.audit()
}

// slower writes eight hours of a workload as blocks: from onset on it runs
// revision 2 and is 60 % slower.
func slower(t *testing.T, dir, namespace string, onset time.Time) {
	t.Helper()
	writer, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, int64(24*time.Hour/time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	rng := rand.New(rand.NewPCG(9, 10))
	app := writer.Appender(t.Context())
	series := func(name string) labels.Labels {
		return labels.FromStrings("__name__", name, "namespace", namespace, "workload", "serve", "job", "story", "instance", "past")
	}
	for at := time.Now().Add(-8 * time.Hour).Truncate(time.Minute); at.Before(time.Now().Add(-10 * time.Second)); at = at.Add(15 * time.Second) {
		latency, revision := 1+0.03*rng.NormFloat64(), 1.0
		if at.After(onset) {
			latency, revision = 1.6+0.03*rng.NormFloat64(), 2
		}
		for name, value := range map[string]float64{"serving_latency_seconds": latency, "serving_revision": revision} {
			if _, err := app.Append(0, series(name), at.UnixMilli(), value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
