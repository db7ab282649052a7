package declared

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// Options are what a Set needs.
type Options struct {
	Baselines []Config
	Cache     string // folder for clones; needed where a baseline is in Git
	Scopes    Scopes // the cluster's kinds; nil: only the built-in ones and those that a source defines are known
	// Redactor is the observer's: digests have the same salt, so that bodies can
	// be compared. nil: Secrets' values are left out, all else stays as written.
	Redactor   *cluster.Redactor
	Now        func() time.Time      // nil: time.Now
	Rand       *rand.Rand            // jitters polls; nil: none
	Logger     *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
}

// Set is all that a team declares. It is safe for concurrent use.
type Set struct {
	sources []*source
	redact  *cluster.Redactor
	rand    *rand.Rand // of Run only
	logger  *slog.Logger
}

// ErrUndeclared says that no baseline declares an object.
var ErrUndeclared = errors.New("no baseline declares this object")

// Open makes a Set. It reads nothing yet: Poll does, and Run again and again.
func Open(o Options) (*Set, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Set{redact: o.Redactor, rand: o.Rand, logger: o.Logger}
	seen := map[string]bool{}
	for _, c := range o.Baselines {
		c = c.withDefaults()
		if err := c.Validate(); err != nil {
			return nil, err
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("baseline %s: name: used twice (rename one)", c.Name)
		}
		seen[c.Name] = true
		src := &source{config: c, scopes: o.Scopes, now: o.Now}
		if c.Git != nil {
			if o.Cache == "" {
				return nil, fmt.Errorf("baseline %s: git needs a cache folder (set Options.Cache)", c.Name)
			}
			src.origin = newRepository(&c, filepath.Clean(o.Cache), o.Now)
		} else {
			src.origin = directory{c.Path}
		}
		s.sources = append(s.sources, src)
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(newMetrics(s)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Poll looks once for new revisions of all baselines. The error joins those of
// all that could not be polled; they keep their last good revision.
func (s *Set) Poll(ctx context.Context) error {
	errs := make([]error, len(s.sources))
	for i, src := range s.sources {
		errs[i] = s.poll(ctx, src)
	}
	return errors.Join(errs...)
}

func (s *Set) poll(ctx context.Context, src *source) error {
	changed, err := src.poll(ctx)
	switch status := src.status(); {
	case err != nil && ctx.Err() == nil:
		s.logger.Warn("declared state could not be polled", "component", "declared", "baseline", status.Name, "revision", status.Revision.ID, "err", err)
	case changed:
		s.logger.Info("declared state changed", "component", "declared", "baseline", status.Name, "revision", status.Revision.ID,
			"objects", status.Objects, "problems", len(status.Problems))
	}
	return err
}

// Run polls every baseline at its own interval until ctx ends.
func (s *Set) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, src := range s.sources {
		interval := time.Duration(src.config.Poll)
		if s.rand != nil { // so that many replicas do not ask at once
			interval += time.Duration(s.rand.Int64N(int64(interval)/10 + 1))
		}
		g.Go(func() error {
			ticker := time.NewTicker(interval)
			defer ticker.Stop()
			for {
				_ = s.poll(ctx, src) // logged there, and told by Status
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-ticker.C:
				}
			}
		})
	}
	return g.Wait()
}

// Declarations is what all baselines declare, at the revisions of their last
// good polls; a baseline that was never polled is polled first. Where one never
// was read, the others are given with the error. Bodies are shared: they must not
// be changed.
func (s *Set) Declarations(ctx context.Context) ([]drift.Declaration, error) {
	var out []drift.Declaration
	var errs []error
	for _, src := range s.sources {
		snap, err := src.current(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list, err := snap.declarations(src, s.redact)
		out, errs = append(out, list...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// Unread is what baselines may declare but nobody could read, as findings of
// verdict Unknown: one for each problem, and one for each baseline that never
// was read at all. Object is as much as could be read; its Kind may be empty.
func (s *Set) Unread() []drift.Finding {
	var out []drift.Finding
	for _, src := range s.sources {
		status := src.status()
		finding := drift.Finding{Verdict: drift.Unknown, Source: src.origin.kind(), Origin: status.Name, Revision: status.Revision.ID, ComparedAt: status.Checked}
		if status.Revision.ID == "" {
			finding.Reason = "not read yet"
			if status.Error != "" {
				finding.Reason = status.Error
			}
			out = append(out, finding)
		}
		for _, p := range status.Problems {
			f := finding
			f.Object, f.Reason = p.Object, p.Error()
			if p.File != "" {
				f.Origin += ": " + p.File
			}
			out = append(out, f)
		}
	}
	return out
}

// Manifest is the whole declared manifest of an object, in canonical JSON with
// nothing redacted, for applying it again: of a named revision, also one that
// was polled long ago, or of the newest if revision is empty. It returns the
// revision too. ErrUndeclared and ErrRevision are the errors to tell apart.
func (s *Set) Manifest(ctx context.Context, ref cluster.Ref, revision string) (manifest []byte, at string, err error) {
	var errs []error
	for _, src := range s.sources {
		snap, err := src.at(ctx, revision)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if o, ok := snap.object(ref); ok {
			return o.manifest, snap.revision.ID, nil
		}
	}
	what := ref.String()
	if revision != "" {
		what += " at " + revision
	}
	if len(errs) > 0 {
		return nil, "", fmt.Errorf("%s: %w", what, errors.Join(errs...))
	}
	return nil, "", fmt.Errorf("%s: %w", what, ErrUndeclared)
}

// Status says where all baselines stand, in the order of the configuration.
func (s *Set) Status() []Status {
	out := make([]Status, len(s.sources))
	for i, src := range s.sources {
		out[i] = src.status()
	}
	return out
}
