package cluster

// The series whose totals the ledger counts.
const (
	seriesFlips     = "driftcast_cluster_node_condition_flips_total"
	seriesCordons   = "driftcast_cluster_node_cordons_total"
	seriesRestarts  = "driftcast_cluster_workload_restarts_total"
	seriesOOM       = "driftcast_cluster_workload_oom_kills_total"
	seriesEvictions = "driftcast_cluster_workload_evictions_total"
	seriesRollouts  = "driftcast_cluster_workload_rollouts_total"
	seriesChanges   = "driftcast_cluster_spec_changes_total"
	seriesEvents    = "driftcast_cluster_events_total"
	seriesOdd       = "driftcast_cluster_unreadable_objects_total"
	seriesClamped   = "driftcast_cluster_future_timestamps_total"
)

// Description says what a series means.
type Description struct {
	Name    string
	Labels  string // beside those of the subject
	Counter bool
	Help    string
}

// Described lists every series that Sample returns. The labels of subjects are
// node; or namespace, workload and the kind in lower case (deployment,
// statefulset, daemonset, job, cronjob, …), both with the name of the workload;
// or namespace and the kind in lower case with the object's name.
func Described() []Description {
	gauge := func(name, labels, help string) Description {
		return Description{Name: "driftcast_cluster_" + name, Labels: labels, Help: help}
	}
	counter := func(name, labels, help string) Description {
		return Description{Name: name, Labels: labels, Counter: true, Help: help}
	}
	return []Description{
		gauge("node_condition", "condition, status", "1 for the status (true, false, unknown) that the condition has, 0 for the others."),
		gauge("node_condition_since_timestamp_seconds", "condition", "When the condition last changed its status."),
		counter(seriesFlips, "condition", "Changes of a condition's status."),
		gauge("node_taint", "key, value, effect", "1 for every taint."),
		gauge("node_unschedulable", "", "1 while the node is cordoned."),
		counter(seriesCordons, "", "How often the node was cordoned."),
		gauge("node_capacity", "resource, unit", "What the node has, in cores, bytes or pieces (unit core, byte, integer)."),
		gauge("node_allocatable", "resource, unit", "What of it pods may use."),
		gauge("node_pods", "", "Pods on the node that are neither finished nor being deleted."),
		gauge("node_version_info", "component, version", "1 for the version of driver, cuda, vbios, kubelet, runtime, kernel and os."),
		gauge("node_version_since_timestamp_seconds", "component", "When the version was first seen; the node's creation where that was before we watched."),
		gauge("node_spec_changed_timestamp_seconds", "", "When labels, annotations, taints or spec were last written."),

		gauge("workload_replicas_desired", "", "Pods wanted."),
		gauge("workload_replicas_available", "", "Pods available."),
		gauge("workload_replicas_ready", "", "Pods ready."),
		gauge("workload_replicas_updated", "", "Pods of the newest template."),
		gauge("workload_generation", "", "Generation of the spec."),
		gauge("workload_observed_generation", "", "Generation that the controller has seen."),
		gauge("workload_pods", "phase", "Pods by phase (Pending, Running, Succeeded, Failed, Unknown)."),
		gauge("workload_pods_waiting", "reason", "Containers that wait, by reason (CrashLoopBackOff, ImagePullBackOff, …)."),
		counter(seriesRestarts, "", "Restarts of containers; begins with those that pods had when they were first seen."),
		counter(seriesOOM, "", "Containers killed for memory."),
		counter(seriesEvictions, "reason", "Pods evicted, preempted or deleted for a taint, by reason."),
		gauge("workload_image_info", "container, image, digest", "1 for the image of the template and the digest that the newest pod runs."),
		gauge("workload_rollout_info", "revision", "1 for the revision of the template."),
		gauge("workload_rollout_in_progress", "", "1 while a rollout is on."),
		gauge("workload_rollout_stalled", "", "1 while a rollout makes no progress: its controller says so, or for 10 minutes."),
		gauge("workload_rollout_started_timestamp_seconds", "", "When the newest rollout began."),
		gauge("workload_rollout_finished_timestamp_seconds", "", "When the last rollout that finished did."),
		counter(seriesRollouts, "", "Rollouts begun."),
		gauge("workload_spec_changed_timestamp_seconds", "", "When labels, annotations or spec were last written."),
		counter(seriesChanges, "manager", "Changes of the desired state by field manager; of kinds that are no workload and no node by namespace and kind."),

		gauge("horizontalpodautoscaler_replicas", "bound", "Replicas: desired, current, min, max."),
		gauge("horizontalpodautoscaler_limited", "", "1 while it would scale further than its bounds allow."),
		gauge("horizontalpodautoscaler_active", "", "1 while it can scale: its metrics are there."),
		gauge("poddisruptionbudget_disruptions_allowed", "", "Pods that may be evicted now."),
		gauge("poddisruptionbudget_pods", "state", "Pods: healthy, wanted (healthy at least), expected."),
		counter(seriesEvents, "reason", "Events of type Warning, repetitions included; of objects that are no workload and no node by namespace and kind."),
		gauge("delivery_info", "tool, revision, sync, health", "1 for the verdict of Argo CD or Flux on what it delivers."),
		gauge("delivery_synced", "tool", "1 where the cluster has what the source says, 0 where not, NaN where the tool does not know."),
		gauge("delivery_healthy", "tool", "1 where what is delivered is healthy, 0 where not, NaN where the tool does not know."),

		gauge("objects", "resource", "Objects watched."),
		gauge("watch_age_seconds", "resource", "Time since the server's last message on the watch; NaN: not listed yet."),
		counter("driftcast_cluster_lists_total", "resource", "Whole lists; after the first, each is a gap in a watch."),
		counter("driftcast_cluster_requests_total", "", "Requests sent to the API server."),
		gauge("clock_skew_seconds", "", "How far the server's clock is ahead of ours; 0 within 2 s."),
		gauge("changes_waiting", "", "Changes that the store has not taken yet."),
		counter("driftcast_cluster_changes_dropped_total", "", "Changes dropped because too many waited."),
		counter(seriesOdd, "resource", "Objects that could not be read and were left out."),
		counter(seriesClamped, "", "Timestamps from the future, taken as now."),
	}
}
