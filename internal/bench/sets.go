package main

import (
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// levelSet is one recording with the protocol that its levels are scored by.
type levelSet struct {
	name     string // the folder
	labels   []string
	kind     string
	interval time.Duration
	season   int // grid steps
	columns  []string
	total    bool // score the sum over subjects, too
	align    bool // recorded at different times: move all to begin on one day
	scale    features.Scale

	windows  []windows       // non-overlapping windows at the end, or
	horizons []time.Duration // rolling origins, every so often, over the last third
	every    time.Duration
}

// windows are so many windows of so many steps.
type windows struct{ steps, count int }

// levelSets is the table of BENCHMARKS.md.
func levelSets() []levelSet {
	day := 24 * time.Hour
	served := []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, day}
	return []levelSet{
		{
			name: "bizitobs-app", labels: []string{"service"}, kind: "service", interval: 10 * time.Second, season: 360,
			columns: []string{"app_calls_sum", "app_latency_mean_milliseconds"},
			windows: []windows{{60, 15}, {600, 2}, {900, 1}},
		},
		{
			name: "bizitobs-l2c", kind: "service", interval: 5 * time.Minute, season: 288,
			columns: []string{
				"weekly_average_order_cycle_time", "activity_approve_by_approver", "activity_create_order", "activity_return_by_approver",
				"activity_submit_for_approval", "activity_submit_to_sap", "activity_update_order",
			},
			windows: []windows{{48, 20}, {480, 7}, {720, 5}},
		},
		{
			name: "helios-earth", labels: []string{"queue"}, kind: "queue", interval: time.Minute, season: 1440,
			columns: []string{"gpu_allocated", "gpu_pending"}, horizons: served, every: time.Hour,
		},
		{
			name: "philly-nodes", kind: "queue", interval: time.Minute, season: 1440,
			columns: []string{"nodes_active"}, horizons: served, every: time.Hour,
		},
		{
			name: "servegen-m-large", labels: []string{"client"}, kind: "service", interval: 10 * time.Minute, season: 144, total: true,
			columns: []string{"llm_request_rate"}, horizons: served[1:], every: 2 * time.Hour,
		},
		{
			name: "servegen-m-mid", labels: []string{"client"}, kind: "service", interval: 10 * time.Minute, season: 144, total: true,
			columns: []string{"llm_request_rate"}, horizons: served[1:], every: 2 * time.Hour,
		},
		{
			name: "nezha", labels: []string{"application", "pod"}, kind: "workload", interval: time.Minute, season: 1440, scale: features.ScaleLog, align: true,
			columns: []string{"pod_server_latency_p95_s", "pod_server_latency_p99_s"}, horizons: served[:2], every: 15 * time.Minute,
		},
		{
			name: "nab-cloudwatch", labels: []string{"series"}, kind: "workload", interval: 5 * time.Minute, season: 288,
			align: true, columns: []string{"value"}, horizons: served[1:], every: time.Hour,
		},
	}
}

// target is what a column of a set is to the service.
func (s levelSet) target(column string) *features.Target {
	t := &features.Target{
		Name: column, Level: column, Interval: s.interval, Season: s.season, Scale: s.scale, Horizons: s.horizons,
	}
	if t.Scale == "" {
		t.Scale = features.ScaleRaw
	}
	t.Subject.Kind, t.Subject.Labels = s.kind, s.labels
	return t
}

// chosen says whether a name is among the chosen; none chosen is all.
func chosen(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }
