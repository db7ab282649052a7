package drift

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/driftcast/driftcast/cluster"
)

// declarations asks every source; one that fails keeps what it said before.
func (d *Detector) declarations(ctx context.Context) (problems []string) {
	for i, source := range d.opts.Sources {
		list, err := source.Declarations(ctx)
		d.manifests[i].err = err
		if err != nil {
			problems = append(problems, err.Error())
		}
		if err == nil || len(list) > 0 {
			d.manifests[i].list = list
		}
	}
	return problems
}

// unread are the findings of sources that could not read a part of what they
// declare.
func (d *Detector) unread() (out []Finding) {
	for _, source := range d.opts.Sources {
		if s, ok := source.(interface{ Unread() []Finding }); ok {
			out = append(out, s.Unread()...)
		}
	}
	return out
}

// survey goes over everything once, for what single objects must know.
func (d *Detector) survey(now time.Time) (*world, []*cluster.Object) {
	w := &world{now: now, declared: map[key][]Declaration{}, scaled: map[key]bool{}, revisions: map[key][]*cluster.Object{},
		memory: d.memory, hands: hands{declarers: d.opts.Config.Declarers, controllers: d.opts.Config.Controllers}, rules: d.rules}
	for _, m := range d.manifests {
		for _, declaration := range m.list {
			k := keyOf(declaration.Object)
			w.declared[k] = append(w.declared[k], declaration)
		}
	}
	var objects []*cluster.Object
	for o := range d.opts.Objects.Objects() {
		objects = append(objects, o)
		if k, ok := scaledBy(o); ok {
			w.scaled[k] = true
		}
		if o.Kind == "ReplicaSet" || o.Kind == "ControllerRevision" {
			k := keyOf(o.Controller)
			w.revisions[k] = append(w.revisions[k], o)
		}
	}
	return w, objects
}

// judge compares one object, by both tiers, and follows its episodes.
func (d *Detector) judge(ctx context.Context, w *world, o *cluster.Object) (out []Finding) {
	f, j := w.judge(o)
	if j != nil && d.opts.DryRun != nil && f.Verdict != "" {
		d.rehearse(ctx, j, &f)
	}
	author := func(string) string { return "" }
	if j != nil {
		author = func(path string) string {
			p, err := ParsePointer(path)
			if err != nil {
				return ""
			}
			if _, there := lookup(j.body, p, j.owners); !there {
				return ""
			}
			name, _ := j.author(j.owners.owners(p))
			return name
		}
	}
	if f.Verdict != "" {
		out = append(out, f)
	}
	d.episodes.follow(w.now, o.Ref, specKinds, f, author)
	state, ok := unobserved(o, w.now, time.Duration(d.opts.Config.Unobserved))
	if ok {
		out = append(out, state)
	}
	d.episodes.follow(w.now, o.Ref, func(k Kind) bool { return k == Unobserved }, state, author)
	lack, ok := short(o, w.now)
	if ok {
		out = append(out, lack)
	}
	d.episodes.follow(w.now, o.Ref, func(k Kind) bool { return k == Resources }, lack, author)
	return out
}

// specKinds are the kinds of drift that comparing an object finds.
func specKinds(k Kind) bool {
	switch k {
	case Unobserved, Resources, VersionSkew, LabelSkew:
		return false
	}
	return true
}

// missing tells of what is declared in manifests and not there. Where not
// everything could be listed it may only not have been seen: that is Unknown.
func (d *Detector) missing(w *world, objects []*cluster.Object) (out []Finding) {
	incomplete := d.opts.Objects.Ready()
	live := make(map[key]bool, len(objects))
	kinds := map[schema.GroupKind]bool{}
	for _, o := range objects {
		live[keyOf(o.Ref)] = true
		kinds[schema.GroupKind{Group: o.Group, Kind: o.Kind}] = true
	}
	watches := d.opts.Watches
	if watches == nil {
		watches = func(r cluster.Ref) bool { return kinds[r.GVK().GroupKind()] }
	}
	for k, list := range w.declared {
		if live[k] {
			continue
		}
		first := list[0]
		if rs, err := d.rules.of(&cluster.Object{Ref: first.Object}); skipped(first.Object) || (err == nil && rs.all()) {
			continue
		}
		f := Finding{Object: first.Object, Verdict: Drifted, Source: first.Source, Origin: first.Origin, Revision: first.Revision,
			Confidence: trust(first.Source), ComparedAt: w.now}
		switch {
		case !watches(first.Object):
			f.Verdict, f.Confidence = Unknown, 0
			f.Reason = fmt.Sprintf("%s is not watched: name its resource in cluster.watch, and its namespace in cluster.namespaces where that is set", first.Object)
		case incomplete != nil:
			f.Verdict, f.Confidence = Unknown, 0
			f.Reason = "it may be there and not have been listed: " + firstLine(incomplete)
		default:
			f.Differences = []Difference{{Path: "", Kind: Deletion, Declared: text(first.Object.String(), true)}}
		}
		d.episodes.follow(w.now, first.Object, func(k Kind) bool { return k == Deletion }, f, func(string) string { return "" })
		out = append(out, f)
	}
	return out
}

// fleet compares the nodes of each pool.
func (d *Detector) fleet(w *world, objects []*cluster.Object) []Finding {
	var nodes []*cluster.Object
	for _, o := range objects {
		if o.Kind == "Node" && o.Group == "" {
			nodes = append(nodes, o)
		}
	}
	findings := d.opts.Config.Fleet.skew(nodes)
	byKey := make(map[key]Finding, len(findings))
	for i := range findings {
		findings[i].ComparedAt = w.now
		byKey[keyOf(findings[i].Object)] = findings[i]
	}
	for _, n := range nodes {
		f := byKey[keyOf(n.Ref)]
		d.episodes.follow(w.now, n.Ref, func(k Kind) bool { return k == VersionSkew || k == LabelSkew }, f, func(string) string { return "" })
	}
	return findings
}

// sourceless makes Unknown what only a source that failed speaks for.
func (d *Detector) sourceless(w *world, findings []Finding) {
	failed := map[key]error{}
	for _, m := range d.manifests {
		if m.err == nil {
			continue
		}
		for _, declaration := range m.list {
			if k := keyOf(declaration.Object); len(w.declared[k]) == 1 {
				failed[k] = m.err
			}
		}
	}
	for i := range findings {
		f := &findings[i]
		if err := failed[keyOf(f.Object)]; err != nil && f.Source != SourcePool && f.Source != SourceStatus && f.Verdict == Synced {
			f.Verdict, f.Reason = Unknown, "what is declared may be old: "+firstLine(err)
		}
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
