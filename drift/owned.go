package drift

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// owned is a tree of the fields of one object with the managers that own them,
// as indexes into managers. The entries of status are left out.
type owned struct {
	whole    []int // own the field and everything beneath it
	self     []int // own that the field is there (the "." of FieldsV1)
	keys     []string
	set      bool // children are the values of a set
	children map[string]*owned
}

// ownership merges what managedFields of an object say. The server wrote them,
// but somebody may have broken them since: that is an error.
func ownership(managers []cluster.Manager) (*owned, error) {
	root := &owned{}
	for i := range managers {
		var set map[string]any
		if len(managers[i].Fields) == 0 {
			continue
		}
		if err := json.Unmarshal(managers[i].Fields, &set); err != nil {
			return nil, fmt.Errorf("managedFields of %s: %w", managers[i].Name, err)
		}
		root.add(set, i)
	}
	return root, nil
}

func (o *owned) add(set map[string]any, manager int) {
	if len(set) == 0 {
		o.whole = append(o.whole, manager)
		return
	}
	for key, value := range set {
		beneath, _ := value.(map[string]any)
		kind, name, _ := strings.Cut(key, ":")
		switch kind {
		case ".":
			o.self = append(o.self, manager)
			continue
		case "f", "i":
		case "k":
			var fields map[string]any
			if json.Unmarshal([]byte(name), &fields) != nil {
				continue // the whole list is compared instead
			}
			o.keys = o.keys[:0]
			for field := range fields {
				o.keys = append(o.keys, field)
			}
			slices.Sort(o.keys)
			name = identity(fields, o.keys)
		case "v":
			var item any
			if json.Unmarshal([]byte(name), &item) != nil {
				continue
			}
			o.set, name = true, fmt.Sprint(item)
		default:
			continue
		}
		if o.children == nil {
			o.children = map[string]*owned{}
		}
		child := o.children[name]
		if child == nil {
			child = &owned{}
			o.children[name] = child
		}
		child.add(beneath, manager)
	}
}

// child is the tree beneath a token; nil: nobody owns anything there. Beneath a
// field that is owned as one value everything is that value's.
func (o *owned) child(token string) *owned {
	if o == nil || o.atomic() {
		return o
	}
	return o.children[token]
}

// atomic says whether the field is one value to the server.
func (o *owned) atomic() bool { return o != nil && len(o.whole) > 0 && len(o.children) == 0 }

// at is the tree at a path, with the nearest whole owners above or at it.
func (o *owned) at(path Pointer) (node *owned, owners []int) {
	node = o
	for _, token := range path {
		if node = node.child(token); node == nil {
			return nil, owners
		}
		if len(node.whole) > 0 {
			owners = node.whole
		}
	}
	return node, owners
}

// owners are the managers of a field: those that own it, or the whole it is part
// of, or else whoever owns anything beneath it.
func (o *owned) owners(path Pointer) []int {
	node, owners := o.at(path)
	switch {
	case node == nil || len(owners) > 0:
		return owners
	case len(node.self) > 0:
		return node.self
	}
	return node.beneath(nil)
}

// beneath collects every manager that owns something here or below.
func (o *owned) beneath(list []int) []int {
	for _, owners := range [][]int{o.whole, o.self} {
		for _, m := range owners {
			if !slices.Contains(list, m) {
				list = append(list, m)
			}
		}
	}
	for _, child := range o.children {
		list = child.beneath(list)
	}
	return list
}

// listKeys are the fields that tell a list's items apart: those that managedFields
// name, since the server knows the schema, or else Kubernetes' own.
func (o *owned) listKeys(field string, items ...[]any) []string {
	if o != nil && len(o.keys) > 0 {
		return o.keys
	}
	var keys []string
	for _, list := range items {
		if len(list) == 0 {
			continue
		}
		own := cluster.ListKeys(field, list)
		if own == nil || (keys != nil && !slices.Equal(own, keys)) {
			return nil
		}
		keys = own
	}
	return keys
}

// identity names an item of a list by its keys: containerPort=80,protocol=TCP.
// A protocol that is left out is TCP, as the server has it.
func identity(item map[string]any, keys []string) string {
	if len(keys) == 1 {
		return keys[0] + "=" + fmt.Sprint(item[keys[0]])
	}
	var parts []string
	for _, key := range slices.Sorted(slices.Values(keys)) {
		value, ok := item[key]
		if !ok && key == "protocol" {
			value, ok = "TCP", true
		}
		if ok {
			parts = append(parts, key+"="+fmt.Sprint(value))
		}
	}
	return strings.Join(parts, ",")
}

// index finds items by identity; ok is false where one is no map, or two are
// the same.
func index(items []any, keys []string) (found map[string]map[string]any, ok bool) {
	found = make(map[string]map[string]any, len(items))
	for _, item := range items {
		m, isMap := item.(map[string]any)
		if !isMap {
			return nil, false
		}
		id := identity(m, keys)
		if _, twice := found[id]; twice {
			return nil, false
		}
		found[id] = m
	}
	return found, true
}
