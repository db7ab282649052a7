package cluster

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
)

const prefix = "driftcast_cluster_"

// Sample returns the state as it is now as series of one sample each, by name,
// ready for History.Append. It is empty until the first lists have come.
// Described says what they mean.
func (o *Observer) Sample(ctx context.Context, now time.Time) (map[string][]collector.Series, error) {
	s := &sampler{times: []int64{now.UnixMilli()}, out: map[string][]collector.Series{}, pods: map[Ref]*pods{}, nodePods: map[string]int{}}
	o.mu.RLock()
	for _, object := range o.objects {
		if p, ok := object.Facts.(*Pod); ok {
			s.count(o.owner(object), object, p)
		}
	}
	all := make([]*Object, 0, len(o.objects)-len(s.pods))
	for _, object := range o.objects {
		if _, pod := object.Facts.(*Pod); !pod && object.Facts != nil {
			all = append(all, object)
		}
	}
	o.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o.ledger.mu.Lock()
	defer o.ledger.mu.Unlock()
	for _, object := range all {
		switch facts := object.Facts.(type) {
		case *Node:
			s.node(object, facts, o.ledger)
		case *Workload:
			s.workload(object, facts, o.ledger)
		case *Scaler:
			s.scaler(object, facts)
		case *Budget:
			s.budget(object, facts)
		case *Delivery:
			s.delivery(object, facts)
		}
	}
	for owner, p := range s.pods {
		s.podSums(owner, p)
	}
	for t, n := range o.ledger.totals {
		s.total(t, n)
	}
	s.self(o, now)
	return s.out, nil
}

// sampler gathers series. All share the one time.
type sampler struct {
	times    []int64
	values   []float64 // room for the next ones
	out      map[string][]collector.Series
	pods     map[Ref]*pods
	nodePods map[string]int
}

// put adds a sample; labels are names and values, the empty ones left out.
func (s *sampler) put(name string, value float64, labels ...string) {
	if len(s.values) == 0 {
		s.values = make([]float64, 1024)
	}
	s.values[0] = value
	one := s.values[:1:1]
	s.values = s.values[1:]
	set := make(collector.Labels, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		if labels[i+1] != "" {
			set = append(set, collector.Label{Name: labels[i], Value: labels[i+1]})
		}
	}
	slices.SortFunc(set, func(a, b collector.Label) int { return strings.Compare(a.Name, b.Name) })
	s.out[name] = append(s.out[name], collector.Series{Labels: set, Times: s.times, Values: one})
}

// about are the labels of an object as a subject.
func about(group, kind, namespace, name string) []string {
	switch group + "/" + kind {
	case "/Node":
		return []string{"node", name}
	case "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "batch/Job", "batch/CronJob":
		return []string{"namespace", namespace, "workload", name, strings.ToLower(kind), name}
	}
	return []string{"namespace", namespace, strings.ToLower(kind), name}
}

func (s *sampler) total(t total, n float64) {
	k := t.owner
	switch t.series {
	case seriesClamped:
		s.put(t.series, n)
		return
	case seriesOdd:
		s.put(t.series, n, "resource", k.kind)
		return
	}
	labels := about(k.group, k.kind, k.namespace, k.name)
	if k.name == "" {
		labels = []string{"namespace", k.namespace, "kind", k.kind}
	}
	extra := map[string]string{seriesFlips: "condition", seriesEvictions: "reason", seriesEvents: "reason", seriesChanges: "manager"}[t.series]
	s.put(t.series, n, append(labels, extra, t.extra)...)
}

func (s *sampler) self(o *Observer, now time.Time) {
	type sum struct {
		objects, lists int
		sign           time.Time
		synced         bool
	}
	by := map[string]sum{}
	for _, shelf := range o.shelves {
		shelf.mu.RLock()
		name := shelf.kind.String()
		got, again := by[name]
		got.objects += len(shelf.objects)
		got.lists += shelf.lists
		if !again || shelf.sign.Before(got.sign) {
			got.sign = shelf.sign
		}
		got.synced = shelf.synced && (got.synced || !again)
		shelf.mu.RUnlock()
		if got.synced || !shelf.kind.optional {
			by[name] = got
		}
	}
	for name, got := range by {
		age := math.NaN()
		if got.synced {
			age = max(0, now.Sub(got.sign).Seconds())
		}
		s.put(prefix+"objects", float64(got.objects), "resource", name)
		s.put(prefix+"watch_age_seconds", age, "resource", name)
		s.put(prefix+"lists_total", float64(got.lists), "resource", name)
	}
	waiting, dropped := o.queue.depth()
	s.put(prefix+"requests_total", float64(o.opts.Connection.Requests()))
	s.put(prefix+"clock_skew_seconds", o.opts.Connection.Skew().Seconds())
	s.put(prefix+"changes_waiting", float64(waiting))
	s.put(prefix+"changes_dropped_total", float64(dropped))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
