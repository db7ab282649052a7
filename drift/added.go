package drift

import (
	"slices"
	"time"
)

// added notes fields that managers who declare nothing have set, and that nothing
// declared tells of: an environment variable by kubectl edit, a label by hand.
// What a dry run cannot see, managedFields tell.
func (j *judgement) added(path Pointer, node *owned, live any) {
	if node == nil {
		return
	}
	for token, child := range node.children {
		at := path.child(token)
		value, ok := j.step(path, node, live, token)
		if !ok {
			continue
		}
		owners := slices.Concat(child.whole, child.self)
		foreign := len(owners) > 0 && !j.some(owners, func(i int) bool { return j.hand[i] == declarer || j.hand[i] == controller })
		leaf := len(child.children) == 0
		item := node.keys != nil
		switch {
		case foreign && (leaf || item) && !j.declares(at) && !j.some(child.beneath(nil), func(i int) bool { return j.hand[i] == declarer || j.hand[i] == controller }):
			manager, since := j.author(owners)
			j.differ(field{path: at, live: value, present: true}, manager, since, "")
		case !leaf:
			j.added(at, child, value)
		}
	}
}

// step goes one token down the live object.
func (j *judgement) step(path Pointer, node *owned, live any, token string) (any, bool) {
	switch v := live.(type) {
	case map[string]any:
		value, ok := v[token]
		return value, ok
	case []any:
		return item(v, token, path, node)
	}
	return nil, false
}

// declares says whether a whole declared body has something at a path: then
// comparing it has told what is to be told.
func (j *judgement) declares(path Pointer) bool {
	for _, body := range j.known {
		if _, ok := lookup(body, path, j.owners); ok {
			return true
		}
	}
	return false
}

// replicas notes a scale that nobody owns: /scale leaves no entry in
// managedFields where the declaration leaves replicas out.
func (j *judgement) replicas() {
	if (j.object.Kind != "Deployment" && j.object.Kind != "StatefulSet") || j.object.Group != "apps" || len(j.object.Managers) == 0 {
		return
	}
	path := Pointer{"spec", "replicas"}
	value, ok := lookup(j.body, path, nil)
	if n, isNumber := float(value); !ok || !isNumber || n == 1 || j.declares(path) || len(j.owners.owners(path)) > 0 {
		return
	}
	j.differ(field{path: path, declared: int64(1), isDeclared: true, live: value, present: true}, "", time.Time{}, "")
}
