package cluster

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// fieldSet is a FieldsV1: a tree of the fields that a manager owns. Keys are
// "f:name", "k:{…}" for an item of a list by its keys, "v:…" for an item of a
// set, "i:0" for one by its index, and "." for the thing itself.
type fieldSet map[string]fieldSet

func parseFields(raw []byte) (fieldSet, error) {
	var set fieldSet
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, fmt.Errorf("read FieldsV1: %w", err)
	}
	return set, nil
}

// covers says how much of a path the set owns: depth is how many segments of it
// are there; whole means all of them, or that the set ends above with a leaf,
// which owns everything below.
func (s fieldSet) covers(path []segment) (depth int, whole bool) {
	at := s
	for i, step := range path {
		next, ok := step.in(at)
		if !ok {
			return i, false
		}
		if len(next) == 0 {
			return i + 1, true
		}
		at = next
	}
	return len(path), true
}

// in finds the step among the keys of a set.
func (g segment) in(set fieldSet) (fieldSet, bool) {
	if len(g.keys) == 0 {
		next, ok := set["f:"+g.name]
		return next, ok
	}
	for key, next := range set {
		text, ok := strings.CutPrefix(key, "k:")
		if !ok {
			continue
		}
		var keys map[string]any
		if json.Unmarshal([]byte(text), &keys) != nil {
			continue
		}
		same := true
		for name, value := range g.keys {
			got, ok := keys[name]
			same = same && ok && fmt.Sprint(got) == fmt.Sprint(value)
		}
		if same {
			return next, true
		}
	}
	return nil, false
}

// author finds who set a field as it is now: of the managers that own it the one
// that wrote last; where the field is gone, whoever's entry is newer than before.
func author(managers, before []Manager, path []segment) (Manager, bool) {
	var best Manager
	deepest, found := 0, false
	for _, m := range managers {
		if m.Subresource == "status" {
			continue
		}
		set, err := parseFields(m.Fields)
		if err != nil {
			continue // the server wrote it; no manager is better than a wrong one
		}
		depth, whole := set.covers(path)
		if !whole {
			continue
		}
		if !found || depth > deepest || depth == deepest && !m.Time.Before(best.Time) {
			best, deepest, found = m, depth, true
		}
	}
	if found {
		return best, true
	}
	known := map[string]Manager{}
	for _, m := range before {
		known[m.Name+"\x00"+m.Operation+"\x00"+m.Subresource] = m
	}
	for _, m := range managers {
		old, ok := known[m.Name+"\x00"+m.Operation+"\x00"+m.Subresource]
		touched := !ok || m.Time.After(old.Time) || string(m.Fields) != string(old.Fields)
		if touched && m.Subresource != "status" && (!found || !m.Time.Before(best.Time)) {
			best, found = m, true
		}
	}
	return best, found
}

// newest is the time of the last write to anything but the status.
func newest(managers []Manager) (at time.Time) {
	for _, m := range managers {
		if m.Subresource != "status" && m.Time.After(at) {
			at = m.Time
		}
	}
	return at
}
