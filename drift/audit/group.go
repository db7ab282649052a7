package audit

import (
	"cmp"
	"maps"
	"slices"

	"github.com/driftcast/driftcast/drift"
)

// NotKnown stands for managers that nobody recorded: a removed field has no
// owner any more, and /scale leaves no trace where replicas were left out.
const NotKnown = "not known"

func orUnknown(names []string) []string {
	if len(names) == 0 {
		return []string{NotKnown}
	}
	return names
}

func place(d Drift) string {
	if namespace := d.episodes[0].Object.Namespace; namespace != "" {
		return namespace
	}
	return "(whole cluster)"
}

// poolsOf are the pools of nodes by their names, as the newest comparison of each
// pool's nodes with each other knows them.
func poolsOf(latest *drift.Report) map[string]string {
	pools := map[string]string{}
	if latest == nil {
		return pools
	}
	for _, f := range latest.Findings {
		if f.Source == drift.SourcePool {
			pools[f.Object.Name] = f.Origin
		}
	}
	return pools
}

// pool is that of a node; nil for what is no node, and where nothing is known of
// any pool.
func pool(d Drift, pools map[string]string) []string {
	object := d.episodes[0].Object
	switch name, ok := pools[object.Name]; {
	case object.Kind != "Node" || object.Group != "" || len(pools) == 0:
		return nil
	case !ok: // gone since, or of no pool
		return []string{NotKnown}
	default:
		return []string{name}
	}
}

// groups counts drifts by what key says of them; most first.
func groups(list []Drift, key func(Drift) []string) []Group {
	type tally struct {
		group   Group
		kinds   map[string]int
		objects map[string]bool
	}
	byName := map[string]*tally{}
	for _, d := range list {
		for _, name := range key(d) {
			t := byName[name]
			if t == nil {
				t = &tally{Group{Name: name}, map[string]int{}, map[string]bool{}}
				byName[name] = t
			}
			t.group.Drifts++
			t.objects[d.Object] = true
			t.group.Last = later(t.group.Last, d.Since)
			for _, k := range d.Kinds {
				t.kinds[k]++
			}
		}
	}
	out := []Group{}
	for _, t := range byName {
		g := t.group
		g.Objects, g.Share, g.Kinds = len(t.objects), float64(g.Drifts)/float64(len(list)), frequent(t.kinds)
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Or(cmp.Compare(b.Drifts, a.Drifts), cmp.Compare(a.Name, b.Name)) })
	return out
}

func frequent(count map[string]int) []string {
	return slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
}

// unknowns counts why the newest comparison could not judge objects.
func unknowns(latest *drift.Report) Unknowns {
	out := Unknowns{Causes: []Cause{}}
	if latest == nil {
		return out
	}
	out.At, out.Of = latest.At, latest.Objects
	at := map[[2]string]int{}
	for _, f := range latest.Findings {
		if f.Verdict != drift.Unknown {
			continue
		}
		out.Objects++
		key := [2]string{f.Reason, f.Source}
		i, ok := at[key]
		if !ok {
			i = len(out.Causes)
			at[key] = i
			example := f.Object.String()
			if f.Object.Kind == "" {
				example = f.Origin
			}
			out.Causes = append(out.Causes, Cause{Reason: f.Reason, Source: f.Source, Example: example})
		}
		out.Causes[i].Objects++
	}
	slices.SortStableFunc(out.Causes, func(a, b Cause) int { return cmp.Compare(b.Objects, a.Objects) })
	return out
}
