package cluster

import (
	"bytes"
	"reflect"
	"slices"
)

// Edit is one field that differs. Before or After is nil where the field is
// absent; they are canonical JSON.
type Edit struct {
	Path          string // JSON pointer, list items by their key
	Before, After []byte

	steps []segment
}

// Diff lists how one desired state differs from another, field by field, in the
// order of paths. What is added or removed as a whole is one edit. Items of a
// list are matched by ListKeys, wherever they stand, unless those that both
// lists have changed places: then the list is one edit, since order may matter.
func Diff(before, after []byte) ([]Edit, error) {
	if bytes.Equal(before, after) {
		return nil, nil
	}
	a, err := Decode(before)
	if err != nil {
		return nil, err
	}
	b, err := Decode(after)
	if err != nil {
		return nil, err
	}
	var d differ
	d.values(nil, a, b)
	return d.edits, d.err
}

type differ struct {
	edits []Edit
	err   error
}

func (d *differ) values(path []segment, a, b any) {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			d.maps(path, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok && d.lists(path, x, y) {
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		d.edit(path, &a, &b)
	}
}

func (d *differ) maps(path []segment, a, b map[string]any) {
	for _, name := range union(a, b) {
		x, before := a[name]
		y, after := b[name]
		d.either(append(path, segment{name: name}), x, y, before, after)
	}
}

// lists compares item by item; false: the lists are one value.
func (d *differ) lists(path []segment, a, b []any) bool {
	if len(path) == 0 {
		return false
	}
	field := path[len(path)-1].name
	keys := ListKeys(field, a)
	if len(a) == 0 {
		keys = ListKeys(field, b)
	} else if len(b) > 0 && !slices.Equal(keys, ListKeys(field, b)) {
		return false
	}
	if keys == nil {
		return false
	}
	before, after := index(a, keys), index(b, keys)
	if !slices.Equal(common(a, keys, after), common(b, keys, before)) {
		return false
	}
	for _, id := range union(before, after) {
		x, inA := before[id]
		y, inB := after[id]
		item := x
		if !inA {
			item = y
		}
		d.either(append(path, identity(item, keys)), x, y, inA, inB)
	}
	return true
}

func (d *differ) either(path []segment, x, y any, before, after bool) {
	switch {
	case before && after:
		d.values(path, x, y)
	case before:
		d.edit(path, &x, nil)
	default:
		d.edit(path, nil, &y)
	}
}

func (d *differ) edit(path []segment, a, b *any) {
	e := Edit{steps: slices.Clone(path), Path: pointer(path)}
	for _, side := range []struct {
		value *any
		to    *[]byte
	}{{a, &e.Before}, {b, &e.After}} {
		if side.value == nil {
			continue
		}
		text, err := Canonical(*side.value)
		if err != nil {
			d.err = err
		}
		*side.to = text
	}
	d.edits = append(d.edits, e)
}

func index(items []any, keys []string) map[string]any {
	out := make(map[string]any, len(items))
	for _, item := range items {
		out[identity(item, keys).String()] = item
	}
	return out
}

// common lists the identities of items that the other list has too, in order.
func common(items []any, keys []string, other map[string]any) (ids []string) {
	for _, item := range items {
		id := identity(item, keys).String()
		if _, ok := other[id]; ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// union lists the keys of either map, sorted.
func union[V any](a, b map[string]V) []string {
	keys := make([]string, 0, len(a)+len(b))
	for key := range a {
		keys = append(keys, key)
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
