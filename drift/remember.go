package drift

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// remembering is what the declaring managers of objects declared when they last
// did. managedFields only tell who owns what is there now: once others have taken
// or removed a field, this is where it is known from.
type remembering struct {
	known       map[key]map[string]Remembered // by manager
	put, forget []Remembered                  // since the last save
}

func newRemembering(list []Remembered) *remembering {
	r := &remembering{known: map[key]map[string]Remembered{}}
	for _, d := range list {
		r.keep(d)
	}
	return r
}

func (r *remembering) keep(d Remembered) {
	k := keyOf(d.Object)
	if r.known[k] == nil {
		r.known[k] = map[string]Remembered{}
	}
	r.known[k][d.Manager] = d
}

func (r *remembering) remember(d Remembered) {
	r.keep(d)
	r.put = append(r.put, d)
}

// drop forgets what managers declared; keep tells for whom not.
func (r *remembering) drop(k key, keep func(manager string) bool) {
	for manager, d := range r.known[k] {
		if !keep(manager) {
			delete(r.known[k], manager)
			r.forget = append(r.forget, d)
		}
	}
	if len(r.known[k]) == 0 {
		delete(r.known, k)
	}
}

// absent forgets objects that are gone.
func (r *remembering) absent(objects []*cluster.Object) {
	live := make(map[key]bool, len(objects))
	for _, o := range objects {
		live[keyOf(o.Ref)] = true
	}
	for k := range r.known {
		if !live[k] {
			r.drop(k, func(string) bool { return false })
		}
	}
}

// managers compares with what the object's own declaring managers set, as
// remembered from when they last did. A manager that has acted since has declared
// anew; its entry's time tells, which does not change when others take its fields.
func (j *judgement) managers(f *Finding) error {
	k := keyOf(j.object.Ref)
	var declaring []string
	for i := range j.object.Managers {
		m := &j.object.Managers[i]
		if j.hand[i] != declarer || m.Subresource != "" {
			continue
		}
		source := SourceBaseline
		if j.hands.of(m) == declarer {
			source = SourceApply
		}
		if f.Source != SourceApply {
			f.Source = source
		}
		declaring = append(declaring, m.Name)
		if err := j.manager(i, source); err != nil {
			return err
		}
	}
	j.memory.drop(k, func(manager string) bool { return slices.Contains(declaring, manager) })
	return nil
}

func (j *judgement) manager(i int, source string) error {
	m := &j.object.Managers[i]
	value, _ := extract(j.owners, j.body, nil, i)
	now, err := cluster.Canonical(value)
	if err != nil {
		return err
	}
	remembered, ok := j.memory.known[keyOf(j.object.Ref)][m.Name]
	fresh := Remembered{Object: j.object.Ref, UID: string(j.object.UID), Body: now, Manager: m.Name, At: m.Time, Source: source}
	if !ok || remembered.UID != string(j.object.UID) || m.Time.After(remembered.At) {
		j.known = append(j.known, value)
		j.memory.remember(fresh)
		return nil
	}
	if bytes.Equal(remembered.Body, now) {
		j.known = append(j.known, value)
		return nil
	}
	declared, err := cluster.Decode(remembered.Body)
	if err != nil {
		return fmt.Errorf("what %s declared: %w", m.Name, err)
	}
	j.known = append(j.known, declared)
	before := len(j.differences)
	j.compare(declared, func(_ field, owners []int) bool { return slices.Contains(owners, i) })
	var lost comparison
	lost.values(nil, declared, value, j.owners)
	if len(j.differences) == before && j.blind == "" && len(lost.fields) == 0 { // it took more, within the second that its time tells
		j.memory.remember(fresh)
	}
	return nil
}

// extract is the part of a value that a manager owns; ok is false where that is
// nothing.
func extract(node *owned, live any, path Pointer, manager int) (part any, ok bool) {
	if node == nil {
		return nil, false
	}
	whole := slices.Contains(node.whole, manager)
	if whole && len(node.children) == 0 {
		return live, true
	}
	ok = whole || slices.Contains(node.self, manager)
	switch v := live.(type) {
	case map[string]any:
		out := map[string]any{}
		for token, child := range node.children {
			if value, there := v[token]; there {
				if inner, own := extract(child, value, path.child(token), manager); own {
					out[token] = inner
				}
			}
		}
		return out, ok || len(out) > 0
	case []any:
		out := []any{}
		for _, value := range v {
			token := fmt.Sprint(value)
			m, isMap := value.(map[string]any)
			if isMap && node.keys != nil {
				token = identity(m, node.keys)
			}
			inner, own := extract(node.child(token), value, path.child(token), manager)
			if !own {
				continue
			}
			if fields, both := inner.(map[string]any); both && isMap {
				for _, name := range node.keys {
					if id, there := m[name]; there {
						fields[name] = id // what tells it apart, whoever owns that
					}
				}
			}
			out = append(out, inner)
		}
		return out, ok || len(out) > 0
	}
	return live, ok
}

// newestDeclared is when the object was declared last, as managedFields tell.
func (j *judgement) newestDeclared() (at time.Time) {
	for i := range j.object.Managers {
		if m := &j.object.Managers[i]; j.hand[i] == declarer && m.Subresource == "" && m.Time.After(at) {
			at = m.Time
		}
	}
	return at
}
