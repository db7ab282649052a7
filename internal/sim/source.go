package sim

import (
	"context"

	"github.com/driftcast/driftcast/collector"
)

// Store keeps what the cluster exposes and answers PromQL over it;
// collector.History is one.
type Store interface {
	Sink
	collector.Source
}

// Prometheus is the simulated cluster's monitoring server, the collector.Source
// of the demo. It scrapes the cluster up to the end of each window before it
// answers, so that an answer never lacks what a real server would already
// have.
type Prometheus struct {
	cluster *Cluster
	clock   *Clock
	store   Store
}

// NewPrometheus returns the server of a cluster that lives by clock.
func NewPrometheus(c *Cluster, clock *Clock, store Store) *Prometheus {
	return &Prometheus{cluster: c, clock: clock, store: store}
}

// QueryRange answers PromQL over what has been scraped.
func (p *Prometheus) QueryRange(ctx context.Context, expr string, w collector.Window) (collector.Result, error) {
	to := p.clock.Now()
	if w.End.Before(to) {
		to = w.End
	}
	if _, err := p.cluster.Advance(ctx, to, p.store); err != nil {
		return collector.Result{}, err
	}
	return p.store.QueryRange(ctx, expr, w)
}
