package drift

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/driftcast/driftcast/cluster"
)

// Listing is a cluster at one time: Objects for those who compare once and do
// not watch.
type Listing struct {
	objects    []*cluster.Object
	kinds      map[string]bool // Kind.group that were listed
	namespaces []string
	err        error
}

// List lists resources, page by page, in namespaces or in all of them. A resource
// that cannot be listed is told by Ready, with the verb and the resource that a
// role lacks; one that the server does not have is passed over.
func List(ctx context.Context, client dynamic.Interface, mapper meta.RESTMapper, resources []cluster.Resource, namespaces []string, read func(*unstructured.Unstructured) (*cluster.Object, error)) *Listing {
	l := &Listing{kinds: map[string]bool{}, namespaces: namespaces}
	var errs []error
	for _, r := range resources {
		if r.Resource == "events" {
			continue
		}
		kind, err := mapper.KindFor(r.GVR())
		if meta.IsNoMatchError(err) {
			continue
		}
		if err == nil {
			err = l.list(ctx, client, mapper, r, kind.Kind, read)
		}
		if err != nil {
			errs = append(errs, cluster.Explain("list", r.String(), err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	l.err = errors.Join(errs...)
	return l
}

func (l *Listing) list(ctx context.Context, client dynamic.Interface, mapper meta.RESTMapper, r cluster.Resource, kind string, read func(*unstructured.Unstructured) (*cluster.Object, error)) error {
	gvk := r.GVR().GroupVersion().WithKind(kind)
	mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return err
	}
	namespaces := l.namespaces
	if len(namespaces) == 0 || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		options := metav1.ListOptions{Limit: 500}
		for {
			page, err := client.Resource(r.GVR()).Namespace(namespace).List(ctx, options)
			if err != nil {
				return err
			}
			for i := range page.Items {
				o, err := read(&page.Items[i])
				if err != nil {
					return fmt.Errorf("%s %s/%s: %w", kind, page.Items[i].GetNamespace(), page.Items[i].GetName(), err)
				}
				l.objects = append(l.objects, o)
			}
			if options.Continue = page.GetContinue(); options.Continue == "" {
				break
			}
		}
	}
	l.kinds[kind+"."+r.Group] = true
	return nil
}

// Objects yields what was listed.
func (l *Listing) Objects() iter.Seq[*cluster.Object] { return slices.Values(l.objects) }

// Ready says what could not be listed.
func (l *Listing) Ready() error { return l.err }

// Watches says whether an object, were it there, would have been listed.
func (l *Listing) Watches(r cluster.Ref) bool {
	return l.kinds[r.Kind+"."+r.Group] && (r.Namespace == "" || len(l.namespaces) == 0 || slices.Contains(l.namespaces, r.Namespace))
}
