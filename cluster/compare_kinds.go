package cluster

import (
	"fmt"
	"slices"
	"time"
)

// node compares conditions and versions; taints and the cordon are in the body.
func (c *comparison) node(facts *Node) {
	var before *Node
	if c.old != nil {
		before, _ = c.old.Facts.(*Node)
	}
	if before == nil {
		return
	}
	c.ledger.software(c.object, facts, c.now)
	for _, now := range facts.Conditions {
		was := condition(before.Conditions, now.Type)
		if was.Status == now.Status || len(before.Conditions) == 0 {
			continue
		}
		at := now.Since
		if at.Equal(was.Since) {
			at = c.now // whoever wrote it did not move the time
		}
		c.add(Updated, "/status/conditions/type="+now.Type+"/status", quote(was.Status), quote(now.Status), at,
			at.UTC().Format(time.RFC3339), statusManager(c.object.Managers))
		c.ledger.add(seriesFlips, c.owner, now.Type, 1)
	}
	for _, component := range sorted(facts.Versions) {
		was, now := before.Versions[component], facts.Versions[component]
		if was != "" && was != now {
			c.add(Updated, "/versions/"+component, quote(was), quote(now), c.now, "version "+was+" "+now, Manager{})
		}
	}
}

// pod compares restarts and evictions. Of a pod that is met when it is new,
// what happened before we watched is not told.
func (c *comparison) pod(facts *Pod) {
	var before Pod
	if c.old != nil {
		if was, ok := c.old.Facts.(*Pod); ok {
			before = *was
		}
	}
	for _, now := range facts.Containers {
		i := slices.IndexFunc(before.Containers, func(was Container) bool { return was.Name == now.Name })
		var restarts int64
		if i >= 0 {
			restarts = before.Containers[i].Restarts
		}
		if now.Restarts <= restarts || c.old == nil {
			continue
		}
		c.add(Restart, "/status/containerStatuses/name="+now.Name, "", now.Last, now.Finished, fmt.Sprint("restart ", now.Restarts), Manager{})
		c.ledger.add(seriesRestarts, c.owner, "", float64(now.Restarts-restarts))
		if now.Last == "OOMKilled" {
			c.ledger.add(seriesOOM, c.owner, "", 1)
		}
	}
	if facts.Evicted != "" && before.Evicted == "" {
		c.add(Evicted, "", "", facts.Evicted, c.now, "", Manager{})
		c.ledger.add(seriesEvictions, c.owner, facts.Evicted, 1)
	}
}

// event reports an Event once, when it is new, and counts its repetitions. Where
// a hundred pods of a workload have the same trouble, the first is reported.
func (c *comparison) event(facts *Event) {
	var before int64
	if c.old != nil {
		if was, ok := c.old.Facts.(*Event); ok {
			before = was.Count
		}
	}
	about := facts.Regarding
	if found, ok := c.Object(about); ok {
		about = c.Owner(found)
	}
	if facts.Count > before {
		c.ledger.add(seriesEvents, about, facts.Reason, float64(facts.Count-before))
	}
	if before > 0 || !c.ledger.reportable(about, facts.Reason, c.now) {
		return
	}
	change := Change{
		At: c.clamp(facts.Last, c.now), Kind: Reported, Object: facts.Regarding, UID: string(c.object.UID), Subject: about.Subject(),
		Path: "", After: Cut(facts.Reason+": "+facts.Message, most), Manager: facts.Reporter,
	}
	change.ID = changeID(change, "")
	c.list = append(c.list, change)
}

// delivery tells what a GitOps controller applied, and how its verdict changed.
func (c *comparison) delivery(facts *Delivery) {
	if c.old == nil {
		return
	}
	before, ok := c.old.Facts.(*Delivery)
	if !ok {
		return
	}
	by := statusManager(c.object.Managers)
	for _, f := range []struct{ name, was, now string }{
		{"revision", before.Revision, facts.Revision}, {"sync", before.Sync, facts.Sync}, {"health", before.Health, facts.Health},
	} {
		if f.was != f.now {
			c.add(Updated, "/status/"+f.name, quote(f.was), quote(f.now), c.now, "version "+c.object.ResourceVersion, by)
		}
	}
}

// statusManager is who last wrote the status.
func statusManager(managers []Manager) (last Manager) {
	for _, m := range managers {
		if m.Subresource == "status" {
			last = m // oldest first
		}
	}
	return last
}
