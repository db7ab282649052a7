package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// What names the objects that a test waits for: all of a kind in a namespace
// (empty: all namespaces, or none), or those that the selectors choose.
type What struct {
	Resource      schema.GroupVersionResource
	Namespace     string
	Name          string // one object
	LabelSelector string
}

// Await watches objects until check is content with all of them together, and
// fails the test where it is not within limit, saying what check said last. It
// outlives an apiserver that is down.
func (c *Cluster) Await(t testing.TB, limit time.Duration, w What, check func([]unstructured.Unstructured) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := c.await(ctx, w, check); err != nil {
		t.Fatalf("%s %s%s: not within %s: %v", w.Resource.Resource, w.Name, w.LabelSelector, limit, err)
	}
}

func (c *Cluster) await(ctx context.Context, w What, check func([]unstructured.Unstructured) error) error {
	var last error
	for ctx.Err() == nil {
		err := c.follow(ctx, w, func(items []unstructured.Unstructured) bool {
			last = check(items)
			return last == nil
		})
		if err == nil {
			return nil
		}
		if last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond): // the apiserver is down, or ended the watch
		}
	}
	return errors.Join(last, ctx.Err())
}

// errWatchEnded says that a watch has ended: list and watch again.
var errWatchEnded = errors.New("the watch has ended")

// follow lists and then watches once, until content says so.
func (c *Cluster) follow(ctx context.Context, w What, content func([]unstructured.Unstructured) bool) error {
	options := metav1.ListOptions{LabelSelector: w.LabelSelector}
	if w.Name != "" {
		options.FieldSelector = "metadata.name=" + w.Name
	}
	objects := c.dynamic.Resource(w.Resource).Namespace(w.Namespace)
	list, err := objects.List(ctx, options)
	if err != nil {
		return err
	}
	if content(list.Items) {
		return nil
	}
	key := func(o *unstructured.Unstructured) string { return o.GetNamespace() + "/" + o.GetName() }
	known := map[string]unstructured.Unstructured{}
	for _, o := range list.Items {
		known[key(&o)] = o
	}
	options.ResourceVersion = list.GetResourceVersion()
	changes, err := objects.Watch(ctx, options)
	if err != nil {
		return err
	}
	defer changes.Stop()
	for event := range changes.ResultChan() {
		object, ok := event.Object.(*unstructured.Unstructured)
		switch {
		case event.Type == watch.Error || !ok:
			return errWatchEnded
		case event.Type == watch.Deleted:
			delete(known, key(object))
		default:
			known[key(object)] = *object
		}
		if content(slices.Collect(maps.Values(known))) {
			return nil
		}
	}
	return errWatchEnded
}

// AwaitRollout waits until a Deployment has rolled out its present revision.
func (c *Cluster) AwaitRollout(t testing.TB, namespace, name string) {
	t.Helper()
	c.Await(t, time.Minute, What{Resource: Deployments, Namespace: namespace, Name: name}, func(items []unstructured.Unstructured) error {
		if len(items) != 1 {
			return fmt.Errorf("%d of them", len(items))
		}
		object := items[0].Object
		number := func(path ...string) int64 {
			n, _, _ := unstructured.NestedInt64(object, path...)
			return n
		}
		want := number("spec", "replicas")
		if got := number("status", "observedGeneration"); got < items[0].GetGeneration() {
			return fmt.Errorf("generation %d is not seen yet", items[0].GetGeneration())
		}
		for _, field := range []string{"updatedReplicas", "availableReplicas", "replicas"} {
			if got := number("status", field); got != want {
				return fmt.Errorf("%s are %d, want %d", field, got, want)
			}
		}
		return nil
	})
}

// The resources that tests wait for most.
var (
	Nodes       = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	Pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	Deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	Jobs        = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
)
