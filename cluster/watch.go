package cluster

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// How long to wait before a kind is tried again.
const (
	soon  = 500 * time.Millisecond // doubled up to
	later = 15 * time.Second
	grant = 20 * time.Second // where somebody must give us a right
	rare  = time.Minute      // where somebody must install a kind
)

// watch keeps the shelf filled until ctx ends. The reflector goes on from where
// it was when a watch ends, and lists again when that is too old (410 Gone).
func (s *shelf) watch(ctx context.Context) {
	reflector := cache.NewReflectorWithOptions(s.source(), nil, s, cache.ReflectorOptions{
		Name: "driftcast", TypeDescription: s.kind.String(),
		Backoff: &wait.Backoff{Duration: soon, Factor: 2, Jitter: 1, Steps: 6, Cap: later},
	})
	pause := soon
	for ctx.Err() == nil {
		err := reflector.ListAndWatchWithContext(ctx)
		if ctx.Err() != nil {
			return
		}
		delay := pause
		pause = min(2*pause, later)
		switch {
		case err == nil:
			pause = soon
		case errors.Is(err, ErrForbidden):
			delay = grant
		case errors.Is(err, ErrAbsent):
			delay = rare
		}
		sleep(ctx, delay/2+rand.N(delay))
	}
}

// source lists and watches, and notes how that went.
func (s *shelf) source() *cache.ListWatch {
	client := s.client()
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := client.List(ctx, options)
			if err != nil {
				return nil, s.failed("list", err)
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := client.Watch(ctx, options)
			if err != nil {
				return nil, s.failed("watch", err)
			}
			if !answered(w) {
				_ = s.failed("watch", io.EOF) // told and kept; the reflector goes on from where it was, without a list
				return w, nil
			}
			s.opened()
			if s.observer.down.CompareAndSwap(true, false) {
				s.observer.opts.Logger.Info("the API server answers again")
			}
			return stream{w, s.closed}, nil
		},
	}
}

// answered says whether a server is behind a watch. Where the connection was
// closed before it answered, as a proxy without a server does, client-go gives an
// empty watch instead of an error; that proves nothing alive.
func answered(w watch.Interface) bool {
	return reflect.TypeOf(w) != reflect.TypeOf(watch.NewEmptyWatch())
}

// stream is a watch that tells when it is stopped, as the reflector does with
// every watch that ends.
type stream struct {
	watch.Interface
	closed func()
}

// Stop implements watch.Interface.
func (s stream) Stop() {
	s.Interface.Stop()
	s.closed()
}

func (s *shelf) client() dynamic.ResourceInterface {
	all := s.observer.opts.Connection.Dynamic.Resource(s.kind.GVR())
	if s.namespace == "" {
		return all
	}
	return all.Namespace(s.namespace)
}

// failed explains a failure, keeps it for Ready, and logs it where it is news.
func (s *shelf) failed(verb string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	err = Explain(verb, s.kind.String(), err)
	news := s.fails(err)
	switch logger := s.observer.opts.Logger; {
	case errors.Is(err, ErrUnreachable):
		if s.observer.down.CompareAndSwap(false, true) { // all watches end together: one line is enough
			logger.Warn("no API server answers, will be tried again", "err", err)
		}
	case s.kind.optional && errors.Is(err, ErrAbsent):
	case news:
		logger.Warn("watch failed, will be tried again", "resource", s.kind.String(), "err", err)
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
