package actuators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// creator creates one object: from a template a Job, whose end it waits for, or
// whatever another remediator acts upon; or what a baseline declares and is not
// there. Revert deletes it when it is still ours.
type creator struct {
	*kube
	name     string
	job      bool
	declared bool // from a baseline, no template
}

// Plan implements Actuator.
func (c *creator) Plan(ctx context.Context, a corrector.Action) (corrector.Plan, error) {
	p, want, optOut, err := c.want(ctx, a)
	if err != nil {
		return corrector.Plan{}, err
	}
	plan := corrector.Plan{Namespace: p.Namespace, OptOut: optOut}
	found, err := c.get(ctx, p)
	switch {
	case errors.Is(err, corrector.ErrGone):
		plan.Lost = a.Undo != "" && !c.job // a finished Job may have been cleaned away
		if a.Undo != "" {
			plan.Unchanged, plan.Text = c.job, p.String()+": gone"
			return plan, nil
		}
		return plan, c.rehearse(ctx, a, p, want, &plan)
	case err != nil:
		return plan, err
	case !c.ours(a, found):
		plan.Unchanged, plan.Lost = true, a.Undo != ""
		plan.Text = p.String() + ": there already, by somebody else"
		return plan, nil
	}
	over, err := c.over(a, found)
	switch {
	case a.Undo != "", over && err == nil:
		plan.Undo, plan.Unchanged = undoOf(p, found, a.Params), true
		plan.Text = p.String() + ": there already"
	default:
		plan.Begun = true
		plan.Text = p.String() + ": it has not finished"
	}
	return plan, nil
}

// rehearse tries to create the object.
func (c *creator) rehearse(ctx context.Context, a corrector.Action, p place, want object, plan *corrector.Plan) error {
	_, err := c.at(p).Create(ctx, want, metav1.CreateOptions{FieldManager: fieldManager, DryRun: []string{metav1.DryRunAll}})
	err = explain("create (dry run)", p.resource(), p.path(), err)
	if err != nil && !c.mayGuess(a, err) {
		return err
	}
	plan.Diff = fmt.Sprintf("%s: absent → created\n%s", p, lines(differences(nil, want.Object, desired)))
	plan.Text = fmt.Sprintf("%s: create %s", c.name, p)
	if err != nil {
		plan.Text += fmt.Sprintf("; not tried on the API server: %s", err)
	}
	return nil
}

// Apply implements Actuator.
func (c *creator) Apply(ctx context.Context, a corrector.Action) (string, error) {
	p, want, optOut, err := c.want(ctx, a)
	if err != nil {
		return "", err
	}
	found, err := c.get(ctx, p)
	if errors.Is(err, corrector.ErrGone) {
		if optOut != "" {
			return "", fmt.Errorf("opt-out: %s", optOut)
		}
		found, err = c.at(p).Create(ctx, want, metav1.CreateOptions{FieldManager: fieldManager})
		if apierrors.IsAlreadyExists(err) {
			found, err = c.get(ctx, p)
		}
		err = explain("create", p.resource(), p.path(), err)
	}
	switch {
	case err != nil:
		return "", err
	case !c.ours(a, found):
		return "", fmt.Errorf("%s was created by somebody else meanwhile", p)
	}
	undo := undoOf(p, found, a.Params)
	c.event(ctx, a, undo, c.name, c.name, "created")
	return undo, c.finish(ctx, a, p, found)
}

// finish waits for a Job's end.
func (c *creator) finish(ctx context.Context, a corrector.Action, p place, found object) error {
	limit, err := durationOf(a.Params, "deadline", 10*time.Minute)
	if err != nil {
		return err
	}
	return c.pass(ctx, func() (bool, error) {
		over, err := c.over(a, found)
		if over || err != nil {
			return over, err
		}
		if age := c.Now().Sub(found.GetCreationTimestamp().Time); age > limit {
			return false, fmt.Errorf("%s has not finished within its deadline of %s; revert deletes it", p, limit)
		}
		found, err = c.get(ctx, p)
		return false, err
	}, func() string { return p.String() + " runs" })
}

// over says whether all is done that the object was created for; a Job that
// failed is an error.
func (c *creator) over(a corrector.Action, o object) (bool, error) {
	if !c.job || a.Params["wait"] == "false" {
		return true, nil
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, one := range conditions {
		switch is := at(one, []string{"type"}); {
		case at(one, []string{"status"}) != "True":
		case is == "Complete":
			return true, nil
		case is == "Failed":
			return false, fmt.Errorf("job %s/%s failed: %v: %v", o.GetNamespace(), o.GetName(), at(one, []string{"reason"}), at(one, []string{"message"}))
		}
	}
	return false, nil
}

// Revert implements Actuator.
func (c *creator) Revert(ctx context.Context, a corrector.Action) error {
	saved, err := parseUndo(a.Undo)
	p := saved.Place
	if err != nil {
		if p, _, _, err = c.want(ctx, a); err != nil {
			return ignoreGone(err)
		}
	}
	found, err := c.get(ctx, p)
	if err != nil || !c.ours(a, found) {
		return ignoreGone(err)
	}
	uid, background := found.GetUID(), metav1.DeletePropagationBackground
	err = c.at(p).Delete(ctx, p.Name, metav1.DeleteOptions{PropagationPolicy: &background, Preconditions: &metav1.Preconditions{UID: &uid}})
	if err = ignoreGone(explain("delete", p.resource(), p.path(), err)); err == nil {
		c.event(ctx, a, undoOf(p, found, nil), c.name, "revert", "deleted")
	}
	return err
}

func ignoreGone(err error) error {
	if errors.Is(err, corrector.ErrGone) {
		return nil
	}
	return err
}

func (c *creator) ours(a corrector.Action, o object) bool {
	return mark(o.GetAnnotations(), c.name) == a.ID && sameObject(o, a.Undo)
}

// want is the object to create, where, and who opted out of it.
func (c *creator) want(ctx context.Context, a corrector.Action) (place, object, string, error) {
	subject, want, why, err := c.wanted(ctx, a)
	if err != nil {
		return place{}, nil, "", err
	}
	gvk := want.GroupVersionKind()
	switch {
	case c.job && gvk.GroupKind().String() != "Job.batch":
		return place{}, nil, "", fmt.Errorf("%w: the template of a job is a %s: want a Job of batch/v1", corrector.ErrInvalid, gvk)
	case gvk.Kind == "Secret" && gvk.Group == "":
		return place{}, nil, "", fmt.Errorf("%w: secrets are never created", corrector.ErrInvalid)
	}
	p, namespaced, err := c.served(gvk)
	if err != nil {
		return p, nil, "", err
	}
	p.Name = want.GetName()
	if namespaced {
		p.Namespace = cmp.Or(want.GetNamespace(), subject.Namespace)
		if p.Namespace == "" {
			return p, nil, "", fmt.Errorf("%w: the template of %s names no namespace: set metadata.namespace", corrector.ErrInvalid, p)
		}
	}
	want.SetNamespace(p.Namespace)
	annotations := want.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[correctedBy] = c.name + "=" + a.ID
	want.SetAnnotations(annotations)
	if c.declared { // its own annotations may opt out, and those of its namespace
		why, err = c.optedOut(ctx, p, want, "")
	}
	return p, want, why, err
}

// wanted is the object of the action, and what to create for it.
func (c *creator) wanted(ctx context.Context, a corrector.Action) (subject place, want object, optOut string, err error) {
	if c.declared {
		subject, want, err = c.missing(ctx, a)
		return subject, want, "", err
	}
	if subject, err = c.resolve(ctx, a); err != nil {
		return subject, nil, "", err
	}
	o, err := c.get(ctx, subject)
	if err != nil {
		return subject, nil, "", err
	}
	if want, err = fill(a, subject); err != nil {
		return subject, nil, "", err
	}
	optOut, err = c.optedOut(ctx, subject, o, "")
	return subject, want, optOut, err
}

// pass looks at what takes its time until it is over, fails, or the call has
// waited long enough: corrector.ErrUnfinished, with how it stands.
func (k *kube) pass(ctx context.Context, look func() (over bool, err error), stands func() string) error {
	end, wait := time.NewTimer(k.Pass), k.Poll
	defer end.Stop()
	for {
		if over, err := look(); over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", strings.TrimSpace(stands()), corrector.ErrUnfinished)
		case <-end.C:
			return fmt.Errorf("%s: %w", strings.TrimSpace(stands()), corrector.ErrUnfinished)
		case <-time.After(wait):
			wait = min(2*wait, 10*k.Poll)
		}
	}
}

func durationOf(params map[string]string, name string, otherwise time.Duration) (time.Duration, error) {
	if params[name] == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(params[name])
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: param %s %q: want a duration such as 10m", corrector.ErrInvalid, name, params[name])
	}
	return d, nil
}
