package actuators

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// ErrContention says that another manager owns what a correction would apply.
var ErrContention = errors.New("contention")

// declaration is the declared state of an object, applied again by server-side
// apply: all that is declared and nothing else.
type declaration struct {
	k        *kube
	p        place
	revision string // wanted; "": the newest
	manager  string
	force    bool
	from     string // what keeps the revision that a workload was at
	said     string // what declares it, in words
}

func declarationOf(ctx context.Context, k *kube, a corrector.Action) (place, change, error) {
	p, err := k.resolve(ctx, a)
	d := &declaration{k: k, p: p, revision: a.Params["revision"], manager: a.Params["manager"], force: a.Params["force"] == "true"}
	if err == nil && p.Kind == "Secret" {
		err = fmt.Errorf("%w: %s: secrets are never re-applied: what they hold must not pass through Driftcast", corrector.ErrInvalid, p)
	}
	return p, d, err
}

func (d *declaration) traits() traits {
	return traits{from: d.from, revision: d.revision, note: d.said}
}

func (d *declaration) state() string                    { return strings.TrimSpace("as declared " + d.said) }
func (d *declaration) in(object) bool                   { return false } // only the API server can tell
func (d *declaration) do(context.Context, object) error { return nil }

// declare asks the API server what applying the declared state would change,
// and puts the mark beside it.
func (e *editor) declare(ctx context.Context, a corrector.Action, p place, o object, d *declaration) (write, []field, error) {
	manifest, err := d.manifest(ctx, o)
	if err != nil {
		return write{}, nil, fmt.Errorf("apply %s: %w", p, err)
	}
	w := write{body: bound(o, manifest.Object), apply: true, manager: d.manager, force: d.force}
	after, err := e.write(ctx, p, w, true)
	if err != nil {
		guess := overlay(o.DeepCopy().Object, manifest.Object).(map[string]any)
		return w, differences(o.Object, guess, desired), err
	}
	fields := differences(o.Object, after.Object, desired)
	if slices.ContainsFunc(fields, func(f field) bool { return isHidden(f.Before) }) {
		if d.from, err = e.currentRevision(ctx, p, o); err != nil {
			return w, nil, err
		}
	}
	err = setMark(manifest, e.name, a.ID, changesOf(o, d, fields))
	return w, fields, err
}

// manifest is what is declared of an object, without what only the API server
// writes.
func (d *declaration) manifest(ctx context.Context, o object) (object, error) {
	text, err := d.declared(ctx, o)
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if err := yaml.Unmarshal(text, &body); err != nil {
		return nil, fmt.Errorf("the declared state: %w", err)
	}
	m := &unstructured.Unstructured{Object: body}
	switch {
	case strings.Contains(string(text), cluster.Redacted):
		return nil, errors.New("the declared state has redacted values: it must come from its source")
	case m.GroupVersionKind() != o.GroupVersionKind() || m.GetName() != o.GetName() || m.GetNamespace() != "" && m.GetNamespace() != o.GetNamespace():
		return nil, fmt.Errorf("the declared state is of %s %s/%s", m.GroupVersionKind(), m.GetNamespace(), m.GetName())
	}
	clean(m)
	return m, nil
}

// declared asks what declares the state: a baseline, then the object itself.
func (d *declaration) declared(ctx context.Context, o object) ([]byte, error) {
	ref := cluster.Ref{Group: d.p.Group, Version: d.p.Version, Kind: d.p.Kind, Namespace: d.p.Namespace, Name: d.p.Name}
	if d.k.Manifests != nil {
		text, revision, err := d.k.Manifests.Manifest(ctx, ref, d.revision)
		if err == nil {
			d.revision, d.said = revision, strings.TrimSpace("at revision "+revision)
			d.manager = d.managerOf(o)
			return text, nil
		}
		if !errors.Is(err, forecaster.ErrNotFound) || d.revision != "" {
			return nil, fmt.Errorf("declared state of %s: %w", ref, err)
		}
	}
	text := o.GetAnnotations()[lastApplied]
	if text == "" {
		return nil, errors.New("nothing declares it: name a Git or directory baseline, or apply it with kubectl apply")
	}
	if d.revision != "" {
		return nil, fmt.Errorf("revision %s: the object itself keeps only what was applied last: name a Git baseline", d.revision)
	}
	if d.manager == "" {
		d.manager = fieldManager
	}
	d.said = "by what was applied last"
	return []byte(text), nil
}

// managerOf is who applies the object: the param, or the one manager that does.
func (d *declaration) managerOf(o object) string {
	if d.manager != "" {
		return d.manager
	}
	found := ""
	for _, m := range o.GetManagedFields() {
		if m.Operation != metav1.ManagedFieldsOperationApply || m.Manager == fieldManager {
			continue
		}
		if found != "" {
			return fieldManager // several: whose it is nobody can tell
		}
		found = m.Manager
	}
	if found == "" {
		return fieldManager
	}
	return found
}

// restore puts the fields back; values of environment variables, which are never
// kept, come from the revision that the workload was at, where nothing of its
// spec has changed since: only so are they known to be ours.
func (d *declaration) restore(ctx context.Context, o object, c changes) error {
	secret := func(f field) bool { return isHidden(f.Before) || isHidden(f.After) }
	if o.GetGeneration() != c.Generation && slices.ContainsFunc(c.Fields, secret) {
		if hold(o, c.Fields) {
			return fmt.Errorf("put back %s: its spec has changed since (generation %d, was %d), and whether its environment variables have is not kept: change them by hand",
				d.p, o.GetGeneration(), c.Generation)
		}
		return putBack(o, slices.DeleteFunc(c.Fields, secret))
	}
	if c.From == "" {
		return putBack(o, c.Fields)
	}
	all, err := d.k.revisions(ctx, d.p, o)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.name != c.From {
			continue
		}
		was := map[string]any{"spec": map[string]any{"template": r.template}}
		for i, f := range c.Fields {
			if isHidden(f.Before) && holds(o, f) {
				if c.Fields[i].Before, err = json.Marshal(at(was, steps(f.Path))); err != nil {
					return fmt.Errorf("put back %s: %w", f.Path, err)
				}
			}
		}
	}
	return putBack(o, c.Fields)
}

// currentRevision names what keeps a workload's template, "" where nothing does.
func (k *kube) currentRevision(ctx context.Context, p place, o object) (string, error) {
	if oneOf(p, "Deployment", "StatefulSet", "DaemonSet") != nil {
		return "", nil //nolint:nilerr // another kind keeps none
	}
	all, err := k.revisions(ctx, p, o)
	current := templateOf(o)
	for _, r := range all {
		if sameTemplate(r.template, current) {
			return r.name, err
		}
	}
	return "", err
}

// contended names the managers that own what would be applied.
func contended(err error) error {
	var status *apierrors.StatusError
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.ErrStatus.Details == nil {
		return err
	}
	var who []string
	for _, cause := range status.ErrStatus.Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			who = append(who, fmt.Sprintf("%s: %s", cause.Field, cause.Message))
		}
	}
	if len(who) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s; param force: \"true\" takes it over, or let its owner change it", ErrContention, strings.Join(who, "; "))
}
