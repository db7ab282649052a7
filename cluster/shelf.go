package cluster

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
)

// shelf holds the objects of one watch. A cache.Reflector, which is the heart of
// an informer, fills it; we compare what it brings with what stands there, so
// that a list after a gap tells what was missed.
type shelf struct {
	observer  *Observer
	kind      kind
	namespace string // empty: all

	mu      sync.RWMutex
	objects map[string]*Object // by namespace/name; only the reflector writes
	synced  bool
	sign    time.Time // of life: the last message of the server
	open    bool      // the watch is
	err     error     // the last failure that no success followed
	lists   int
}

// Replace takes a whole list: the first one, or one after a gap.
func (s *shelf) Replace(list []any, _ string) error {
	fresh := make(map[string]*Object, len(list))
	for _, item := range list {
		object, err := s.object(item)
		if err != nil {
			s.observer.odd(s.kind, err)
			continue
		}
		fresh[place(object)] = object
	}
	first := !s.synced
	old := s.objects
	s.mu.Lock()
	s.objects, s.synced, s.err = fresh, true, nil
	s.sign = s.observer.opts.Now()
	s.lists++
	s.mu.Unlock()
	s.observer.swap(old, fresh)
	if first {
		s.observer.began(s, fresh)
		return nil
	}
	for name, object := range fresh {
		if before := old[name]; before == nil || before.ResourceVersion != object.ResourceVersion {
			s.observer.note(before, object, true)
		}
	}
	for name, before := range old {
		if fresh[name] == nil {
			s.observer.note(before, nil, true)
		}
	}
	return nil
}

// Add takes an object that was made.
func (s *shelf) Add(item any) error { return s.put(item) }

// Update takes an object that was changed.
func (s *shelf) Update(item any) error { return s.put(item) }

func (s *shelf) put(item any) error {
	object, err := s.object(item)
	if err != nil {
		s.observer.odd(s.kind, err)
		return nil
	}
	s.mu.Lock()
	old := s.objects[place(object)]
	s.objects[place(object)] = object
	s.sign = s.observer.opts.Now()
	s.mu.Unlock()
	s.observer.keep(object)
	s.observer.note(old, object, false)
	return nil
}

// Delete takes an object that is gone.
func (s *shelf) Delete(item any) error {
	object, err := s.object(item)
	if err != nil {
		s.observer.odd(s.kind, err)
		return nil
	}
	s.mu.Lock()
	old := s.objects[place(object)]
	delete(s.objects, place(object))
	s.sign = s.observer.opts.Now()
	s.mu.Unlock()
	if old != nil {
		s.observer.forget(old)
		s.observer.note(old, nil, false)
	}
	return nil
}

// Bookmark is a message that nothing happened.
func (s *shelf) Bookmark(string) error { s.lives(); return nil }

// Resync has no meaning here.
func (s *shelf) Resync() error { return nil }

// Transformer lets the reflector keep small objects while a list streams in.
func (s *shelf) Transformer() cache.TransformFunc {
	return func(item any) (any, error) {
		object, err := s.object(item)
		if err != nil {
			return item, nil //nolint:nilerr // Replace says so, and leaves it out
		}
		return object, nil
	}
}

func (s *shelf) object(item any) (*Object, error) {
	switch v := item.(type) {
	case *Object:
		return v, nil
	case *unstructured.Unstructured:
		return s.observer.transform.Object(v)
	case cache.DeletedFinalStateUnknown:
		return s.object(v.Obj)
	}
	return nil, fmt.Errorf("a %T is no object", item)
}

// lives notes a sign of life.
func (s *shelf) lives() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sign, s.err = s.observer.opts.Now(), nil
}

// alive is the newest proof that the watch is alive; otherwise is one that holds
// where the watch is open.
func (s *shelf) alive(otherwise time.Time) (sign time.Time, synced bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.open && otherwise.After(s.sign) {
		return otherwise, s.synced
	}
	return s.sign, s.synced
}

// opened notes that a watch is open, and closed that it has ended.
func (s *shelf) opened() { s.lives(); s.set(true) }

func (s *shelf) closed() { s.set(false) }

func (s *shelf) set(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
}

// covers says whether an object would stand here.
func (s *shelf) covers(r Ref) bool {
	if s.kind.Group != r.Group || s.namespace != "" && s.namespace != r.Namespace {
		return false
	}
	if !s.kind.further {
		return s.kind.Kind == r.Kind
	}
	resource, _, err := s.observer.opts.Connection.Resource(r.GVK())
	return err == nil && resource.Resource == s.kind.Resource.Resource
}

// fails keeps a failure, and says whether it is another than before.
func (s *shelf) fails(err error) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = s.err == nil || class(s.err) != class(err)
	s.err = err
	return news
}

// missing says why the shelf cannot be relied on; nil: it can.
func (s *shelf) missing() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.kind.optional && !s.synced && (s.err == nil || errors.Is(s.err, ErrAbsent)):
		return nil
	case s.err != nil && (!s.synced || errors.Is(s.err, ErrForbidden) || errors.Is(s.err, ErrAbsent)):
		return s.err
	case !s.synced:
		return fmt.Errorf("list %s: no answer yet", s.kind)
	}
	return nil
}

// class tells failures apart by their remedy.
func class(err error) string {
	for _, one := range []error{ErrForbidden, ErrAbsent, ErrUnreachable} {
		if errors.Is(err, one) {
			return one.Error()
		}
	}
	return strings.SplitN(err.Error(), ":", 2)[0]
}

func place(o *Object) string { return o.Namespace + "/" + o.Name }

// core kinds are those that nothing can be said without.
func (k kind) core() bool {
	switch k.Resource.Resource {
	case "nodes", "pods", "deployments", "statefulsets", "daemonsets", "replicasets":
		return !k.further
	}
	return false
}
