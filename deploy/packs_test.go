package deploy_test

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/deploy"
	"github.com/driftcast/driftcast/features"
)

// packs are all built-in packs, parsed together.
func packs(t *testing.T) []*features.File {
	t.Helper()
	names, err := fs.Glob(deploy.Targets, "targets/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]byte{}
	for _, name := range names {
		if texts[name], err = fs.ReadFile(deploy.Targets, name); err != nil {
			t.Fatal(err)
		}
	}
	files, err := features.ParseFiles(texts)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// drifts are the kinds of drift of a fleet, and the targets that forecast them.
var drifts = map[string][]string{
	"replicas":           {"DeploymentReplicasMissing", "StatefulSetReplicasMissing", "WorkloadReplicasMissing"},
	"node readiness":     {"NodeNotReady", "NodeFlapping", "ClusterNodeNotReady", "ClusterNodeFlapping"},
	"allocatable GPU":    {"NodeGpusLost", "ClusterNodeGpusLost"},
	"GPU detachment":     {"GpuDetached"},
	"version skew":       {"NodeVersionSkew", "NodeLabelSkew"},
	"image, spec":        {"WorkloadSpecDrift", "WorkloadImageDrift", "WorkloadMetadataDrift", "ControllerBehind", "RolloutStalled"},
	"requests":           {"CpuRequestsWrong", "MemoryRequestsWrong", "WorkloadOomKilled"},
	"throttling":         {"GpuThrottling"},
	"thermal":            {"GpuTemperature"},
	"ECC, row remap":     {"GpuRowRemap", "GpuRowRemapFailure", "GpuEccPending"},
	"XID":                {"GpuSevereXid"},
	"NVLink, InfiniBand": {"NvlinkErrors", "InfinibandErrors", "InfinibandLinkDown"},
	"queue time":         {"QueueWaitTime"},
	"latency SLO":        {"TimeToFirstToken", "LatencyBudgetBurn"},
	"latency regression": {"LatencyRegressed"},
	"distribution drift": {"KvCacheShifted"},
	"recurrence":         {"DriftRecurs", "NodeFaultsRecur", "GpuFaultsRecur"},
}

// TestEveryKindOfDriftIsForecast: each has targets, and those of the packs of
// drift look an hour, six hours, a day and a week ahead.
func TestEveryKindOfDriftIsForecast(t *testing.T) {
	ahead := []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	known := map[string]features.Target{}
	for _, f := range packs(t) {
		for _, target := range f.Targets() {
			known[target.Name] = *target
			if (f.Name == "targets/drift.yml" || f.Name == "targets/cluster.yml") && (!slices.Equal(target.Horizons, ahead) || !target.IsEvent()) {
				t.Errorf("%s: horizons %v, event %t", target.Name, target.Horizons, target.IsEvent())
			}
		}
	}
	for kind, names := range drifts {
		for _, name := range names {
			if target, ok := known[name]; !ok || target.Annotations["summary"] == "" || target.Annotations["description"] == "" {
				t.Errorf("%s: target %s is not there, or says nothing", kind, name)
			}
		}
	}
}

var ownSeries = regexp.MustCompile(`^driftcast_(cluster|drift)_`)

// TestOwnSeriesAreKnownAndUnmixed: an expression of the observer's and drift's
// series is asked of History, any other of Prometheus, so that a mixture would
// find half of what it asks for; and what it asks for must be there.
func TestOwnSeriesAreKnownAndUnmixed(t *testing.T) {
	known := exported(t)
	described := map[string]bool{}
	for _, d := range cluster.Described() {
		described[d.Name] = true
	}
	own := 0
	for _, signal := range features.Collect(packs(t)) {
		expr, err := collector.ParseExpr(signal.Expr)
		if err != nil {
			t.Fatalf("%s: %v", signal.Name, err)
		}
		ours, others := 0, 0
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			v, ok := n.(*parser.VectorSelector)
			switch {
			case !ok:
			case !ownSeries.MatchString(v.Name):
				others++
			default:
				ours++
				if !known(v.Name) || strings.HasPrefix(v.Name, "driftcast_cluster_") && !described[v.Name] {
					t.Errorf("%s: nobody writes %s", signal.Name, v.Name)
				}
			}
			return nil
		})
		if ours > 0 && others > 0 {
			t.Errorf("%s mixes series of History and of Prometheus", signal.Name)
		}
		own += min(ours, 1)
	}
	if own < 20 {
		t.Errorf("only %d expressions of own series", own)
	}
}

// recording is a day of series, one value an hour back each: a function of the
// minutes before now, from −1440 to 0.
type recording map[string]func(minute int) float64

// TestPredicates plays a day to each target and asks who is hit: the events are
// those that their words promise, and whoever is not hit is 0 and not missing.
func TestPredicates(t *testing.T) {
	always := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	since := func(minute int, before, after float64) func(int) float64 {
		return func(m int) float64 {
			if m >= minute {
				return after
			}
			return before
		}
	}
	counter := func(from int, perMinute float64) func(int) float64 {
		return func(m int) float64 { return max(0, float64(m-from)*perMinute) }
	}
	for target, c := range map[string]struct {
		series recording
		want   map[string]float64
	}{
		"WorkloadImageDrift": {recording{`driftcast_drift_drifted{kind="image",namespace="web",workload="shop"}`: since(-10, 0, 1),
			`driftcast_drift_drifted{kind="image",namespace="web",workload="cart"}`: always(0), `driftcast_drift_drifted{kind="spec",namespace="web",workload="cart"}`: always(1)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0}},
		"WorkloadSpecDrift": {recording{`driftcast_drift_drifted{kind="replicas",namespace="web",workload="shop"}`: always(1), `driftcast_drift_drifted{kind="spec",namespace="web",workload="shop"}`: always(0),
			`driftcast_drift_drifted{kind="environment",namespace="web",workload="cart"}`: always(0)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0}},
		"NodeVersionSkew": {recording{`driftcast_drift_drifted{kind="version-skew",node="gpu-1"}`: always(1), `driftcast_drift_drifted{kind="version-skew",node="gpu-2"}`: always(0)},
			map[string]float64{"node/gpu-1": 1, "node/gpu-2": 0}},
		"DriftRecurs": {recording{`driftcast_drift_drifted{kind="image",namespace="web",workload="shop"}`: always(1), `driftcast_drift_recurrences{kind="image",namespace="web",workload="shop"}`: always(2),
			`driftcast_drift_drifted{kind="image",namespace="web",workload="cart"}`: always(1), `driftcast_drift_recurrences{kind="image",namespace="web",workload="cart"}`: always(1),
			`driftcast_drift_drifted{kind="image",namespace="web",workload="calm"}`: always(0)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0, "workload/web/calm": 0}},
		"NodeFaultsRecur": {recording{`driftcast_cluster_node_condition_flips_total{condition="Ready",node="gpu-1"}`: since(-60, 0, 4), `driftcast_cluster_node_condition_flips_total{condition="Ready",node="gpu-2"}`: since(-60, 0, 2)},
			map[string]float64{"node/gpu-1": 1, "node/gpu-2": 0}},
		"ClusterNodeNotReady": {recording{`driftcast_cluster_node_condition{condition="Ready",status="true",node="gpu-1"}`: since(-5, 1, 0), `driftcast_cluster_node_condition{condition="Ready",status="true",node="gpu-2"}`: always(1)},
			map[string]float64{"node/gpu-1": 1, "node/gpu-2": 0}},
		"ClusterNodeGpusLost": {recording{`driftcast_cluster_node_allocatable{resource="nvidia.com/gpu",unit="integer",node="gpu-1"}`: always(7), `driftcast_cluster_node_capacity{resource="nvidia.com/gpu",unit="integer",node="gpu-1"}`: always(8),
			`driftcast_cluster_node_allocatable{resource="nvidia.com/gpu",unit="integer",node="gpu-2"}`: always(8), `driftcast_cluster_node_capacity{resource="nvidia.com/gpu",unit="integer",node="gpu-2"}`: always(8)},
			map[string]float64{"node/gpu-1": 1, "node/gpu-2": 0}},
		"WorkloadReplicasMissing": {recording{`driftcast_cluster_workload_replicas_desired{namespace="web",workload="shop",deployment="shop"}`: always(3), `driftcast_cluster_workload_replicas_available{namespace="web",workload="shop",deployment="shop"}`: always(2),
			`driftcast_cluster_workload_replicas_desired{namespace="web",workload="cart",deployment="cart"}`: always(3), `driftcast_cluster_workload_replicas_available{namespace="web",workload="cart",deployment="cart"}`: always(3)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0}},
		"WorkloadOomKilled": {recording{`driftcast_cluster_workload_oom_kills_total{namespace="web",workload="shop",deployment="shop"}`: since(-5, 1, 2), `driftcast_cluster_workload_oom_kills_total{namespace="web",workload="cart",deployment="cart"}`: always(7)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0}},
		"WorkloadRestarting": {recording{`driftcast_cluster_workload_restarts_total{namespace="web",workload="shop",deployment="shop"}`: counter(-1440, 0.5), `driftcast_cluster_workload_restarts_total{namespace="web",workload="cart",deployment="cart"}`: always(9)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0}},
		"NvlinkErrors": {nvlink(), map[string]float64{"gpu/n0:0": 0, "gpu/n1:0": 0, "gpu/n2:0": 0, "gpu/n3:0": 0, "gpu/n4:0": 0, "gpu/n5:0": 1}},
		"CpuRequestsWrong": {recording{`container_cpu_usage_seconds_total{namespace="web",container="shop"}`: counter(-1440, 60*2), `kube_pod_container_resource_requests{namespace="web",container="shop",resource="cpu"}`: always(1),
			`container_cpu_usage_seconds_total{namespace="web",container="cart"}`: counter(-1440, 60*0.6), `kube_pod_container_resource_requests{namespace="web",container="cart",resource="cpu"}`: always(1)},
			map[string]float64{"workload/web/shop": 1, "workload/web/cart": 0}},
		"LatencyBudgetBurn": {recording{`vllm:time_to_first_token_seconds_bucket{namespace="llm",service="chat",le="2.5"}`: counter(-1440, 40), `vllm:time_to_first_token_seconds_count{namespace="llm",service="chat"}`: counter(-1440, 60),
			`vllm:time_to_first_token_seconds_bucket{namespace="llm",service="code",le="2.5"}`: counter(-1440, 59.9), `vllm:time_to_first_token_seconds_count{namespace="llm",service="code"}`: counter(-1440, 60)},
			map[string]float64{"service/llm/chat": 1, "service/llm/code": 0}},
	} {
		t.Run(target, func(t *testing.T) {
			if got := play(t, target, c.series); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// nvlink are six GPUs that err once in ten minutes, and one that errs every second.
func nvlink() recording {
	r := recording{}
	for i := range 6 {
		rate := 0.1 + 0.01*float64(i)
		if i == 5 {
			rate = 60
		}
		labels := fmt.Sprintf(`{hostname="n%d",gpu="0"}`, i)
		r["DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"+labels] = func(m int) float64 { return float64(m+1440) * rate }
		r["DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL"+labels] = func(int) float64 { return 0 }
	}
	return r
}

// play asks a target's own series of a recording, at its end.
func play(t *testing.T, target string, r recording) map[string]float64 {
	t.Helper()
	end := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	memory := collector.NewMemory(time.Minute)
	series := map[string][]collector.Series{}
	for selector, value := range r {
		parsed, err := collector.ParseExpr(selector)
		if err != nil {
			t.Fatal(err)
		}
		v := parsed.(*parser.VectorSelector)
		var s collector.Series
		for _, m := range v.LabelMatchers {
			if m.Name != "__name__" {
				s.Labels = append(s.Labels, collector.Label{Name: m.Name, Value: m.Value})
			}
		}
		slices.SortFunc(s.Labels, func(a, b collector.Label) int { return strings.Compare(a.Name, b.Name) })
		for minute := -1440; minute <= 0; minute++ {
			s.Times = append(s.Times, end.Add(time.Duration(minute)*time.Minute).UnixMilli())
			s.Values = append(s.Values, value(minute))
		}
		series[v.Name] = append(series[v.Name], s)
	}
	for name, list := range series {
		if err := memory.Add(name, list...); err != nil {
			t.Fatal(err)
		}
	}
	for _, signal := range features.Collect(packs(t)) {
		if signal.Name != target {
			continue
		}
		result, err := memory.Query(context.Background(), signal.Expr, end)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, s := range result.Series {
			sub, ok := signal.Subject.Subject(s.Labels)
			if !ok {
				t.Fatalf("%v names no subject", s.Labels)
			}
			got[sub.String()] = s.Values[len(s.Values)-1]
		}
		return got
	}
	t.Fatalf("there is no target %s", target)
	return nil
}
