package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/audit"
	"github.com/driftcast/driftcast/drift/declared"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

// watching is what a service with a cluster has beside the others: who watches
// it, who knows what is declared, and who compares the two.
type watching struct {
	observer *cluster.Observer
	detector *drift.Detector
	declared *declared.Set
	history  *collector.History
	reporter *audit.Reporter
	tell     func(drift.Finding)    // of what is not as it was
	told     map[cluster.Ref]string // the words that were told last
}

// watch makes what watches the cluster of the configuration. It starts nothing.
func (a *app) watch(c config, connection *cluster.Connection, h *collector.History, s *store.Store, tell func(drift.Finding), registry *prometheus.Registry, logger *slog.Logger) (*watching, error) {
	salt, err := a.salt()
	if err != nil {
		return nil, err
	}
	w := &watching{history: h, tell: tell, told: map[cluster.Ref]string{}}
	w.observer, err = cluster.New(cluster.Options{Connection: connection, Config: c.Cluster.Config, Salt: salt,
		Changes: s.PutChanges, Memory: s, Logger: logger})
	if err != nil {
		return nil, err
	}
	if err := registry.Register(w.observer.Collector()); err != nil {
		return nil, err
	}
	transform := w.observer.Transform()
	w.declared, err = declared.Open(declared.Options{Baselines: c.Baselines, Cache: a.path("baselines"), Scopes: kinds{connection.Mapper},
		Redactor: transform.Redactor, Rand: mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())), Logger: logger, Registerer: registry})
	if err != nil {
		return nil, err
	}
	o := drift.Options{Objects: w.observer, Watches: w.observer.Watches, Config: c.Drift, Memory: s, Baselines: s, Announcer: connection,
		Requests: connection.Requests, Logger: logger, Registry: registry}
	if len(c.Baselines) > 0 {
		o.Sources = []drift.Source{w.declared}
	}
	if o.DryRun, err = dryRun(c, connection, transform, w.declared); err != nil {
		return nil, err
	}
	w.reporter = a.reporter(c.Audit.Report, w, s, time.Now, logger)
	w.detector, err = drift.New(o)
	return w, err
}

// dryRun is the second tier, under its own ServiceAccount where one is named;
// nil where the configuration does not want it.
func dryRun(c config, connection *cluster.Connection, transform cluster.Transform, set *declared.Set) (*drift.DryRun, error) {
	d := c.Drift.DryRun
	if !d.Enabled {
		return nil, nil
	}
	if d.Kubeconfig != "" {
		var err error
		if connection, err = cluster.Connect(cluster.ConnectOptions{Kubeconfig: d.Kubeconfig, UserAgent: "driftcast-dry-run"}); err != nil {
			return nil, fmt.Errorf("drift.dry_run: %w", err)
		}
	}
	return drift.NewDryRun(drift.DryRunOptions{Client: connection.Dynamic, Resource: connection.Resource, Object: transform.Object,
		QPS: d.QPS, Patience: time.Duration(c.Drift.Interval) / 2,
		Manifest: func(ctx context.Context, r cluster.Ref) ([]byte, error) {
			manifest, _, err := set.Manifest(ctx, r, "")
			return manifest, err
		}})
}

// salt is that of redacted values: made once, so that what was kept before a
// restart can be compared with what is seen after it.
func (a *app) salt() ([]byte, error) {
	path := a.path("salt")
	salt, err := os.ReadFile(path)
	if err == nil && len(salt) >= 16 {
		return salt, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("salt of redacted values: %w", err)
	}
	salt = make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("salt of redacted values: %w", err)
	}
	if err := os.WriteFile(path, salt, 0o600); err != nil {
		return nil, fmt.Errorf("salt of redacted values: %w", err)
	}
	return salt, nil
}

// run watches, polls and compares until ctx ends.
func (w *watching) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.observer.Run(ctx) })
	g.Go(func() error { return w.declared.Run(ctx) })
	g.Go(func() error { return w.reporter.Run(ctx) })
	g.Go(func() error {
		for w.observer.Fresh().IsZero() { // nothing to compare before the first lists
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
			}
		}
		return w.detector.Run(ctx)
	})
	return g.Wait()
}

// sample writes what is seen of the cluster now, and how it differs from what is
// declared, to History.
func (w *watching) sample(ctx context.Context, now time.Time) error {
	seen, err := w.observer.Sample(ctx, now)
	errs := []error{err}
	w.news(w.detector.Last())
	for _, series := range []map[string][]collector.Series{seen, w.detector.Sample(now)} {
		for name, list := range series {
			if _, err := w.history.Append(ctx, name, list); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// news tells of each finding that is not as it was, but not of what has always
// been as declared.
func (w *watching) news(report drift.Report) {
	now := map[cluster.Ref]string{}
	for i := range report.Findings {
		f := &report.Findings[i]
		words := wordsOf(f)
		now[f.Object] += words
		if was, known := w.told[f.Object]; !strings.Contains(was, words) && (known || f.Verdict != drift.Synced) {
			w.tell(*f)
		}
	}
	w.told = now
}

// Baselines implements api.Baselines.
func (w *watching) Baselines() []api.Baseline {
	var out []api.Baseline
	for _, s := range w.declared.Status() {
		b := api.Baseline{Name: s.Name, Source: s.Kind, Location: s.From, Revision: s.Revision.ID, Objects: s.Objects, Revised: s.Revision.Time, Checked: s.Checked}
		if s.Error != "" {
			b.Err = errors.New(s.Error)
		}
		out = append(out, b)
	}
	return out
}

// reporter writes the audit reports of the configuration's schedule.
func (a *app) reporter(c audit.Config, w *watching, s *store.Store, now func() time.Time, logger *slog.Logger) *audit.Reporter {
	c = c.WithDefaults()
	if !filepath.IsAbs(c.Dir) {
		c.Dir = a.path(c.Dir)
	}
	return &audit.Reporter{Config: c, Now: now, Logger: logger, Gather: func(ctx context.Context, in *audit.Input) error {
		last := w.detector.Last()
		in.Latest = &last
		for _, b := range w.declared.Status() {
			in.Baselines = append(in.Baselines, audit.Baseline{Name: b.Name, Source: b.Kind, Revision: b.Revision.ID,
				Author: b.Revision.Author, Time: b.Revision.Time, Checked: b.Checked, Subject: b.Revision.Subject, Problems: len(b.Problems)})
		}
		return gatherReport(ctx, s, in)
	}}
}

// manifests are the declared states as the actuator that re-applies them asks.
type manifests struct{ *declared.Set }

// Manifest implements actuators.Manifests.
func (m manifests) Manifest(ctx context.Context, ref cluster.Ref, revision string) (manifest []byte, at string, err error) {
	manifest, at, err = m.Set.Manifest(ctx, ref, revision)
	if errors.Is(err, declared.ErrUndeclared) {
		err = fmt.Errorf("%w: %w", forecaster.ErrNotFound, err)
	}
	return manifest, at, err
}

// badConditions names the conditions of a node that speak for keeping work off
// it: Ready that is not true, and any other but Kubernetes' own that is.
func badConditions(node *cluster.Object) []cluster.Condition {
	facts, ok := node.Facts.(*cluster.Node)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(facts.Conditions), func(c cluster.Condition) bool {
		return c.Type == "Ready" && c.Status == "True" || c.Type != "Ready" && c.Status != "True"
	})
}
