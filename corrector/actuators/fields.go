package actuators

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// field is one field that differs between two states of an object.
type field struct {
	// Path is a JSON pointer; items of lists stand by their key:
	// /spec/template/spec/containers/name=c/image.
	Path string `json:"path"`
	// Before and After are the values, nil where the field is absent. Values of
	// environment variables are never in them: see hide.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// listKeys are what tells the items of a list apart, the first that does.
var listKeys = [][]string{{"name"}, {"type"}, {"key", "effect"}, {"mountPath"}, {"containerPort", "protocol"}, {"port", "protocol"}, {"ip"}}

// differences lists the fields in which after differs from before, in the order
// of their paths. Maps are walked key by key, lists item by item where their
// items have a key; other lists are one value. What skip says is left out.
func differences(before, after map[string]any, skip func(path []string) bool) []field {
	var all []field
	walk(nil, before, after, skip, &all)
	return all
}

func walk(path []string, before, after any, skip func([]string) bool, all *[]field) {
	if skip(path) || reflect.DeepEqual(before, after) {
		return
	}
	if b, a, ok := asMaps(path, before, after); ok {
		for _, key := range slices.Sorted(maps.Keys(union(b, a))) {
			walk(append(slices.Clip(path), key), b[key], a[key], skip, all)
		}
		return
	}
	if b, a, ok := asItems(before, after); ok {
		for _, key := range slices.Sorted(maps.Keys(union(b, a))) {
			inB, inA := b[key], a[key]
			at := append(slices.Clip(path), key)
			if inB == nil || inA == nil { // a whole item comes or goes
				*all = append(*all, field{pointer(at), encode(at, inB), encode(at, inA)})
				continue
			}
			walk(at, inB, inA, skip, all)
		}
		return
	}
	*all = append(*all, field{pointer(path), encode(path, before), encode(path, after)})
}

// asMaps says whether both are maps to be walked. A map that comes or goes is one
// value, because an empty one may mean something ("emptyDir: {}"), but labels,
// annotations and the object itself.
func asMaps(path []string, before, after any) (b, a map[string]any, ok bool) {
	b, okB := before.(map[string]any)
	a, okA := after.(map[string]any)
	loose := len(path) == 0 || slices.Contains([]string{"labels", "annotations", "metadata"}, path[len(path)-1])
	return b, a, okB && okA || loose && (okB && after == nil || okA && before == nil)
}

// asItems returns the items of two lists by their key, where they have one.
func asItems(before, after any) (b, a map[string]any, ok bool) {
	listB, okB := before.([]any)
	listA, okA := after.([]any)
	if !(okB && okA || okB && after == nil || okA && before == nil) {
		return nil, nil, false
	}
	for _, keys := range listKeys {
		b, okB = byKey(listB, keys)
		a, okA = byKey(listA, keys)
		if okB && okA {
			return b, a, true
		}
	}
	return nil, nil, false
}

// byKey indexes the items of a list; false where a key is missing or not unique.
func byKey(list []any, keys []string) (map[string]any, bool) {
	items := make(map[string]any, len(list))
	for _, item := range list {
		name, ok := keyOf(item, keys)
		if !ok || items[name] != nil {
			return nil, false
		}
		items[name] = item
	}
	return items, true
}

// keyOf writes an item's key: name=c, or key=a,effect=NoSchedule.
func keyOf(item any, keys []string) (string, bool) {
	fields, ok := item.(map[string]any)
	if !ok {
		return "", false
	}
	parts := make([]string, len(keys))
	for i, key := range keys {
		if fields[key] == nil {
			return "", false
		}
		parts[i] = fmt.Sprintf("%s=%v", key, fields[key])
	}
	return strings.Join(parts, ","), true
}

func union(b, a map[string]any) map[string]any {
	all := maps.Clone(b)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, a)
	return all
}

// put sets the value at a path, nil: removes it. Maps on the way are made;
// false: the path leads through a list item that is not there.
func put(at any, path []string, value any) (any, bool) {
	if len(path) == 0 || at == nil && value == nil {
		return value, true
	}
	list, ok := at.([]any)
	if ok || at == nil && strings.Contains(path[0], "=") { // no key of a map has that
		return putItem(list, path, value)
	}
	fields, ok := at.(map[string]any)
	if !ok {
		if at != nil {
			return at, false
		}
		fields = map[string]any{}
	}
	child, ok := put(fields[path[0]], path[1:], value)
	if !ok {
		return at, false
	}
	if child == nil {
		delete(fields, path[0])
	} else {
		fields[path[0]] = child
	}
	return fields, true
}

func putItem(list []any, path []string, value any) (any, bool) {
	for i, item := range list {
		if !isItem(item, path[0]) {
			continue
		}
		child, ok := put(item, path[1:], value)
		if ok && child == nil && len(list) == 1 {
			return nil, true // as the API server writes an empty list
		}
		if ok && child == nil {
			return slices.Delete(slices.Clone(list), i, i+1), true
		}
		if ok {
			list[i] = child
		}
		return list, ok
	}
	if len(path) > 1 {
		return list, value == nil // nothing to remove, or nowhere to put it
	}
	if value != nil {
		list = append(list, value)
	}
	return list, true
}

// at returns the value at a path, nil where there is none.
func at(value any, path []string) any {
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i := slices.IndexFunc(v, func(item any) bool { return isItem(item, step) })
			if i < 0 {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func isItem(item any, key string) bool {
	return slices.ContainsFunc(listKeys, func(keys []string) bool {
		name, ok := keyOf(item, keys)
		return ok && name == key
	})
}

// overlay lays one value over another: maps key by key, lists item by item where
// they have keys, everything else as a whole.
func overlay(under, over any) any {
	if u, ok := under.(map[string]any); ok {
		o, ok := over.(map[string]any)
		if !ok {
			return over
		}
		for key, value := range o {
			u[key] = overlay(u[key], value)
		}
		return u
	}
	u, okU := under.([]any)
	o, okO := over.([]any)
	if _, _, keyed := asItems(under, over); !okU || !okO || !keyed {
		return over
	}
	for _, item := range o {
		i := slices.IndexFunc(u, func(old any) bool { return sameItem(old, item) })
		if i < 0 {
			u = append(u, item)
			continue
		}
		u[i] = overlay(u[i], item)
	}
	return u
}

func sameItem(a, b any) bool {
	for _, keys := range listKeys {
		nameA, okA := keyOf(a, keys)
		nameB, okB := keyOf(b, keys)
		if okA && okB {
			return nameA == nameB
		}
	}
	return false
}

// mergePatch is the JSON merge patch (RFC 7386) that makes to of from.
func mergePatch(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for key := range union(from, to) {
		old, had := from[key]
		now, has := to[key]
		oldMap, okOld := old.(map[string]any)
		nowMap, okNow := now.(map[string]any)
		switch {
		case reflect.DeepEqual(old, now) && had == has:
		case !has:
			patch[key] = nil
		case okOld && okNow:
			patch[key] = mergePatch(oldMap, nowMap)
		default:
			patch[key] = now
		}
	}
	return patch
}

var escape, unescape = strings.NewReplacer("~", "~0", "/", "~1"), strings.NewReplacer("~1", "/", "~0", "~")

func pointer(path []string) string {
	var b strings.Builder
	for _, step := range path {
		b.WriteString("/" + escape.Replace(step))
	}
	return b.String()
}

func steps(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = unescape.Replace(parts[i])
	}
	return parts
}

// encode writes a value as JSON without secrets, nil for what is absent.
func encode(path []string, value any) json.RawMessage {
	if value == nil {
		return nil
	}
	text, err := json.Marshal(hide(path, value))
	if err != nil { // values of unstructured objects always encode
		return nil
	}
	return text
}

// hidden stands in place of a value that must not be kept.
const hidden = cluster.Redacted + "env"

// hide returns a value without those of environment variables.
func hide(path []string, value any) any {
	n := len(path)
	switch v := value.(type) {
	case map[string]any:
		clean := make(map[string]any, len(v))
		for key, inner := range v {
			clean[key] = hide(append(slices.Clip(path), key), inner)
		}
		return clean
	case []any:
		clean := make([]any, len(v))
		for i, inner := range v {
			clean[i] = hide(append(slices.Clip(path), "name="), inner)
		}
		return clean
	case string:
		if n >= 3 && path[n-1] == "value" && path[n-3] == "env" {
			return hidden
		}
	}
	return value
}

func isHidden(value json.RawMessage) bool { return strings.Contains(string(value), `"`+hidden+`"`) }
