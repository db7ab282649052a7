package cluster

import (
	"context"
	"iter"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Seen is what is remembered of an object over a restart.
type Seen struct {
	Object   Ref
	UID      types.UID
	At       time.Time         // when
	Body     []byte            // as Object.Body, redacted under the observer's salt
	Versions map[string]string // of a node
	Gone     bool              // forget it
}

// Memory keeps what the observer last saw.
type Memory interface {
	// Remember keeps or forgets; what is there of the same object is replaced.
	Remember(ctx context.Context, batch []Seen) error
	// Recall lists all that is kept, in no order.
	Recall(ctx context.Context) iter.Seq2[Seen, error]
}

// recalled is what was last seen, until the first list of its kind.
type recalled map[key]Seen

func recall(ctx context.Context, m Memory) (recalled, error) {
	out := recalled{}
	for seen, err := range m.Recall(ctx) {
		if err != nil {
			return nil, err
		}
		out[seen.Object.key()] = seen
	}
	return out, nil
}

// recalled takes what was last seen of the kind and namespace of a shelf, and
// when its newest was: what was made before then and is not known was not
// watched.
func (o *Observer) recalled(s *shelf) (known recalled, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known = recalled{}
	for k, seen := range o.seen {
		same := k.group == s.kind.Group && k.kind == s.kind.Kind
		if s.kind.further {
			same = k.group == s.kind.Group && s.holds(k.kind)
		}
		if !same || s.namespace != "" && k.namespace != s.namespace {
			continue
		}
		known[k] = seen
		delete(o.seen, k)
		if seen.At.After(until) {
			until = seen.At
		}
	}
	return known, until
}

// holds says whether a further kind, whose resource only is configured, is this.
func (s *shelf) holds(kind string) bool {
	for _, object := range s.objects {
		return object.Kind == kind
	}
	return false
}

// remember is what is kept of an object; nil: nothing.
func remember(o *Object, now time.Time) *Seen {
	if !o.durable() {
		return nil
	}
	seen := &Seen{Object: o.Ref, UID: o.UID, At: now, Body: o.Body}
	if node, ok := o.Facts.(*Node); ok {
		seen.Versions = node.Versions
	}
	return seen
}

// object is the object as it was last seen, with what does not change of it as
// it is now.
func (s Seen) object(now *Object) *Object {
	old := &Object{Ref: s.Object, UID: s.UID, Body: s.Body}
	if now != nil {
		if _, ok := now.Facts.(*Node); ok {
			old.Facts = &Node{Versions: s.Versions}
		}
	}
	return old
}
