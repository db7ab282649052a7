// Package sim is a simulated GPU cluster: nodes in racks, GPUs that heat up and
// wear, vLLM services behind a queue, training jobs, rollouts and faults. It is
// the cluster of `driftcast demo` and of scale tests, and no part of what runs
// in production.
//
// The chain of causes is physical: request traffic → load on replicas → GPU
// utilisation → power → temperature → thermal throttle → service rate →
// latency by a queue. Faults grow faster under load and heat, so a cordon that
// moves load away really lowers the risk, and a fault on a drained node hurts
// nobody. What comes out are the metrics that dcgm-exporter, kube-state-metrics,
// vLLM, Kueue and Prometheus itself expose, under their real names and labels,
// and nothing that a real cluster would not tell.
//
// Fault rates are accelerated: a real fleet of 192 GPUs sees a few faults a
// month, this one sees tens of each kind in a fortnight, unevenly spread over
// the nodes, so that there is something to learn from and to watch. Some faults
// announce themselves (row remaps, slower scrapes, gaps), some do not, and some
// announcements come to nothing; no forecast of them can be perfect.
//
// Everything is deterministic under Options.Seed.
package sim
