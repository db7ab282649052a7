package collector

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// register registers all collectors, or says which cannot be; a nil registerer
// takes none.
func register(reg prometheus.Registerer, all ...prometheus.Collector) error {
	if reg == nil {
		return nil
	}
	var errs []error
	for _, c := range all {
		errs = append(errs, reg.Register(c))
	}
	return errors.Join(errs...)
}

// requestMetrics count what is sent to the server.
type requestMetrics struct {
	attempts, failures, retries prometheus.Counter
	duration                    prometheus.Histogram
}

func newRequestMetrics(reg prometheus.Registerer) (*requestMetrics, error) {
	m := &requestMetrics{
		attempts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "driftcast_collector_requests_total",
			Help: "Requests sent to Prometheus, repeated ones included.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "driftcast_collector_request_failures_total",
			Help: "Requests to Prometheus that failed.",
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "driftcast_collector_request_retries_total",
			Help: "Requests to Prometheus that were sent again after a passing failure.",
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "driftcast_collector_request_duration_seconds",
			Help:    "Time from a request to its decoded answer.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 8),
		}),
	}
	return m, register(reg, m.attempts, m.failures, m.retries, m.duration)
}

// collectMetrics count what Collect does.
type collectMetrics struct {
	attempts, failures, samples *prometheus.CounterVec // by signal
	newest                      *prometheus.GaugeVec   // by signal
	incomplete                  prometheus.Counter
	duration                    prometheus.Histogram
}

func newCollectMetrics(reg prometheus.Registerer) (*collectMetrics, error) {
	signal := []string{"signal"}
	m := &collectMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "driftcast_collector_attempts_total",
			Help: "Times that a signal was asked for.",
		}, signal),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "driftcast_collector_failures_total",
			Help: "Times that asking for a signal or storing it failed.",
		}, signal),
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "driftcast_collector_samples_total",
			Help: "Samples of a signal stored in History.",
		}, signal),
		newest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "driftcast_collector_complete_until_timestamp_seconds",
			Help: "Time up to which a signal has been collected completely.",
		}, signal),
		incomplete: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "driftcast_collector_incomplete_total",
			Help: "Answers with warnings: their time is asked for again.",
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "driftcast_collector_collect_duration_seconds",
			Help:    "Time that one collection of all signals took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 8),
		}),
	}
	return m, register(reg, m.attempts, m.failures, m.samples, m.newest, m.incomplete, m.duration)
}
