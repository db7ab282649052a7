package actuators

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// missing is what a baseline declares under the name of a subject, whether it is
// there or not: of a workload without a kind, the first kind that is declared.
func (c *creator) missing(ctx context.Context, a corrector.Action) (place, object, error) {
	if c.Manifests == nil {
		return place{}, nil, fmt.Errorf("%w: nothing is declared outside the cluster: configure a baseline", corrector.ErrInvalid)
	}
	candidates, err := c.candidates(a)
	if err != nil {
		return place{}, nil, err
	}
	for _, p := range candidates {
		ref := cluster.Ref{Group: p.Group, Version: p.Version, Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}
		text, _, err := c.Manifests.Manifest(ctx, ref, a.Params["revision"])
		if errors.Is(err, forecaster.ErrNotFound) {
			continue
		}
		if err != nil {
			return p, nil, fmt.Errorf("declared state of %s: %w", ref, err)
		}
		var body map[string]any
		if err := yaml.Unmarshal(text, &body); err != nil {
			return p, nil, fmt.Errorf("declared state of %s: %w", ref, err)
		}
		want := &unstructured.Unstructured{Object: body}
		clean(want)
		return p, want, nil
	}
	return place{}, nil, fmt.Errorf("no baseline declares %s: %w", a.Subject, corrector.ErrGone)
}

// candidates are the places at which a subject may be, asking only discovery.
func (c *creator) candidates(a corrector.Action) ([]place, error) {
	s := a.Subject
	if s.Kind != "workload" {
		return nil, fmt.Errorf("%w: %s is no workload", corrector.ErrInvalid, s)
	}
	kind, name, typed := strings.Cut(s.Name, ":")
	if typed {
		p, err := c.kinds(kind, s.Namespace, name)
		return []place{p}, err
	}
	var out []place
	for _, p := range workloads {
		if only := a.Params["kind"]; only == "" || strings.EqualFold(only, p.Kind) {
			p.Namespace, p.Name = s.Namespace, s.Name
			out = append(out, p)
		}
	}
	return out, nil
}

// clean takes out of a manifest what only the API server writes.
func clean(m object) {
	unstructured.RemoveNestedField(m.Object, "status")
	for _, name := range []string{"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(m.Object, "metadata", name)
	}
	unstructured.RemoveNestedField(m.Object, "metadata", "annotations", lastApplied)
}
