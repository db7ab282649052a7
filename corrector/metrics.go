package corrector

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	actions  *prometheus.CounterVec
	refusals *prometheus.CounterVec
	outcomes *prometheus.CounterVec
	breaker  *prometheus.GaugeVec
	inForce  *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer, killed func() bool) (*metrics, error) {
	m := &metrics{
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "driftcast_correction_actions_total",
			Help: "Entries written to the audit trail, by policy and action.",
		}, []string{"policy", "action"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "driftcast_correction_refusals_total",
			Help: "Refusals by a guard, repeated ones included, by policy and guard.",
		}, []string{"policy", "guard"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "driftcast_correction_outcomes_total",
			Help: "Outcomes judged once the horizon had passed, by policy, group (acted, control, left) and verdict.",
		}, []string{"policy", "group", "verdict"}),
		breaker: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "driftcast_correction_breaker_state",
			Help: "How the breaker of a policy stood when it was last asked: 0 closed, 1 paced, 2 half open, 3 tripped.",
		}, []string{"policy"}),
		inForce: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "driftcast_corrections_in_force",
			Help: "Corrections that act on their object, or hold it, by policy.",
		}, []string{"policy"}),
	}
	if r == nil {
		return m, nil
	}
	kill := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "driftcast_corrections_killed",
		Help: "1 while the kill switch forbids corrections.",
	}, func() float64 {
		if killed() {
			return 1
		}
		return 0
	})
	for _, collector := range []prometheus.Collector{m.actions, m.refusals, m.outcomes, m.breaker, m.inForce, kill} {
		if err := r.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics of the corrector: %w", err)
		}
	}
	return m, nil
}
