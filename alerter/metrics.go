package alerter

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	sent, errors, dropped *prometheus.CounterVec
	latency               *prometheus.HistogramVec
	queue                 *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	label := []string{"alertmanager"}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "driftcast_alerts_" + name, Help: help}, label)
	}
	m := &metrics{
		sent:    counter("sent_total", "Alerts that a peer took, resent ones included."),
		errors:  counter("post_errors_total", "Posts to a peer that went wrong."),
		dropped: counter("dropped_total", "Alerts that were dropped: the queue was full, the peer refused them, or shutdown came first."),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "driftcast_alerts_post_duration_seconds",
			Help:    "Time that posts to a peer took, failed ones included.",
			Buckets: []float64{.005, .025, .1, .5, 1, 5, 10},
		}, label),
		queue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "driftcast_alerts_queue_length",
			Help: "Alerts that wait for a peer.",
		}, label),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.sent, m.errors, m.dropped, m.latency, m.queue} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the alerter: %w", err)
		}
	}
	return m, nil
}
