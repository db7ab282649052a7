package main

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/declared"
)

// driftSettings are the sections that a comparison needs.
type driftSettings struct {
	cluster   cluster.Config
	drift     drift.Config
	baselines []declared.Config
}

// driftSettings reads the configuration, and the flags over it.
func (a *app) driftSettings(f *driftFlags) (driftSettings, error) {
	c, err := a.loadConfig()
	if err != nil {
		return driftSettings{}, err
	}
	s := driftSettings{cluster: c.Cluster.Config, drift: c.Drift, baselines: c.Baselines}
	if f.kubeconfig != "" || f.context != "" {
		s.cluster.Kubeconfig, s.cluster.Context, s.cluster.InCluster = f.kubeconfig, f.context, false
	}
	if f.namespace != "" {
		s.cluster.Namespaces = []string{f.namespace}
	}
	if s.cluster.QPS == 0 {
		s.cluster.QPS, s.cluster.Burst = 50, 100 // a person waits
	}
	known := s.baselines
	if len(f.baselines) > 0 {
		s.baselines = nil
	}
next:
	for _, name := range f.baselines {
		for _, b := range known {
			if b.Name == name {
				s.baselines = append(s.baselines, b)
				continue next
			}
		}
		info, err := os.Stat(name)
		if err != nil || !info.IsDir() {
			return s, fmt.Errorf("--baseline %q: neither a folder nor the name of a baseline in the configuration", name)
		}
		path, err := filepath.Abs(name)
		if err != nil {
			return s, fmt.Errorf("--baseline %q: %w", name, err)
		}
		namespace := f.namespace
		if namespace == "" {
			namespace = "default"
		}
		s.baselines = append(s.baselines, declared.Config{Name: filepath.Base(path), Path: path, Namespace: namespace})
	}
	if f.dryRun && len(s.baselines) == 0 {
		return s, fmt.Errorf("--dry-run asks what applying manifests would change: name them with --baseline")
	}
	return s, nil
}

// newComparison returns what lists the cluster and compares it, once a call.
func (a *app) newComparison(conn *cluster.Connection, transform cluster.Transform, s driftSettings, f *driftFlags) (func(context.Context) (drift.Report, error), error) {
	set, err := declared.Open(declared.Options{Baselines: s.baselines, Cache: a.path("baselines"), Scopes: kinds{conn.Mapper}, Redactor: transform.Redactor})
	if err != nil {
		return nil, err
	}
	live := &listed{}
	o := drift.Options{Objects: live, Config: s.drift, Requests: conn.Requests, Watches: func(r cluster.Ref) bool { return live.Watches(r) }}
	if len(s.baselines) > 0 {
		o.Sources = []drift.Source{scoped{set, f}}
	}
	if f.dryRun {
		o.DryRun, err = drift.NewDryRun(drift.DryRunOptions{Client: conn.Dynamic, Resource: conn.Resource, Object: transform.Object, QPS: float64(s.cluster.QPS),
			Manifest: func(ctx context.Context, r cluster.Ref) ([]byte, error) {
				manifest, _, err := set.Manifest(ctx, r, "")
				return manifest, err
			}})
		if err != nil {
			return nil, err
		}
	}
	detector, err := drift.New(o)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (drift.Report, error) {
		began, calls := time.Now(), conn.Requests()
		if err := set.Poll(ctx); err != nil {
			return drift.Report{}, err
		}
		live.Listing = drift.List(ctx, conn.Dynamic, conn.Mapper, a.listedResources(conn.Mapper, s.cluster, f), s.cluster.Namespaces, transform.Object)
		report, err := detector.Compare(ctx)
		report.Took, report.Calls = time.Since(began), conn.Requests()-calls // with the listing
		return report, err
	}, nil
}

// listedResources are the resources to list: with a namespace only those that
// live in one, so that a team's own rights are enough.
func (a *app) listedResources(mapper meta.RESTMapper, c cluster.Config, f *driftFlags) (out []cluster.Resource) {
	for _, r := range c.Resources() {
		if f.namespace != "" {
			kind, err := mapper.KindFor(r.GVR())
			if err != nil {
				continue
			}
			if mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version); err != nil || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

// listed is the newest listing.
type listed struct{ *drift.Listing }

// Objects implements drift.Objects.
func (l *listed) Objects() iter.Seq[*cluster.Object] { return l.Listing.Objects() }

// scoped leaves out what the flags do not ask for.
type scoped struct {
	*declared.Set
	flags *driftFlags
}

// Declarations implements drift.Source.
func (s scoped) Declarations(ctx context.Context) ([]drift.Declaration, error) {
	list, err := s.Set.Declarations(ctx)
	kept := make([]drift.Declaration, 0, len(list))
	for _, d := range list {
		if s.flags.wants(d.Object) {
			kept = append(kept, d)
		}
	}
	return kept, err
}

// kinds tells from discovery which kinds live in a namespace.
type kinds struct{ mapper meta.RESTMapper }

// Namespaced implements declared.Scopes.
func (k kinds) Namespaced(gvk schema.GroupVersionKind) (namespaced, known bool) {
	mapping, err := k.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return false, false
	}
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace, true
}

// query is the flags as the API takes them.
func (f *driftFlags) query(cursor string) (out string) {
	if f.namespace != "" {
		out += "&namespace=" + url.QueryEscape(f.namespace)
	}
	if len(f.kinds) == 1 {
		out += "&object_kind=" + url.QueryEscape(f.kinds[0])
	}
	if cursor != "" {
		out += "&cursor=" + url.QueryEscape(cursor)
	}
	return out
}
