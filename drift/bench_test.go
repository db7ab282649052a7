package drift_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// many is a cluster that stands still.
type many []*cluster.Object

func (m many) Objects() iter.Seq[*cluster.Object] { return slices.Values(m) }
func (m many) Ready() error                       { return nil }

// fleet10k is 10,000 objects: nodes, Deployments applied on the server and by
// kubectl, each with a ReplicaSet, and ConfigMaps. One Deployment in a hundred
// has drifted.
func fleet10k(b *testing.B) many {
	b.Helper()
	s := newServer(b)
	keep := func(prototype, from string, i int) *cluster.Object {
		u := s.live[prototype].DeepCopy()
		u.SetName(fmt.Sprintf("%s-%d", from, i))
		u.SetUID("")
		o, err := s.transform.Object(u)
		if err != nil {
			b.Fatal(err)
		}
		return o
	}
	s.apply("flux", web)
	s.clientApply(strings.ReplaceAll(web, "name: web,", "name: client,"))
	s.apply("flux", strings.ReplaceAll(web, "name: web,", "name: edited,"))
	s.container("kubectl-set", "Deployment/team/edited", func(c map[string]any) { c["image"] = "web:2" })
	replicaSet := s.object(`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: rs, namespace: team, annotations: {deployment.kubernetes.io/revision: "1"},
		ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: x, controller: true}]}, spec: {}}`)
	replicaSet.Object["spec"].(map[string]any)["template"] = s.live[webName].DeepCopy().Object["spec"].(map[string]any)["template"]
	s.create("kube-controller-manager", replicaSet)
	s.node("node", "h100", "550")
	s.apply("flux", `{apiVersion: v1, kind: ConfigMap, metadata: {name: config, namespace: team}, data: {a: "1", b: "2", c: "`+strings.Repeat("x", 500)+`"}}`)
	var out many
	for i := range 1500 {
		out = append(out, keep("Deployment/team/client", "client", i))
		prototype := webName
		if i%100 == 0 {
			prototype = "Deployment/team/edited"
		}
		d := keep(prototype, "web", i)
		rs := keep("ReplicaSet/team/rs", "rs", i)
		rs.Controller.Name = d.Name
		out = append(out, d, rs)
	}
	for i := range 1000 {
		out = append(out, keep("Node//node", "node", i))
	}
	for i := range 4500 {
		out = append(out, keep("ConfigMap/team/config", "config", i))
	}
	return out
}

// BenchmarkCompare10k compares 10,000 objects, with what is remembered of them.
func BenchmarkCompare10k(b *testing.B) {
	objects := fleet10k(b)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := drift.New(drift.Options{Objects: objects, Config: drift.DefaultConfig()})
	if err != nil {
		b.Fatal(err)
	}
	var report drift.Report
	for b.Loop() {
		if report, err = d.Compare(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if report.Objects != 10000 || report.Count(drift.Drifted) != 15 || report.Calls != 0 {
		b.Fatalf("%d objects, %d drifted, %d calls; want 10000, 15, 0", report.Objects, report.Count(drift.Drifted), report.Calls)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "kept-MiB")
	b.ReportMetric(float64(report.Calls), "calls")
	runtime.KeepAlive(objects)
	runtime.KeepAlive(d)
}

// Example compares a cluster with itself.
func Example() {
	d, err := drift.New(drift.Options{Objects: many{}, Config: drift.DefaultConfig()})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := d.Compare(context.Background())
	fmt.Println(report.Count(drift.Drifted), report.Count(drift.Unknown), err)
	// Output: 0 0 <nil>
}
