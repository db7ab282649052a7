package drift

import (
	"fmt"
	"maps"
	"slices"

	"github.com/driftcast/driftcast/cluster"
)

// trait is one thing that the nodes of a pool should have in common: the version
// of a component or a label. Its path is /versions/driver, where no field of the
// Node holds it alone, or that of the label.
type trait struct {
	path  string
	kind  Kind
	value func(n *cluster.Object) string
}

// skew compares nodes with what is declared for their pool, or else with what
// most of the pool have. A pool without a majority is Unknown, with the counts.
func (f *Fleet) skew(nodes []*cluster.Object) []Finding {
	pools := map[string][]*cluster.Object{}
	for _, n := range nodes {
		if name := f.poolOf(n); name != "" {
			pools[name] = append(pools[name], n)
		}
	}
	var out []Finding
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		out = append(out, f.pool(name, pools[name])...)
	}
	return out
}

// poolOf names the pool of a node; empty: none.
func (f *Fleet) poolOf(n *cluster.Object) string {
	for _, label := range f.Pool {
		if value := n.Labels[label]; value != "" {
			return value
		}
	}
	return ""
}

func (f *Fleet) pool(name string, nodes []*cluster.Object) []Finding {
	findings := make([]Finding, len(nodes))
	for i, n := range nodes {
		findings[i] = Finding{Object: n.Ref, UID: string(n.UID), Verdict: Synced, Source: SourcePool, Origin: name}
	}
	for _, t := range f.traits(nodes) {
		want, declared := f.declared(name, t)
		reason := ""
		if !declared {
			want, reason = f.majority(t, nodes)
		}
		for i, n := range nodes {
			finding := &findings[i]
			if reason != "" {
				if finding.Verdict == Synced {
					finding.Verdict, finding.Reason = Unknown, fmt.Sprintf("pool %s: %s", name, reason)
				}
				continue
			}
			live := t.value(n)
			if want == "" || live == want {
				continue
			}
			finding.Verdict, finding.Reason = Drifted, ""
			finding.Confidence = max(finding.Confidence, trust(SourcePool))
			if declared {
				finding.Confidence = trust(SourceGit)
			}
			finding.Differences = append(finding.Differences, Difference{Path: t.path, Kind: t.kind, Declared: text(want, true), Live: text(live, live != "")})
		}
	}
	return findings
}

// traits are the versions, and the labels that any node of the pool has.
func (f *Fleet) traits(nodes []*cluster.Object) (list []trait) {
	for _, component := range f.Versions {
		list = append(list, trait{path: Pointer{"versions", component}.String(), kind: VersionSkew, value: func(n *cluster.Object) string {
			if facts, ok := n.Facts.(*cluster.Node); ok {
				return facts.Versions[component]
			}
			return ""
		}})
	}
	labels := map[string]bool{}
	for _, n := range nodes {
		for label := range n.Labels {
			if anyOf(f.Labels, label) && !anyOf(f.Except, label) {
				labels[label] = true
			}
		}
	}
	for _, d := range f.Declared {
		for label := range d.Labels {
			labels[label] = true
		}
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, trait{path: Pointer{"metadata", "labels", label}.String(), kind: LabelSkew, value: func(n *cluster.Object) string { return n.Labels[label] }})
	}
	return list
}

// declared is the value that the configuration gives.
func (f *Fleet) declared(pool string, t trait) (value string, ok bool) {
	for _, d := range f.Declared {
		if d.Pool != "" && !wildcard(d.Pool, pool) {
			continue
		}
		values, prefix := d.Versions, Pointer{"versions"}
		if t.kind == LabelSkew {
			values, prefix = d.Labels, Pointer{"metadata", "labels"}
		}
		for name, v := range values {
			if prefix.child(name).String() == t.path {
				return v, true
			}
		}
	}
	return "", false
}

// majority is the value that more than half of the nodes have; empty: that it is
// absent. The reason says why there is none. Where all agree there is nothing to
// ask, however few they are.
func (f *Fleet) majority(t trait, nodes []*cluster.Object) (value, reason string) {
	counts := map[string]int{}
	for _, n := range nodes {
		counts[t.value(n)]++
	}
	if len(counts) == 1 {
		return t.value(nodes[0]), ""
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	switch {
	case len(nodes) < f.Minimum:
		return "", fmt.Sprintf("%s differs, and %d nodes are too few for a majority; declare it in drift.fleet.declared", t.path, len(nodes))
	case 2*counts[names[0]] <= len(nodes):
		return "", fmt.Sprintf("no value of %s has a majority (%q on %d and %q on %d of %d nodes); declare it in drift.fleet.declared",
			t.path, names[0], counts[names[0]], names[1], counts[names[1]], len(nodes))
	}
	return names[0], ""
}
