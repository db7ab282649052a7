package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/driftcast/driftcast/collector"
)

// The gauges and counters of dcgm-exporter, one series a GPU; values gives
// them in this order.
var gpuMetrics = [...]string{
	"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_SM_CLOCK",
	"DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "DCGM_FI_DEV_MEMORY_TEMP",
	"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "DCGM_FI_DEV_ROW_REMAP_PENDING", "DCGM_FI_DEV_ROW_REMAP_FAILURE",
	"DCGM_FI_DEV_THERMAL_VIOLATION", "DCGM_FI_DEV_POWER_VIOLATION", "DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
}

func (g *gpu) values() [len(gpuMetrics)]float64 {
	return [...]float64{
		math.Round(g.temp), math.Round(g.power*10) / 10, math.Round(100 * g.util), math.Round(g.clock/15) * 15,
		float64(g.xid), g.sbe, math.Round(1.05*g.temp + 6),
		g.correctable, g.uncorrectable, bit(g.pending), bit(g.failed),
		math.Round(g.thermal), math.Round(g.capped), g.replays, math.Round(g.crc),
	}
}

// xidMetric counts the XIDs of the last five minutes; a GPU without any has
// one series of 0 without the label xid.
const (
	xidMetric = "DCGM_EXP_XID_ERRORS_COUNT"
	xidWindow = 300_000 // ms
)

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type nodeColumns struct {
	up, duration, samples, unschedulable, allocatable, capacity *column
	ready                                                       [3]*column // true, false, unknown
	info                                                        *column
	versions                                                    string // that info is labelled with
	taints                                                      map[string]*column
}

// scrape is one scrape of every target at t.
func (c *Cluster) scrape(t int64) {
	for _, n := range c.nodes {
		c.scrapeExporter(n, t)
		c.scrapeNode(n, t)
	}
	for _, s := range c.services {
		c.scrapeService(s, t)
	}
	for _, q := range c.teams {
		c.scrapeTeam(q, t)
	}
}

// scrapeExporter scrapes a node's dcgm-exporter, which may be slow or fail.
func (c *Cluster) scrapeExporter(n *node, t int64) {
	k := &n.columns
	if k.up == nil {
		base := collector.Labels{{Name: "instance", Value: n.address + ":9400"}, {Name: "job", Value: "dcgm-exporter"}, {Name: "node", Value: n.name}}
		k.up, k.duration, k.samples = c.recorder.column("up", base), c.recorder.column("scrape_duration_seconds", base), c.recorder.column("scrape_samples_scraped", base)
	}
	seconds := c.opts.Interval.Seconds()
	if n.restarting -= seconds; n.noise.Float64() < seconds/86400/4 { // the exporter restarts, and it means nothing
		n.restarting = between(n.noise, 20, 150)
	}
	took := logNormal(n.noise, 0.07, 0.18) * (1 + n.slow)
	if n.noise.Float64() < 0.01 { // nor does this
		took *= between(n.noise, 2, 8)
	}
	failed := n.noise.Float64() < 0.0004+n.gap || n.restarting > 0 || !n.ready()
	if failed {
		took = 10 // the scrape's timeout
		if n.restarting > 0 {
			took = 0.002 // connection refused
		}
	}
	count := 0
	for _, g := range n.gpus {
		count += c.exposeGPU(g, t, failed || g.hidden)
	}
	k.up.put(t, bit(!failed))
	k.duration.put(t, took)
	k.samples.put(t, float64(count))
}

// exposeGPU records a GPU's series, and returns how many there were.
func (c *Cluster) exposeGPU(g *gpu, t int64, hidden bool) int {
	g.hidden = g.detached // its last words were an XID, if any
	if hidden {
		for _, k := range g.columns {
			if k != nil {
				k.miss(t)
			}
		}
		for _, k := range g.xids {
			k.miss(t)
		}
		return 0
	}
	if g.columns[0] == nil || g.labelled != g.owner || g.driver != g.node.driver {
		c.relabel(g, t)
	}
	for i, v := range g.values() {
		g.columns[i].put(t, v)
	}
	g.hits = slices.DeleteFunc(g.hits, func(h xidHit) bool { return h.at <= t-xidWindow })
	counts := map[int]float64(nil)
	if len(g.hits) > 0 {
		counts = map[int]float64{}
	} else {
		g.xidColumn(c, 0).put(t, 0)
	}
	for _, h := range g.hits {
		counts[h.code]++
	}
	codes := 0
	for _, code := range g.codes {
		n, ok := counts[code]
		delete(counts, code)
		switch {
		case ok:
			g.xids[code].put(t, n)
			codes++
		case code != 0 || len(g.hits) > 0:
			g.xids[code].miss(t)
		}
	}
	for _, h := range g.hits { // codes never seen before, in order
		if n, ok := counts[h.code]; ok {
			g.xidColumn(c, h.code).put(t, n)
			delete(counts, h.code)
			codes++
		}
	}
	return len(gpuMetrics) + max(1, codes)
}

// xidColumn returns, or opens, the series of an XID.
func (g *gpu) xidColumn(c *Cluster, code int) *column {
	k, ok := g.xids[code]
	if !ok {
		label := ""
		if code != 0 {
			label = strconv.Itoa(code)
		}
		k = c.recorder.column(xidMetric, g.base(), "window_size_in_ms", strconv.Itoa(xidWindow), "xid", label)
		g.xids[code] = k
		g.codes = append(g.codes, code)
	}
	return k
}

// relabel ends a GPU's series and begins new ones: its pod or driver changed.
func (c *Cluster) relabel(g *gpu, t int64) {
	c.recorder.end(t, g.columns[:]...)
	for _, k := range g.xids {
		c.recorder.end(t, k)
	}
	clear(g.xids)
	g.codes = g.codes[:0]
	g.labelled, g.driver = g.owner, g.node.driver
	base := g.base()
	for i, metric := range gpuMetrics {
		g.columns[i] = c.recorder.column(metric, base)
	}
}

func (g *gpu) base() collector.Labels {
	n, p := g.node, g.owner
	base := collector.Labels{
		{Name: "DCGM_FI_DRIVER_VERSION", Value: n.driver}, {Name: "UUID", Value: g.uuid}, {Name: "device", Value: "nvidia" + strconv.Itoa(g.index)},
		{Name: "gpu", Value: strconv.Itoa(g.index)}, {Name: "hostname", Value: n.name}, {Name: "instance", Value: n.address + ":9400"},
		{Name: "job", Value: "dcgm-exporter"}, {Name: "modelName", Value: modelName}, {Name: "node", Value: n.name}, {Name: "pci_bus_id", Value: g.bus},
	}
	if p != nil {
		base = append(base, collector.Label{Name: "container", Value: p.container}, collector.Label{Name: "namespace", Value: p.namespace}, collector.Label{Name: "pod", Value: p.name})
	}
	return base
}

var stateLabels = collector.Labels{{Name: "instance", Value: "10.0.0.5:8080"}, {Name: "job", Value: "kube-state-metrics"}}

// scrapeNode records what kube-state-metrics says of a node.
func (c *Cluster) scrapeNode(n *node, t int64) {
	k, r := &n.columns, &c.recorder
	if k.unschedulable == nil {
		k.taints = map[string]*column{}
		k.unschedulable = r.column("kube_node_spec_unschedulable", stateLabels, "node", n.name)
		k.allocatable = r.column("kube_node_status_allocatable", stateLabels, "node", n.name, "resource", "nvidia_com_gpu", "unit", "integer")
		k.capacity = r.column("kube_node_status_capacity", stateLabels, "node", n.name, "resource", "nvidia_com_gpu", "unit", "integer")
		for i, status := range []string{"true", "false", "unknown"} {
			k.ready[i] = r.column("kube_node_status_condition", stateLabels, "node", n.name, "condition", "Ready", "status", status)
		}
	}
	k.unschedulable.put(t, bit(n.unschedulable()))
	k.allocatable.put(t, float64(n.healthy()))
	k.capacity.put(t, float64(len(n.gpus)))
	k.ready[0].put(t, bit(n.ready()))
	k.ready[1].put(t, 0)
	k.ready[2].put(t, bit(!n.ready())) // the kubelet does not answer
	if versions := n.kernel + n.kubelet; versions != k.versions {
		r.end(t, k.info)
		k.versions = versions
		k.info = r.column("kube_node_info", stateLabels, "node", n.name, "kernel_version", n.kernel, "kubelet_version", n.kubelet,
			"container_runtime_version", "containerd://2.1.4", "os_image", "Ubuntu 24.04.3 LTS", "internal_ip", n.address)
	}
	k.info.put(t, 1)
	c.exposeTaint(n, t, "node.kubernetes.io/unschedulable", "NoSchedule", n.unschedulable())
	for _, key := range n.taintKeys {
		c.exposeTaint(n, t, key, "PreferNoSchedule", n.taints[key])
	}
}

func (c *Cluster) exposeTaint(n *node, t int64, key, effect string, on bool) {
	k := n.columns.taints[key]
	switch {
	case on && k == nil:
		k = c.recorder.column("kube_node_spec_taint", stateLabels, "node", n.name, "key", key, "effect", effect)
		n.columns.taints[key] = k
		fallthrough
	case on:
		k.put(t, 1)
	case k != nil:
		k.miss(t)
	}
}

func address(i int) string { return fmt.Sprintf("10.1.%d.%d:8000", i/250%250, 1+i%250) }
