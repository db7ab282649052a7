package declared

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// Status is where a baseline stands.
type Status struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`          // git or directory
	From      string    `json:"from"`          // URL or path
	Ref       string    `json:"ref,omitempty"` // branch, tag or commit asked for
	Revision  Revision  `json:"revision"`      // last good one; ID empty: never read
	Checked   time.Time `json:"checked"`       // last good poll, also of a former process; zero: none
	Error     string    `json:"error"`         // of the last poll; empty: it went well. Revision is then as old as Checked
	Documents int       `json:"documents"`
	Objects   int       `json:"objects"`
	Problems  []Problem `json:"problems"`
	Polls     int       `json:"polls"` // attempts since the start
	Failures  int       `json:"failures"`
}

// source is one baseline.
type source struct {
	config Config
	origin origin
	scopes Scopes
	now    func() time.Time

	polling sync.Mutex // one poll or render at a time

	mu              sync.Mutex // guards what follows
	past            []*snapshot
	snap            *snapshot // newest good one; nil: none
	checked         time.Time
	lastErr         error
	polls, failures int
}

// inMemory is how many snapshots stay there, the newest among them.
const inMemory = 4

// poll looks for a new revision. Where it fails, the last good one stays.
func (s *source) poll(ctx context.Context) (changed bool, err error) {
	s.polling.Lock()
	defer s.polling.Unlock()
	snap, err := s.newest(ctx)
	s.mu.Lock()
	s.polls++
	s.lastErr = err
	if err == nil {
		s.checked = s.now()
		changed = s.snap == nil || s.snap.revision.ID != snap.revision.ID
		s.keep(snap)
		s.snap = snap
	} else {
		s.failures++
	}
	restore := err != nil && s.snap == nil
	s.mu.Unlock()
	if err == nil {
		return changed, nil
	}
	if restore {
		changed = s.restore(ctx)
	}
	return changed, fmt.Errorf("baseline %s: %w", s.config.Name, err)
}

func (s *source) newest(ctx context.Context) (*snapshot, error) {
	head, err := s.origin.newest(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	snap := s.snap
	s.mu.Unlock()
	if head.ID != "" && snap != nil && snap.revision.ID == head.ID && !snap.scopesMissing() {
		return snap, nil
	}
	return s.render(ctx, head.ID)
}

// restore takes what a former process left in the cache: old is better than
// nothing, and Status says how old.
func (s *source) restore(ctx context.Context) bool {
	g, ok := s.origin.(*repository)
	if !ok {
		return false
	}
	h, ok := g.remembered()
	if !ok {
		return false
	}
	snap, err := s.render(ctx, h.Revision)
	if err != nil {
		return false // the poll's error is the one that is told
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap, s.checked = snap, h.Checked
	s.keep(snap)
	return true
}

func (s *source) render(ctx context.Context, id string) (*snapshot, error) {
	t, revision, done, err := s.origin.files(ctx, id)
	if err != nil {
		return nil, err
	}
	defer done()
	snap, err := render(t, &s.config, s.scopes)
	if err != nil {
		return nil, err
	}
	if snap.revision = revision; revision.ID == "" {
		snap.revision.ID = snap.digest()
	}
	return snap, nil
}

// keep remembers a snapshot; s.mu is held.
func (s *source) keep(snap *snapshot) {
	s.past = slices.DeleteFunc(s.past, func(p *snapshot) bool { return p.revision.ID == snap.revision.ID })
	s.past = append(s.past, snap)
	if len(s.past) > inMemory {
		s.past = slices.Delete(s.past, 0, len(s.past)-inMemory)
	}
}

// current is the newest good snapshot; the first is made here if need be.
func (s *source) current(ctx context.Context) (*snapshot, error) {
	s.mu.Lock()
	snap, polls, err := s.snap, s.polls, s.lastErr
	s.mu.Unlock()
	if snap != nil {
		return snap, nil
	}
	if polls > 0 {
		return nil, fmt.Errorf("baseline %s: %w", s.config.Name, err)
	}
	_, err = s.poll(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snap != nil {
		return s.snap, nil
	}
	return nil, err
}

// at is the snapshot of a revision; empty: the newest.
func (s *source) at(ctx context.Context, revision string) (*snapshot, error) {
	if revision == "" {
		return s.current(ctx)
	}
	find := func() *snapshot {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.past {
			if p.revision.ID == revision {
				return p
			}
		}
		return nil
	}
	if snap := find(); snap != nil {
		return snap, nil
	}
	s.polling.Lock()
	defer s.polling.Unlock()
	snap, err := s.render(ctx, revision)
	if err != nil {
		return nil, fmt.Errorf("baseline %s: %w", s.config.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.snap
	s.keep(snap)
	if newest != nil {
		s.keep(newest)
	}
	return snap, nil
}

func (s *source) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{Name: s.config.Name, Kind: s.origin.kind(), From: s.config.Path, Checked: s.checked, Problems: []Problem{}, Polls: s.polls, Failures: s.failures}
	if g := s.config.Git; g != nil {
		out.From, out.Ref = redactURL(g.URL), g.Ref
	}
	if s.lastErr != nil {
		out.Error = s.lastErr.Error()
	}
	if s.snap != nil {
		out.Revision, out.Documents, out.Objects = s.snap.revision, s.snap.documents, len(s.snap.objects)
		out.Problems = append(out.Problems, s.snap.problems...)
	}
	return out
}

// declarations are made once of a snapshot: comparisons are far more frequent than
// revisions, and redacting is what they would spend their time with.
func (s *snapshot) declarations(src *source, redactor *cluster.Redactor) ([]drift.Declaration, error) {
	s.once.Do(func() {
		var errs []error
		for _, ref := range s.order {
			o := s.objects[ref]
			body, err := o.body(redactor)
			if err != nil {
				errs = append(errs, fmt.Errorf("baseline %s: %s: %s: %w", src.config.Name, o.origin, ref, err))
				continue
			}
			s.list = append(s.list, drift.Declaration{Object: ref, Body: body, Source: src.origin.kind(), Origin: src.config.Name + ": " + o.origin, Revision: s.revision.ID})
		}
		s.listErr = errors.Join(errs...)
	})
	return s.list, s.listErr
}

// object finds an object, whatever the version it was declared in.
func (s *snapshot) object(ref cluster.Ref) (object, bool) {
	if o, ok := s.objects[ref]; ok {
		return o, true
	}
	for declared, o := range s.objects {
		declared.Version = ref.Version
		if declared == ref {
			return o, true
		}
	}
	return object{}, false
}

// scopesMissing tells whether it is worth reading the same revision again.
func (s *snapshot) scopesMissing() bool {
	return slices.ContainsFunc(s.problems, func(p Problem) bool { return p.scope })
}
