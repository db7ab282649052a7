package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// most is how much of a value a Change keeps, in bytes.
const most = 1 << 10

// changes lists what happened between two looks at an object; old is nil where
// it is new, object where it is gone. It also counts what the series tell.
func (o *Observer) changes(old, object *Object, missed bool, now time.Time) []Change {
	switch {
	case old != nil && object != nil && old.UID != object.UID:
		return append(o.changes(old, nil, missed, now), o.changes(nil, object, missed, now)...)
	case object == nil:
		return o.lifecycle(Deleted, old, missed, now)
	}
	c := comparison{Observer: o, old: old, object: object, missed: missed, now: now, owner: o.Owner(object)}
	if old == nil {
		c.list = o.lifecycle(Created, object, missed, now)
	} else if object.durable() {
		c.body()
	}
	switch facts := object.Facts.(type) {
	case *Node:
		c.node(facts)
	case *Pod:
		c.pod(facts)
	case *Workload:
		c.list = append(c.list, o.ledger.rollout(object, facts, func(at time.Time) time.Time { return o.clamp(at, now) }, now)...)
	case *Event:
		c.event(facts)
	case *Delivery:
		c.delivery(facts)
	}
	for i := range c.list {
		c.list[i].Missed = missed
	}
	return c.list
}

// lifecycle tells that something came or went, where somebody declared it.
func (o *Observer) lifecycle(what ChangeKind, object *Object, missed bool, now time.Time) []Change {
	if !object.durable() {
		return nil
	}
	change := Change{Kind: what, Object: object.Ref, UID: string(object.UID), Subject: object.Subject(), At: now, Missed: missed}
	if what == Created {
		change.At = o.clamp(object.Created, now)
		if len(object.Managers) > 0 {
			change.Manager, change.Verb = object.Managers[0].Name, object.Managers[0].Operation
		}
	}
	change.ID = changeID(change, "")
	return []Change{change}
}

// comparison is one look at one object.
type comparison struct {
	*Observer
	old, object *Object
	owner       Ref
	missed      bool
	now         time.Time
	list        []Change
}

func (c *comparison) add(kind ChangeKind, path, before, after string, at time.Time, stamp string, by Manager) {
	change := Change{
		At: c.clamp(at, c.now), Kind: kind, Object: c.object.Ref, UID: string(c.object.UID), Subject: c.owner.Subject(),
		Path: path, Before: before, After: after, Manager: by.Name, Verb: by.Operation,
	}
	change.ID = changeID(change, stamp)
	change.Before, change.After = Cut(before, most), Cut(after, most)
	c.list = append(c.list, change)
}

// body compares the desired states.
func (c *comparison) body() {
	edits, err := Diff(c.old.Body, c.object.Body)
	if err != nil { // we wrote both
		c.odd(kind{Resource: Resource{Resource: strings.ToLower(c.object.Kind)}}, err)
		return
	}
	managers := map[string]time.Time{}
	for _, e := range edits {
		if bookkeeping(e.Path) {
			continue
		}
		by, ok := author(c.object.Managers, c.old.Managers, e.steps)
		at := c.now
		if ok {
			at = by.Time
		}
		stamp := fmt.Sprint("time ", by.Time.Unix())
		if c.object.Generation > 0 && strings.HasPrefix(e.Path, "/spec") {
			stamp = fmt.Sprint("generation ", c.object.Generation)
		} else if !ok {
			stamp = "version " + c.object.ResourceVersion
		}
		c.add(Updated, e.Path, string(e.Before), string(e.After), at, stamp, by)
		managers[by.Name] = c.clamp(at, c.now)
		if e.Path == "/spec/unschedulable" && string(e.After) == "true" {
			c.ledger.add(seriesCordons, c.owner, "", 1)
		}
	}
	for manager, at := range managers {
		c.ledger.changed(c.owner, manager, at)
	}
}

// bookkeeping are annotations by which controllers count what Rollout tells.
func bookkeeping(path string) bool {
	switch path {
	case "/metadata/annotations/deployment.kubernetes.io~1revision", "/metadata/annotations/deprecated.daemonset.template.generation",
		"/metadata/annotations/node.alpha.kubernetes.io~1ttl":
		return true
	}
	return false
}

// changeID digests what makes a change the same one: the stamp tells apart what
// happens again, by something that every observer sees in the same way.
func changeID(c Change, stamp string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.UID, string(c.Kind), c.Object.String(), c.Path, c.Before, c.After, stamp}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func quote(text string) string {
	if text == "" {
		return ""
	}
	out, err := Canonical(text)
	if err != nil { // no string fails
		return ""
	}
	return string(out)
}

func sameVersions(a, b *Object) bool {
	x, ok := a.Facts.(*Node)
	if !ok {
		return true
	}
	y, ok := b.Facts.(*Node)
	if !ok || len(x.Versions) != len(y.Versions) {
		return !ok
	}
	for component, version := range x.Versions {
		if y.Versions[component] != version {
			return false
		}
	}
	return true
}

// orphan names the top of the controllers where the one in between is not known:
// a ReplicaSet of a Deployment has its name and a hash.
func orphan(r Ref) Ref {
	if i := strings.LastIndexByte(r.Name, '-'); r.Kind == "ReplicaSet" && r.Group == "apps" && i > 0 {
		r.Kind, r.Name = "Deployment", r.Name[:i]
	}
	return r
}
