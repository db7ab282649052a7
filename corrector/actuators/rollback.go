package actuators

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// rollback sets a workload's pod template back to that of an earlier revision.
type rollback struct {
	k     *kube
	p     place
	to    int64 // a revision's number; 0: the one before
	found *revision
	from  string // what keeps the revision that it was, for restore
}

func undoneOf(ctx context.Context, k *kube, a corrector.Action) (place, change, error) {
	r := &rollback{k: k}
	if text := a.Params["to_revision"]; text != "" {
		var err error
		if r.to, err = strconv.ParseInt(text, 10, 64); err != nil || r.to <= 0 {
			return place{}, nil, fmt.Errorf("%w: param to_revision %q: want the number of a revision", corrector.ErrInvalid, text)
		}
	}
	var err error
	if r.p, err = k.resolve(ctx, a); err == nil {
		err = oneOf(r.p, "Deployment", "StatefulSet", "DaemonSet")
	}
	return r.p, r, err
}

func (r *rollback) traits() traits {
	t := traits{from: r.from}
	if r.found != nil {
		t.revision = strconv.FormatInt(r.found.number, 10)
		t.to = r.found.name
		t.note = fmt.Sprintf("back to revision %d, %s", r.found.number, strings.Join(imagesOf(r.found.template), ", "))
	}
	return t
}

func (r *rollback) state() string {
	if r.to > 0 {
		return fmt.Sprintf("at revision %d", r.to)
	}
	return "rolled back"
}

// in is never known beforehand: do refuses what is there already.
func (r *rollback) in(object) bool { return false }

func (r *rollback) do(ctx context.Context, o object) error {
	if err := rolls(o); err != nil {
		return fmt.Errorf("%s: %w", r.p, err)
	}
	all, err := r.k.revisions(ctx, r.p, o)
	if err != nil {
		return err
	}
	current := templateOf(o)
	r.found, r.from = nil, ""
	for i := range all {
		same := sameTemplate(all[i].template, current)
		switch {
		case same && r.from == "":
			r.from = all[i].name
		case r.found != nil:
		case r.to == 0 && !same || r.to == all[i].number:
			r.found = &all[i]
		}
		if same && r.to == all[i].number {
			return fmt.Errorf("%s is at revision %d already", r.p, r.to)
		}
	}
	switch {
	case r.found == nil && r.to > 0:
		return fmt.Errorf("%s: revision %d is not kept (revisionHistoryLimit): there are %s", r.p, r.to, numbers(all))
	case r.found == nil:
		return fmt.Errorf("%s has no earlier revision to go back to", r.p)
	case r.from == "":
		return fmt.Errorf("%s: its controller has not seen its newest template yet: try again", r.p)
	}
	return unstructured.SetNestedMap(o.Object, r.found.template, "spec", "template")
}

// restore goes back to the revision that it was, where it is still rolled back.
func (r *rollback) restore(ctx context.Context, o object, c changes) error {
	all, err := r.k.revisions(ctx, r.p, o)
	if err != nil {
		return err
	}
	var from, to map[string]any
	for i := range all {
		switch all[i].name {
		case c.From:
			from = all[i].template
		case c.To:
			to = all[i].template
		}
	}
	switch {
	case !hold(o, c.Fields), to != nil && !sameTemplate(to, templateOf(o)):
		return nil // somebody rolled out something else since
	case from != nil:
		return unstructured.SetNestedMap(o.Object, from, "spec", "template")
	}
	return fmt.Errorf("%s: the revision that it was (%s) is not kept any more: apply it anew", r.p, c.From)
}

func numbers(all []revision) string {
	if len(all) == 0 {
		return "none"
	}
	var text []string
	for _, r := range all {
		text = append(text, strconv.FormatInt(r.number, 10))
	}
	return strings.Join(text, ", ")
}
