package sim

import (
	"math"
	"slices"
	"strconv"

	"github.com/driftcast/driftcast/collector"
)

type serviceColumns struct{ want, available, updated, generation, observed *column }

// podColumns are the series of one pod; the slices are those of its vLLM.
type podColumns struct {
	info, container, restarts, up *column
	gauges                        []*column // running, waiting, cache
	counters                      []*column // preemptions, stopped, aborted
	ttft, e2e, token              histogramColumns
}

// scrapeService records a service's Deployment, its pods and their engines,
// and the pods of training jobs.
func (c *Cluster) scrapeService(s *service, t int64) {
	k, r := &s.columns, &c.recorder
	if k.want == nil {
		own := []string{"namespace", servingNamespace, "deployment", s.name}
		k.want = r.column("kube_deployment_spec_replicas", stateLabels, own...)
		k.available = r.column("kube_deployment_status_replicas_available", stateLabels, own...)
		k.updated = r.column("kube_deployment_status_replicas_updated", stateLabels, own...)
		k.generation = r.column("kube_deployment_metadata_generation", stateLabels, own...)
		k.observed = r.column("kube_deployment_status_observed_generation", stateLabels, own...)
	}
	available, updated := 0, 0
	for _, p := range s.pods {
		if p.serving(t) {
			available++
		}
		if p.tag == s.tag && p.node != nil {
			updated++
		}
		if p.node != nil {
			c.scrapePod(p, t)
		}
	}
	k.want.put(t, float64(s.want))
	k.available.put(t, float64(min(available, s.want)))
	k.updated.put(t, float64(min(updated, s.want)))
	k.generation.put(t, float64(s.generation))
	k.observed.put(t, float64(s.generation))
}

// scrapePod records a replica: what kube-state-metrics says of its pod, and
// what its vLLM says of itself when it answers.
func (c *Cluster) scrapePod(p *pod, t int64) {
	k := &p.columns
	if k.info == nil {
		c.openPod(p)
	}
	k.info.put(t, 1)
	k.container.put(t, 1)
	k.restarts.put(t, p.restarts)
	up := p.serving(t)
	k.up.put(t, bit(up))
	q := p.engine
	if !up {
		for _, col := range append(k.gauges, k.counters...) {
			col.miss(t)
		}
		k.ttft.miss(t)
		k.e2e.miss(t)
		k.token.miss(t)
		return
	}
	for i, v := range []float64{math.Round(q.running), math.Round(q.waiting), q.cache} {
		k.gauges[i].put(t, v)
	}
	for i, v := range []float64{q.preemptions, q.stopped, q.aborted} {
		k.counters[i].put(t, math.Floor(v))
	}
	k.ttft.put(t, &q.ttft)
	k.e2e.put(t, &q.e2e)
	k.token.put(t, &q.token)
}

// openPod begins the series of a replica.
func (c *Cluster) openPod(p *pod) {
	k, r := &p.columns, &c.recorder
	c.pods++
	instance := address(c.pods)
	own := []string{"namespace", p.namespace, "pod", p.name}
	k.info = r.column("kube_pod_info", stateLabels, append(own, "node", p.node.name, "created_by_kind", "ReplicaSet", "created_by_name", p.svc.name+"-"+p.hash)...)
	k.container = r.column("kube_pod_container_info", stateLabels, append(own, "container", p.container, "image", p.image)...)
	k.restarts = r.column("kube_pod_container_status_restarts_total", stateLabels, append(own, "container", p.container)...)

	target := collector.Labels{
		{Name: "instance", Value: instance}, {Name: "job", Value: "vllm"}, {Name: "namespace", Value: p.namespace},
		{Name: "node", Value: p.node.name}, {Name: "pod", Value: p.name}, {Name: "service", Value: p.svc.name},
	}
	k.up = r.column("up", target)
	engine := slices.Concat(target, collector.Labels{{Name: "engine", Value: "0"}, {Name: "model_name", Value: p.svc.name}})
	k.gauges = []*column{
		r.column("vllm:num_requests_running", engine), r.column("vllm:num_requests_waiting", engine), r.column("vllm:kv_cache_usage_perc", engine),
	}
	k.counters = []*column{
		r.column("vllm:num_preemptions_total", engine),
		r.column("vllm:request_success_total", engine, "finished_reason", "stop"),
		r.column("vllm:request_success_total", engine, "finished_reason", "abort"),
	}
	k.ttft = c.openHistogram("vllm:time_to_first_token_seconds", engine, ttftBounds)
	k.e2e = c.openHistogram("vllm:e2e_request_latency_seconds", engine, e2eBounds)
	k.token = c.openHistogram("vllm:inter_token_latency_seconds", engine, tokenBounds)
}

// endPod ends the series of a pod that is deleted.
func (c *Cluster) endPod(p *pod) {
	k := &p.columns
	if k.info == nil {
		return
	}
	c.recorder.end(c.now, k.info, k.container, k.restarts, k.up)
	c.recorder.end(c.now, k.gauges...)
	c.recorder.end(c.now, k.counters...)
	for _, h := range []*histogramColumns{&k.ttft, &k.e2e, &k.token} {
		c.recorder.end(c.now, h.buckets...)
		c.recorder.end(c.now, h.sum, h.count)
	}
}

type teamColumns struct {
	active, inadmissible, admitted *column
	waits                          histogramColumns
}

// scrapeTeam records what Kueue says of a queue.
func (c *Cluster) scrapeTeam(q *team, t int64) {
	k, r := &q.columns, &c.recorder
	if k.active == nil {
		base := collector.Labels{{Name: "cluster_queue", Value: q.name}, {Name: "instance", Value: "10.0.0.7:8443"}, {Name: "job", Value: "kueue"}}
		k.active = r.column("kueue_pending_workloads", base, "status", "active")
		k.inadmissible = r.column("kueue_pending_workloads", base, "status", "inadmissible")
		k.waits = c.openHistogram("kueue_admission_wait_time_seconds", base, waitBounds)
		k.admitted = r.column("kueue_admitted_active_workloads", base)
	}
	k.active.put(t, float64(len(q.waiting)))
	k.inadmissible.put(t, 0)
	k.admitted.put(t, float64(len(q.running)))
	k.waits.put(t, &q.waits)
}

// histogramColumns are the series of one histogram.
type histogramColumns struct {
	buckets    []*column // one more than bounds: +Inf
	sum, count *column
}

func (c *Cluster) openHistogram(metric string, base collector.Labels, bounds []float64) histogramColumns {
	r := &c.recorder
	k := histogramColumns{sum: r.column(metric+"_sum", base), count: r.column(metric+"_count", base)}
	for _, b := range bounds {
		k.buckets = append(k.buckets, r.column(metric+"_bucket", base, "le", formatBound(b)))
	}
	k.buckets = append(k.buckets, r.column(metric+"_bucket", base, "le", "+Inf"))
	return k
}

// formatBound writes a bound as Python's client does: 1.0, 0.25.
func formatBound(b float64) string {
	if b == math.Trunc(b) {
		return strconv.FormatFloat(b, 'f', 1, 64)
	}
	return strconv.FormatFloat(b, 'g', -1, 64)
}

// put records a histogram as whole observations, so that buckets rise together.
func (k *histogramColumns) put(t int64, h *histogram) {
	for i, v := range h.buckets {
		k.buckets[i].put(t, math.Floor(v))
	}
	k.sum.put(t, h.sum)
	k.count.put(t, math.Floor(h.buckets[len(h.bounds)]))
}

func (k *histogramColumns) miss(t int64) {
	for _, b := range k.buckets {
		b.miss(t)
	}
	k.sum.miss(t)
	k.count.miss(t)
}
