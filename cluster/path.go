package cluster

import (
	"fmt"
	"slices"
	"strings"
)

// segment is one step of a path: a field by its name, or an item of a list by
// its keys.
type segment struct {
	name string
	keys map[string]any // of an item; nil: a field
}

// String writes the step as in a path: name, or name=c, or
// containerPort=80,protocol=TCP with the keys sorted; / and ~ are escaped as
// JSON pointers do.
func (g segment) String() string {
	text := g.name
	if len(g.keys) > 0 {
		names := make([]string, 0, len(g.keys))
		for name := range g.keys {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, name := range names {
			names[i] = fmt.Sprint(name, "=", g.keys[name])
		}
		text = strings.Join(names, ",")
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(text)
}

// pointer writes a path: /spec/template/spec/containers/name=c/image.
func pointer(path []segment) string {
	var out strings.Builder
	for _, g := range path {
		out.WriteByte('/')
		out.WriteString(g.String())
	}
	return out.String()
}

// ListKeys are the fields that tell the items of a list apart, by the name of
// the list's field and a look at its items; nil: the list is one value. They are
// those of Kubernetes' own kinds, and "name" wherever every item has one.
func ListKeys(field string, items []any) []string {
	switch field {
	case "ports":
		if keyed(items, "containerPort") {
			return distinct(items, "containerPort", "protocol")
		}
		return distinct(items, "port", "protocol")
	case "volumeMounts":
		return distinct(items, "mountPath")
	case "volumeDevices":
		return distinct(items, "devicePath")
	case "hostAliases":
		return distinct(items, "ip")
	case "taints":
		return distinct(items, "key", "effect")
	case "ownerReferences":
		return distinct(items, "uid")
	case "conditions":
		return distinct(items, "type")
	case "topologySpreadConstraints":
		return distinct(items, "topologyKey", "whenUnsatisfiable")
	}
	return distinct(items, "name")
}

// keyed says whether every item is a map that has a field.
func keyed(items []any, field string) bool {
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return false
		}
		switch m[field].(type) {
		case string, int64, float64:
		default:
			return false
		}
	}
	return len(items) > 0
}

// distinct returns the names where they tell all items apart. Only the first must
// be there: a protocol may be left out.
func distinct(items []any, names ...string) []string {
	if !keyed(items, names[0]) {
		return nil
	}
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		id := identity(item, names).String()
		if seen[id] {
			return nil
		}
		seen[id] = true
	}
	return names
}

// identity is the step to an item.
func identity(item any, names []string) segment {
	m, _ := item.(map[string]any)
	keys := make(map[string]any, len(names))
	for _, name := range names {
		if value, ok := m[name]; ok {
			keys[name] = value
		}
	}
	return segment{keys: keys}
}
