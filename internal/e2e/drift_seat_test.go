//go:build e2e

package e2e_test

import (
	"context"
	"iter"
	"regexp"
	"slices"
	"testing"

	observed "github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/declared"
	"github.com/driftcast/driftcast/internal/cluster"
)

// driftSeat is one who looks at drift on a real control plane, again and again.
type driftSeat struct {
	*drift.Listing
	t         *testing.T
	conn      *observed.Connection
	transform observed.Transform
	resources []observed.Resource
	detector  *drift.Detector
}

// Objects implements drift.Objects.
func (s *driftSeat) Objects() iter.Seq[*observed.Object] { return s.Listing.Objects() }

// newDriftSeat looks with the rights of an administrator, and dries as the user of
// another kubeconfig where one is named.
func newDriftSeat(t *testing.T, c *cluster.Cluster, dryRun string, more []observed.Resource, baselines ...declared.Config) *driftSeat {
	t.Helper()
	conn, err := observed.Connect(observed.ConnectOptions{Kubeconfig: c.Kubeconfig(), QPS: 200})
	if err != nil {
		t.Fatal(err)
	}
	s := &driftSeat{t: t, conn: conn, resources: observed.Config{Watch: more}.Resources(),
		transform: observed.Transform{Redactor: observed.NewRedactor([]byte("0123456789abcdef")), Versions: observed.DefaultVersions()}}
	o := drift.Options{Objects: s, Config: drift.DefaultConfig(), Requests: conn.Requests, Watches: func(r observed.Ref) bool { return s.Watches(r) }}
	if len(baselines) > 0 {
		set, err := declared.Open(declared.Options{Baselines: baselines, Redactor: s.transform.Redactor})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.Sources = []drift.Source{set}
		if dryRun != "" {
			dryer, err := observed.Connect(observed.ConnectOptions{Kubeconfig: dryRun, QPS: 200})
			if err != nil {
				t.Fatal(err)
			}
			o.Requests = nil // those of the dry runs, which go another way
			o.DryRun, err = drift.NewDryRun(drift.DryRunOptions{Client: dryer.Dynamic, Resource: conn.Resource, Object: s.transform.Object, QPS: 200,
				Manifest: func(ctx context.Context, r observed.Ref) ([]byte, error) {
					manifest, _, err := set.Manifest(ctx, r, "")
					return manifest, err
				}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.detector, err = drift.New(o); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *driftSeat) look(namespaces ...string) drift.Report {
	s.t.Helper()
	s.Listing = drift.List(s.t.Context(), s.conn.Dynamic, s.conn.Mapper, s.resources, namespaces, s.transform.Object)
	if err := s.Ready(); err != nil {
		s.t.Fatal(err)
	}
	report, err := s.detector.Compare(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

var digests = regexp.MustCompile(`redacted:[0-9a-f]+`)

// lines are the differences of the objects that are wanted.
func driftLines(r drift.Report, wanted func(observed.Ref) bool) []string {
	out := []string{}
	for _, f := range r.Findings {
		if !wanted(f.Object) {
			continue
		}
		if f.Verdict == drift.Unknown {
			out = append(out, f.Object.Kind+" unknown: "+f.Reason)
		}
		for _, d := range f.Differences {
			out = append(out, digests.ReplaceAllString(f.Object.Kind+" "+string(d.Kind)+" "+d.Words(), "redacted"))
		}
	}
	slices.Sort(out)
	return out
}
