package drift

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// settle is how long after a change of a workload its ReplicaSet or
// ControllerRevision may come.
const settle = 10 * time.Second

// revision is one past pod template of a workload.
type revision struct {
	number   int64
	created  time.Time
	template any
}

// before tells from a workload's past templates what a field was before somebody
// took it, and which fields were removed since the workload was declared last.
func (j *judgement) before() {
	list := j.history()
	if len(list) == 0 {
		return
	}
	for i := range j.differences {
		d := &j.differences[i]
		path, err := ParsePointer(d.Path)
		if err != nil || d.Declared != "" || !path.under("spec", "template") || len(path) < 3 {
			continue
		}
		for _, r := range list {
			value, ok := lookup(map[string]any{"spec": map[string]any{"template": r.template}}, path, j.owners)
			if was := text(value, ok); was != d.Live {
				d.Declared = was
				break
			}
		}
	}
	j.removed(list)
}

// removed notes what the template had when it was declared last, and has no more.
func (j *judgement) removed(list []revision) {
	i := declaredRevision(list, j.newestDeclared())
	if i <= 0 {
		return
	}
	live, _ := lookup(j.body, Pointer{"spec", "template"}, j.owners)
	var c comparison
	c.values(Pointer{"spec", "template"}, list[i].template, live, j.owners.child("spec").child("template"))
	for _, f := range c.fields {
		if !f.present {
			j.differ(f, "", list[0].created, SourceRevision)
		}
	}
}

// declaredRevision finds the template of what was declared at a time, newest first
// in list: that of the first change within settle, or else the one that was there
// before. -1: there is none. Server times are whole seconds; of several in one the
// last is taken, since the declaration may have come twice.
func declaredRevision(list []revision, declared time.Time) int {
	first, before := -1, -1
	for i, r := range list {
		switch {
		case declared.IsZero():
		case r.created.Before(declared):
			if before < 0 {
				before = i
			}
		case !r.created.After(declared.Add(settle)):
			if first < 0 || r.created.Before(list[first].created) {
				first = i
			}
		}
	}
	if first >= 0 {
		return first
	}
	return before
}

// history returns the past templates, the newest first.
func (j *judgement) history() (list []revision) {
	switch j.object.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return nil
	}
	for _, o := range j.revisions[keyOf(j.object.Ref)] {
		body, err := cluster.Decode(o.Body)
		if err != nil {
			continue // an older revision less
		}
		r := revision{created: o.Created}
		switch o.Kind {
		case "ReplicaSet":
			r.number, _ = strconv.ParseInt(o.Annotations["deployment.kubernetes.io/revision"], 10, 64)
			r.template, _ = lookup(body, Pointer{"spec", "template"}, nil)
			if labels, ok := lookup(r.template, Pointer{"metadata", "labels"}, nil); ok {
				if m, isMap := labels.(map[string]any); isMap {
					delete(m, "pod-template-hash") // decoded here: nobody else's
				}
			}
		case "ControllerRevision":
			number, _ := lookup(body, Pointer{"revision"}, nil)
			n, _ := float(number)
			r.number = int64(n)
			r.template, _ = lookup(body, Pointer{"data", "spec", "template"}, nil)
			if m, ok := r.template.(map[string]any); ok {
				delete(m, "$patch")
			}
		}
		if r.template != nil {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b revision) int { return cmp.Compare(b.number, a.number) })
	return list
}
