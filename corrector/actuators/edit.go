package actuators

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/driftcast/driftcast/corrector"
)

// change is one way to change one object.
type change interface {
	state() string                          // the wanted state, in words
	in(o object) bool                       // whether the object is in it, by whoever's hand
	do(ctx context.Context, o object) error // brings it about in o; an error refuses
	traits() traits
}

// traits are what tells changes apart that are otherwise made alike.
type traits struct {
	takesOut    bool   // it takes a node out of its pool
	lasting     bool   // what it did cannot be taken back: Revert only forgets it
	subresource string // it is written through; "": the object itself
	note        string // what a person should know besides the fields
	revision    string // Plan.Revision
	from, to    string // changes.From and To
	optOut      string // an opt-out elsewhere that counts too
	regardless  bool   // it is worth a mark even where no field changes
}

// maker finds the object of an action and the change to make to it.
type maker func(ctx context.Context, k *kube, a corrector.Action) (place, change, error)

// editor is the actuator of changes to one object. A change is one patch with
// the object's UID and resourceVersion, the correction's ID, and, for Revert and
// for after a crash, the fields that it changed and what they were: all of it is
// there or nothing is.
type editor struct {
	*kube
	name string
	make maker
}

// undo is what Revert needs besides what is left on the object.
type undo struct {
	Place  place             `json:"place"`
	UID    types.UID         `json:"uid"`
	Params map[string]string `json:"params,omitempty"` // the policy may say otherwise by then
}

// standing is how a correction stands with an object.
type standing struct {
	ours    bool // the object bears its mark
	holds   bool // and is as the correction left it
	changed changes
}

func (e *editor) standing(a corrector.Action, o object, ch change) standing {
	s := standing{ours: a.ID != "" && mark(o.GetAnnotations(), e.name) == a.ID && sameObject(o, a.Undo)}
	if !s.ours {
		return s
	}
	var known bool
	switch s.changed, known = changedBy(o, e.name); {
	case ch.traits().lasting:
		s.holds = true
	case !known: // a mark of an older version, or what was kept was taken away
		s.holds = ch.in(o)
	default:
		s.holds = hold(o, s.changed.Fields)
	}
	return s
}

// Plan implements Actuator.
func (e *editor) Plan(ctx context.Context, a corrector.Action) (plan corrector.Plan, err error) {
	err = e.again(ctx, func() error {
		plan, err = e.plan(ctx, a)
		return err
	})
	return plan, err
}

func (e *editor) plan(ctx context.Context, a corrector.Action) (corrector.Plan, error) {
	p, ch, o, err := e.look(ctx, a)
	if err != nil {
		return corrector.Plan{}, err
	}
	plan := corrector.Plan{Namespace: p.Namespace}
	if plan.OptOut, err = e.optedOut(ctx, p, o, ch.traits().optOut); err != nil {
		return plan, err
	}
	s := e.standing(a, o, ch)
	if s.holds {
		plan.Undo = undoOf(p, o, a.Params)
	}
	if plan.Lost = !s.holds && (s.ours || a.Undo != ""); plan.Lost {
		plan.By = undoer(o, s.changed.Fields)
	}
	if s.holds || ch.in(o) {
		plan.Unchanged = true
		plan.Text = fmt.Sprintf("%s: %s already", p, ch.state())
		return plan, nil
	}
	if plan.Lost {
		plan.Text = fmt.Sprintf("%s: %s no more", p, ch.state())
		return plan, nil
	}
	fields, err := e.rehearse(ctx, a, p, o, ch)
	if err != nil && !e.mayGuess(a, err) {
		return plan, err
	}
	plan.Revision = ch.traits().revision
	if len(fields) == 0 {
		plan.Unchanged, plan.Text = true, fmt.Sprintf("%s: %s already", p, ch.state())
		return plan, nil
	}
	plan.Diff = lines(fields)
	plan.Text = fmt.Sprintf("%s %s: %s", e.name, p, plan.Diff)
	if note := ch.traits().note; note != "" {
		plan.Text += "; " + note
	}
	if err != nil {
		plan.Text += fmt.Sprintf("; not tried on the API server: %s", err)
	}
	return plan, e.placeNode(ctx, a, o, p, ch.traits().takesOut, &plan)
}

// Apply implements Actuator.
func (e *editor) Apply(ctx context.Context, a corrector.Action) (string, error) {
	var text, did string
	err := e.again(ctx, func() error {
		p, ch, o, err := e.look(ctx, a)
		if err != nil {
			return err
		}
		text = undoOf(p, o, a.Params)
		s := e.standing(a, o, ch)
		if s.holds {
			did = ch.state()
			return nil
		}
		switch why, err := e.optedOut(ctx, p, o, ch.traits().optOut); {
		case err != nil:
			return err
		case why != "":
			return fmt.Errorf("opt-out: %s", why)
		case ch.in(o):
			return fmt.Errorf("%s was changed by somebody else meanwhile: %s already", p, ch.state())
		}
		w, fields, err := e.prepare(ctx, a, p, o, ch)
		if err != nil {
			return err
		}
		if len(fields) == 0 && !ch.traits().regardless {
			return fmt.Errorf("%s was changed by somebody else meanwhile: %s already", p, ch.state())
		}
		did = lines(fields)
		_, err = e.write(ctx, p, w, false)
		return err
	})
	if err != nil {
		return "", err
	}
	e.event(ctx, a, text, e.name, e.name, did)
	return text, nil
}

// Revert implements Actuator.
func (e *editor) Revert(ctx context.Context, a corrector.Action) error {
	var text, did string
	err := e.again(ctx, func() error {
		text = ""
		if u, err := parseUndo(a.Undo); err == nil {
			a.Params = u.Params
		}
		p, ch, o, err := e.look(ctx, a)
		if err != nil {
			return err
		}
		s := e.standing(a, o, ch)
		if !s.ours {
			return nil // not ours, or not ours any more
		}
		back := o.DeepCopy()
		did = strings.TrimSuffix("undone; "+ch.traits().note, "; ")
		switch restorer, ok := ch.(restorer); {
		case ch.traits().lasting:
			did = "forgotten, " + ch.traits().note
		case ok:
			err = restorer.restore(ctx, back, s.changed)
		default:
			err = putBack(back, s.changed.Fields)
		}
		if err != nil {
			return err
		}
		if err := setMark(back, e.name, "", changes{}); err != nil {
			return err
		}
		text = undoOf(p, o, a.Params)
		_, err = e.write(ctx, p, write{body: bound(o, mergePatch(o.Object, back.Object)), subresource: ch.traits().subresource}, false)
		return err
	})
	if errors.Is(err, corrector.ErrGone) {
		return nil
	}
	if err == nil && text != "" {
		e.event(ctx, a, text, e.name, "revert", did)
	}
	return err
}

// restorer is a change that takes back more than the fields on the object tell.
type restorer interface {
	restore(ctx context.Context, o object, c changes) error
}

// look finds the object and reads it. What was changed once is looked for where
// it was then.
func (e *editor) look(ctx context.Context, a corrector.Action) (place, change, object, error) {
	p, ch, err := e.make(ctx, e.kube, a)
	if err != nil {
		return p, nil, nil, err
	}
	if u, err := parseUndo(a.Undo); err == nil && u.Place.Name != "" {
		p = u.Place
	}
	o, err := e.get(ctx, p)
	return p, ch, o, err
}

// prepare puts together the write that makes the change and marks it, and the
// fields that it changes.
func (e *editor) prepare(ctx context.Context, a corrector.Action, p place, o object, ch change) (write, []field, error) {
	if d, ok := ch.(*declaration); ok {
		return e.declare(ctx, a, p, o, d)
	}
	after := o.DeepCopy()
	if err := ch.do(ctx, after); err != nil {
		return write{}, nil, err
	}
	fields := differences(o.Object, after.Object, skipOf(ch))
	if err := setMark(after, e.name, a.ID, changesOf(o, ch, fields)); err != nil {
		return write{}, nil, err
	}
	return write{body: bound(o, mergePatch(o.Object, after.Object)), subresource: ch.traits().subresource}, fields, nil
}

// rehearse asks the API server what the write would change: a dry run of it. An
// error comes with what it would change by our own reckoning.
func (e *editor) rehearse(ctx context.Context, a corrector.Action, p place, o object, ch change) ([]field, error) {
	w, fields, err := e.prepare(ctx, a, p, o, ch)
	if err != nil || len(fields) == 0 || w.apply { // that was one already
		return fields, err
	}
	after, err := e.write(ctx, p, w, true)
	if err != nil {
		return fields, err
	}
	return differences(o.Object, after.Object, skipOf(ch)), nil
}

// changesOf is what Revert must know of a change: the generation is the one that
// the object has after it, where its spec changes.
func changesOf(o object, ch change, fields []field) changes {
	t := ch.traits()
	return changes{From: t.from, To: t.to, Generation: o.GetGeneration() + 1, Fields: fields}
}

func skipOf(ch change) func([]string) bool {
	if ch.traits().subresource == "status" {
		return observed
	}
	return desired
}

func undoOf(p place, o object, params map[string]string) string {
	text, err := json.Marshal(undo{Place: p, UID: o.GetUID(), Params: params})
	if err != nil { // strings always encode
		return p.String()
	}
	return string(text)
}

func parseUndo(text string) (undo, error) {
	var u undo
	err := json.Unmarshal([]byte(text), &u)
	return u, err
}

// sameObject says whether an object is the one that was changed, not a new one
// of the same name; "": nothing was yet.
func sameObject(o object, text string) bool {
	u, err := parseUndo(text)
	return text == "" || err == nil && u.UID == o.GetUID()
}
