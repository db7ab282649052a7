package drift

import (
	"fmt"

	"github.com/driftcast/driftcast/cluster"
)

// field is one field that is not as declared. A missing side is absent.
type field struct {
	path                Pointer
	declared, live      any
	isDeclared, present bool
}

// comparison walks what is declared beside what is live. It looks at declared
// fields only: what the server defaults, and what others add, is not in it.
type comparison struct {
	pod    bool // the object is a Pod: admission adds tolerations to it
	fields []field
	blind  string // a path that could not be compared, since one side is redacted
}

func (c *comparison) values(path Pointer, declared, live any, node *owned) {
	switch d := declared.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			if !zero(d) {
				c.differ(path, declared, live)
			}
			return
		}
		c.maps(path, d, l, node)
		return
	case []any:
		l, ok := live.([]any)
		if !ok {
			if len(d) > 0 {
				c.differ(path, declared, live)
			}
			return
		}
		c.lists(path, d, l, node)
		return
	}
	switch {
	case redacted(declared) != redacted(live) && !zero(declared) && !zero(live):
		c.blind = path.String()
	case !equal(path, declared, live):
		c.differ(path, declared, live)
	}
}

func (c *comparison) maps(path Pointer, declared, live map[string]any, node *owned) {
	for name, d := range declared {
		at := path.child(name)
		l, ok := live[name]
		switch {
		case ok:
			c.values(at, d, l, node.child(name))
		case zero(d): // the server leaves out what is empty
		case keyedList(at, d, node.child(name)):
			c.lists(at, d.([]any), nil, node.child(name))
		default:
			c.fields = append(c.fields, field{path: at, declared: d, isDeclared: true})
		}
	}
}

// lists compares items by their keys where they have any, the members of a set
// wherever they are, and other lists item by item in their order.
func (c *comparison) lists(path Pointer, declared, live []any, node *owned) {
	if len(declared) == 0 {
		return // an empty list declares nothing
	}
	name := path[len(path)-1]
	if node != nil && node.set {
		for _, item := range declared {
			if !contains(path, live, item) {
				c.fields = append(c.fields, field{path: path.child(fmt.Sprint(item)), declared: item, isDeclared: true})
			}
		}
		return
	}
	if keys := node.listKeys(name, declared, live); keys != nil {
		d, okD := index(declared, keys)
		l, okL := index(live, keys)
		if okD && okL {
			for id, item := range d {
				other, ok := l[id]
				if !ok {
					c.fields = append(c.fields, field{path: path.child(id), declared: item, isDeclared: true})
					continue
				}
				c.maps(path.child(id), item, other, node.child(id))
			}
			if node.atomic() { // what is more in it was not added by itself
				for id, item := range l {
					if _, ok := d[id]; !ok {
						c.fields = append(c.fields, field{path: path.child(id), live: item, present: true})
					}
				}
			}
			return
		}
	}
	if c.pod && path.under("spec", "tolerations") {
		return
	}
	if len(declared) != len(live) {
		c.differ(path, declared, live)
		return
	}
	inner := comparison{}
	for i := range declared {
		inner.values(path.child(fmt.Sprint(i)), declared[i], live[i], node)
	}
	if inner.blind != "" {
		c.blind = inner.blind
	}
	if len(inner.fields) == 0 {
		return
	}
	if _, maps := declared[0].(map[string]any); !maps {
		c.differ(path, declared, live)
		return
	}
	c.fields = append(c.fields, inner.fields...)
}

// keyedList says whether a value is a list whose items have keys.
func keyedList(path Pointer, value any, node *owned) bool {
	list, ok := value.([]any)
	if !ok {
		return false
	}
	keys := node.listKeys(path[len(path)-1], list)
	if keys == nil {
		return false
	}
	_, ok = index(list, keys)
	return ok
}

func (c *comparison) differ(path Pointer, declared, live any) {
	c.fields = append(c.fields, field{path: path, declared: declared, live: live, isDeclared: true, present: true})
}

func contains(path Pointer, list []any, item any) bool {
	for _, other := range list {
		if equal(path, item, other) {
			return true
		}
	}
	return false
}

// lookup finds a value by its path.
func lookup(value any, path Pointer, owners *owned) (any, bool) {
	for i, token := range path {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[token]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			next, ok := item(v, token, path[:i], owners)
			if !ok {
				return nil, false
			}
			value = next
		default:
			return nil, false
		}
		owners = owners.child(token)
	}
	return value, true
}

func item(list []any, token string, path Pointer, owners *owned) (any, bool) {
	if owners != nil && owners.set {
		for _, member := range list {
			if fmt.Sprint(member) == token {
				return member, true
			}
		}
		return nil, false
	}
	if len(path) > 0 {
		if keys := owners.listKeys(path[len(path)-1], list); keys != nil {
			if found, ok := index(list, keys); ok {
				m, ok := found[token]
				return m, ok
			}
		}
	}
	for i, member := range list {
		if fmt.Sprint(i) == token {
			return member, true
		}
	}
	return nil, false
}

// text is a value as Differences show it: canonical JSON.
func text(value any, present bool) string {
	if !present {
		return ""
	}
	out, err := cluster.Canonical(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(out)
}
