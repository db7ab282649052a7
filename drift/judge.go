package drift

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// world is what one comparison knows beside the object that it looks at.
type world struct {
	now       time.Time
	declared  map[key][]Declaration
	scaled    map[key]bool              // replicas belong to an autoscaler
	revisions map[key][]*cluster.Object // ReplicaSets and ControllerRevisions by their controller
	memory    *remembering
	hands     hands
	rules     rules
}

// judgement is one object under comparison.
type judgement struct {
	*world
	object *cluster.Object
	body   any
	owners *owned
	hand   []hand // by manager
	rules  rules
	known  []any // whole declared bodies: what is in them was not added

	differences []Difference
	source      map[string]string // of differences that another source than the finding's tells, by path
	doubtful    map[string]bool   // paths whose live value a declarer set: another revision, or admission
	blind       string
}

// judge compares an object with what is declared for it. The finding has no
// verdict where nobody declares it and nothing is wrong with it; the judgement is
// nil where the object could not be read, or is not compared.
func (w *world) judge(o *cluster.Object) (f Finding, j *judgement) {
	external := w.declared[keyOf(o.Ref)]
	if skipped(o.Ref) || (o.Controller != (cluster.Ref{}) && len(external) == 0) {
		return Finding{}, nil
	}
	f = Finding{Object: o.Ref, UID: string(o.UID), ComparedAt: w.now}
	j, err := w.open(o)
	if err != nil {
		f.Verdict, f.Reason, f.Source = Unknown, err.Error(), SourceBaseline
		return f, nil
	}
	if j.rules.all() {
		return Finding{}, nil
	}
	switch {
	case len(external) > 0:
		err = j.external(external, &f)
	case j.applied():
		err = j.lastApplied(&f)
	default:
		err = j.managers(&f)
	}
	if err != nil {
		f.Verdict, f.Reason = Unknown, err.Error()
	}
	j.added(nil, j.owners, j.body)
	if len(external) == 0 && !j.applied() {
		j.before()
	}
	j.replicas()
	j.close(&f)
	if f.Source == "" && f.Verdict == Synced {
		f.Verdict = ""
	}
	return f, j
}

// open reads the object.
func (w *world) open(o *cluster.Object) (*judgement, error) {
	j := &judgement{world: w, object: o, source: map[string]string{}, doubtful: map[string]bool{}}
	var err error
	if j.rules, err = w.rules.of(o); err != nil {
		return nil, err
	}
	if j.body, err = cluster.Decode(o.Body); err != nil {
		return nil, err
	}
	if j.owners, err = ownership(o.Managers); err != nil {
		return nil, err
	}
	j.hand = make([]hand, len(o.Managers))
	for i := range o.Managers {
		j.hand[i] = w.hands.of(&o.Managers[i])
	}
	j.creator()
	return j, nil
}

// creator makes the manager that created the object its declarer where there is
// no other. Where a controller did, managers that nothing is known of may well be
// controllers too, and are taken for such.
func (j *judgement) creator() {
	if slices.Contains(j.hand, declarer) {
		return
	}
	first := -1 // of those who wrote within the second or two of its creation, who wrote most
	for i := range j.object.Managers {
		m := &j.object.Managers[i]
		if m.Subresource == "" && m.Time.Sub(j.object.Created).Abs() <= 2*time.Second && (first < 0 || len(m.Fields) > len(j.object.Managers[first].Fields)) {
			first = i
		}
	}
	if first >= 0 && j.hand[first] != controller {
		j.hand[first] = declarer
		return
	}
	for i, h := range j.hand {
		if h == unknown {
			j.hand[i] = controller
		}
	}
}

// external compares with manifests.
func (j *judgement) external(declared []Declaration, f *Finding) error {
	f.Source, f.Origin, f.Revision = declared[0].Source, declared[0].Origin, declared[0].Revision
	for i := range declared {
		d := &declared[i]
		if d.Object.Version != j.object.Version {
			return fmt.Errorf("declared as version %s and watched as %s: declare that version, or turn the dry run on", d.Object.Version, j.object.Version)
		}
		body, err := cluster.Decode(d.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Origin, err)
		}
		j.known = append(j.known, body)
		j.compare(body, j.admitted(body))
	}
	return nil
}

// admitted says whether a value was sent to the server as a manifest has it, and
// is another one since admission made it so: kubectl's annotation tells what was
// sent. Without it nobody knows, but a dry run.
func (j *judgement) admitted(declared any) func(f field, owners []int) bool {
	var sent any
	if len(j.object.LastApplied) > 0 && j.applied() {
		sent, _ = cluster.Decode(j.object.LastApplied) // what cannot be read tells nothing
	}
	return func(f field, owners []int) bool {
		if len(owners) == 0 || j.some(owners, func(i int) bool { return j.hand[i] != declarer && j.hand[i] != controller }) {
			return false
		}
		if was, ok := lookup(sent, f.path, j.owners); ok && text(was, true) == text(f.declared, f.isDeclared) {
			return true
		}
		j.doubtful[f.path.String()] = true
		return false
	}
}

// applied says whether kubectl's annotation is what was declared last.
func (j *judgement) applied() bool {
	if len(j.object.LastApplied) == 0 {
		return false
	}
	var client, newest time.Time
	found := false
	for i := range j.object.Managers {
		switch m := &j.object.Managers[i]; {
		case m.Name == "kubectl-client-side-apply" && m.Subresource == "":
			client, found = m.Time, true
		case m.Name == "kubectl-last-applied": // kubectl keeps the annotation when it applies on the server, too
			return true
		case j.hand[i] == declarer && m.Operation == "Apply" && m.Time.After(newest):
			newest = m.Time
		}
	}
	return len(j.object.Managers) == 0 || (found && !newest.After(client))
}

// lastApplied compares with kubectl's annotation, as kubectl apply would.
func (j *judgement) lastApplied(f *Finding) error {
	f.Source = SourceLastApplied
	body, err := cluster.Decode(j.object.LastApplied)
	if err != nil {
		return fmt.Errorf("annotation last-applied-configuration: %w; apply the manifest again", err)
	}
	j.known = append(j.known, body)
	if m, ok := body.(map[string]any); ok && m["apiVersion"] != nil && m["apiVersion"] != apiVersion(j.object.Ref) {
		return fmt.Errorf("applied as %v and watched as %s: apply that version, or name a baseline", m["apiVersion"], apiVersion(j.object.Ref))
	}
	// Where kubectl apply itself set another value than it was sent, admission did.
	j.compare(body, func(_ field, owners []int) bool {
		return j.some(owners, func(i int) bool {
			name := j.object.Managers[i].Name
			return j.hand[i] == declarer && (name == "kubectl-client-side-apply" || !wildcard("kubectl*", name))
		})
	})
	return nil
}

// compare notes what is not as declared, unless the owners of the live value say
// that it is right so.
func (j *judgement) compare(declared any, right func(f field, owners []int) bool) {
	c := comparison{pod: j.object.Kind == "Pod"}
	c.values(nil, declared, j.body, j.owners)
	if c.blind != "" {
		j.blind = c.blind
	}
	for _, f := range c.fields {
		var owners []int
		if f.present {
			owners = j.owners.owners(f.path)
		}
		if j.controlled(owners) || right(f, owners) {
			continue
		}
		manager, since := j.author(owners)
		j.differ(f, manager, since, "")
	}
}

// controlled says whether only controllers own a field.
func (j *judgement) controlled(owners []int) bool {
	return len(owners) > 0 && !j.some(owners, func(i int) bool { return j.hand[i] != controller })
}

func (j *judgement) some(owners []int, is func(i int) bool) bool {
	return slices.ContainsFunc(owners, is)
}

// author is who set a live value last: a person rather than a tool that owns it
// too.
func (j *judgement) author(owners []int) (name string, since time.Time) {
	best := -1
	for _, i := range owners {
		if best < 0 || j.rank(i) > j.rank(best) || (j.rank(i) == j.rank(best) && j.object.Managers[i].Time.After(j.object.Managers[best].Time)) {
			best = i
		}
	}
	if best < 0 {
		return "", since
	}
	return j.object.Managers[best].Name, j.object.Managers[best].Time
}

func (j *judgement) rank(i int) int {
	return slices.Index([]hand{controller, declarer, unknown, person}, j.hand[i])
}

// differ notes a field; the first who tells of a path is right.
func (j *judgement) differ(f field, manager string, since time.Time, source string) {
	path := f.path.String()
	if len(f.path) == 0 || j.rules.ignore(f.path, manager) || (kindOf(f.path) == Replicas && j.scaled[keyOf(j.object.Ref)]) || j.aggregated(f.path) {
		return
	}
	if slices.ContainsFunc(j.differences, func(d Difference) bool { return d.Path == path }) {
		return
	}
	if source != "" {
		j.source[path] = source
	}
	j.differences = append(j.differences, Difference{Path: path, Kind: kindOf(f.path), Declared: text(f.declared, f.isDeclared),
		Live: text(f.live, f.present), Manager: manager, Since: since})
}

// aggregated says whether the path is in rules that the cluster writes.
func (j *judgement) aggregated(path Pointer) bool {
	body, _ := j.body.(map[string]any)
	return j.object.Kind == "ClusterRole" && path.under("rules") && !zero(body["aggregationRule"])
}

// close says the verdict.
func (j *judgement) close(f *Finding) {
	slices.SortFunc(j.differences, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	f.Differences = j.differences
	if len(f.Differences) == 0 {
		if f.Verdict == "" && j.blind != "" {
			f.Verdict, f.Reason = Unknown, j.blind+" is redacted on one side only: compare with the observer's redactor"
		}
		if f.Verdict == "" {
			f.Verdict = Synced
		}
		return
	}
	f.Verdict, f.Reason = Drifted, ""
	if f.Source == "" {
		f.Source = SourceBaseline
	}
	for _, d := range f.Differences {
		source := cmp.Or(j.source[d.Path], f.Source)
		f.Confidence = max(f.Confidence, trust(source)*j.certainty(d))
	}
}

// certainty lowers the trust in a source where it is not known who set a value,
// or nothing is known of them.
func (j *judgement) certainty(d Difference) float64 {
	for i := range j.object.Managers {
		if m := &j.object.Managers[i]; m.Name == d.Manager && j.hand[i] == unknown && d.Declared == "" {
			return 0.7
		}
	}
	if d.Manager == "" {
		return 0.9
	}
	return 1
}

func apiVersion(r cluster.Ref) string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}
