package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
)

// Options are what an Observer needs. Connection and Salt are required.
type Options struct {
	Connection *Connection
	Config     Config
	Salt       []byte // of redacted values: 16 bytes or more, private, the same after a restart

	// Changes takes what changed, in batches, in the order in which it was seen
	// of each object. A batch that it refuses is offered again. nil: nobody asks.
	Changes func(ctx context.Context, batch []Change) error
	// Memory keeps what was last seen, so that what happened while nobody
	// watched is noticed. nil: the past begins with Run.
	Memory Memory

	Logger *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now
}

// Observer watches a cluster. It is safe for concurrent use; Run is called once.
type Observer struct {
	opts      Options
	transform Transform
	shelves   []*shelf
	queue     *queue
	ledger    *ledger

	mu      sync.RWMutex
	objects map[key]*Object
	seen    recalled
	probed  time.Time // when the server last answered a probe

	down atomic.Bool // no server answers, and we have said so
}

// key is a Ref without the version, which the same object may be asked for in
// several of.
type key struct{ group, kind, namespace, name string }

func (r Ref) key() key { return key{r.Group, r.Kind, r.Namespace, r.Name} }

// New returns an Observer, which has seen nothing until Run.
func New(o Options) (*Observer, error) {
	if o.Connection == nil {
		return nil, errors.New("observer: no connection given")
	}
	if len(o.Salt) < 16 {
		return nil, fmt.Errorf("observer: the salt of redacted values has %d bytes; give 16 or more, at random and kept private", len(o.Salt))
	}
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = o.Logger.With("component", "cluster")
	if o.Now == nil {
		o.Now = time.Now
	}
	versions := DefaultVersions()
	for component, labels := range o.Config.Versions {
		versions[component] = labels
	}
	ob := &Observer{
		opts: o, objects: map[key]*Object{}, ledger: newLedger(),
		transform: Transform{Redactor: NewRedactor(o.Salt), Versions: versions},
	}
	ob.queue = newQueue(o)
	for _, k := range o.Config.kinds() {
		namespaces := o.Config.Namespaces
		if len(namespaces) == 0 || !k.Namespaced && !k.further {
			namespaces = []string{""}
		}
		for _, namespace := range namespaces {
			ob.shelves = append(ob.shelves, &shelf{observer: ob, kind: k, namespace: namespace, objects: map[string]*Object{}})
		}
	}
	return ob, nil
}

// Run watches until ctx ends. No failure of the server ends it: what is missing
// is told by Ready, logged, and tried again.
func (o *Observer) Run(ctx context.Context) error {
	ctx = klog.NewContext(ctx, logr.FromSlogHandler(grave{o.opts.Logger.Handler()}))
	if o.opts.Memory != nil {
		seen, err := recall(ctx, o.opts.Memory)
		if err != nil {
			return fmt.Errorf("observer: what was last seen: %w", err)
		}
		o.seen = seen
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.queue.run(ctx) })
	group.Go(func() error { return o.tick(ctx) })
	for _, s := range o.shelves {
		group.Go(func() error { s.watch(ctx); return nil })
	}
	return group.Wait()
}

// tick does what no message leads to: it notices rollouts that stand still, and
// asks whether the server is there.
func (o *Observer) tick(ctx context.Context) error {
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			o.queue.push(o.stalls(o.opts.Now()), nil)
			o.probe(ctx)
		}
	}
}

// probe keeps when the server last answered. Its failures are told by the
// watches.
func (o *Observer) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	sent := o.opts.Now()
	if _, err := o.opts.Connection.Check(ctx); err == nil {
		o.mu.Lock()
		o.probed = sent
		o.mu.Unlock()
	}
}

// Ready is nil once every kind has been listed; otherwise it says what is
// missing, and which verb on which resource where a role lacks it. Kinds that
// nobody asked for and the server does not have are not missing.
func (o *Observer) Ready() error {
	var missing []error
	for _, s := range o.shelves {
		if err := s.missing(); err != nil {
			missing = append(missing, err)
		}
	}
	return errors.Join(missing...)
}

// Watches says whether all objects of a kind, in the namespace of the Ref, are
// known: only then does an object that is not among Objects not exist.
func (o *Observer) Watches(r Ref) bool {
	for _, s := range o.shelves {
		if _, synced := s.alive(time.Time{}); synced && s.covers(r) {
			return true
		}
	}
	return false
}

// silence is how long client-go lets a connection be silent before it asks (30 s),
// and how long it then waits before it closes the connection (15 s), which ends
// the watches on it.
const silence = 45 * time.Second

// Fresh is the last time by which all watches have proved alive: the oldest of
// the newest proofs of each. A message is one. A server need not send any while
// nothing happens; therefore we ask it every 10 s, and where it answers, a watch
// that is open was alive 45 s before, or else it would be closed. So Fresh lags
// by up to a minute where all is well. It is zero until nodes, pods and their
// controllers have been listed; other kinds count once they have been.
func (o *Observer) Fresh() (oldest time.Time) {
	o.mu.RLock()
	proof := o.probed.Add(-silence)
	o.mu.RUnlock()
	for _, s := range o.shelves {
		sign, synced := s.alive(proof)
		if !synced && s.kind.core() {
			return time.Time{}
		}
		if synced && (oldest.IsZero() || sign.Before(oldest)) {
			oldest = sign
		}
	}
	return oldest
}

// Objects are all objects as they were at the time of the call, but Events, in
// no order.
func (o *Observer) Objects() iter.Seq[*Object] {
	o.mu.RLock()
	all := make([]*Object, 0, len(o.objects))
	for _, object := range o.objects {
		all = append(all, object)
	}
	o.mu.RUnlock()
	return func(yield func(*Object) bool) {
		for _, object := range all {
			if !yield(object) {
				return
			}
		}
	}
}

// Object finds an object; the version of the Ref does not matter.
func (o *Observer) Object(r Ref) (*Object, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	object, ok := o.objects[r.key()]
	return object, ok
}

// Transform is how the observer makes Objects, for what others read themselves.
func (o *Observer) Transform() Transform { return o.transform }

// Owner finds what is at the top of an object's controllers: a pod's Deployment.
// It is the object itself where nothing controls it.
func (o *Observer) Owner(object *Object) Ref {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.owner(object)
}

func (o *Observer) owner(object *Object) Ref {
	at := object.Ref
	for depth := 0; depth < 4 && object.Controller != (Ref{}); depth++ {
		at = object.Controller
		above, ok := o.objects[at.key()]
		if !ok {
			return orphan(at)
		}
		object = above
	}
	return at
}

// grave lets through what client-go calls an error. What it says otherwise, such
// as that each of thirty watches has ended, we say ourselves, once.
type grave struct{ slog.Handler }

// Enabled implements slog.Handler.
func (g grave) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && g.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (g grave) WithAttrs(attrs []slog.Attr) slog.Handler { return grave{g.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (g grave) WithGroup(name string) slog.Handler { return grave{g.Handler.WithGroup(name)} }
