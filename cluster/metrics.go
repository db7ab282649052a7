package cluster

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector exports what Sample returns on /metrics.
type Collector struct{ observer *Observer }

// Collector returns the collector of the observer's series.
func (o *Observer) Collector() *Collector { return &Collector{o} }

// Describe sends nothing: which labels there are depends on the cluster.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	sample, err := c.observer.Sample(context.Background(), c.observer.opts.Now())
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("driftcast_cluster", "Sample of the cluster.", nil, nil), err)
		return
	}
	for _, d := range Described() {
		kind := prometheus.GaugeValue
		if d.Counter {
			kind = prometheus.CounterValue
		}
		for _, s := range sample[d.Name] {
			names, values := make([]string, len(s.Labels)), make([]string, len(s.Labels))
			for i, l := range s.Labels {
				names[i], values[i] = l.Name, l.Value
			}
			metric, err := prometheus.NewConstMetric(prometheus.NewDesc(d.Name, d.Help, names, nil), kind, s.Values[0], values...)
			if err != nil {
				metric = prometheus.NewInvalidMetric(prometheus.NewDesc(d.Name, d.Help, nil, nil), fmt.Errorf("%s: %w", d.Name, err))
			}
			out <- metric
		}
	}
}
