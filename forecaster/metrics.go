package forecaster

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	steps, stepFailures              prometheus.Counter
	stepSeconds                      prometheus.Histogram
	forecasts, forecastFailures      *prometheus.CounterVec
	raised, suppressed, withheld     *prometheus.CounterVec
	outcomes                         *prometheus.CounterVec
	trainings, trainFailures, champs *prometheus.CounterVec
	trainSeconds                     prometheus.Histogram
	decays                           *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, f *Forecaster) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "driftcast_forecaster_" + name, Help: help})
	}
	byTarget := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "driftcast_forecaster_" + name, Help: help}, []string{"target"})
	}
	m := &metrics{
		steps:        counter("steps_total", "Steps of the loop."),
		stepFailures: counter("step_failures_total", "Steps of which a part failed."),
		stepSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "driftcast_forecaster_step_seconds",
			Help: "Real time of a step.", Buckets: prometheus.ExponentialBuckets(0.01, 2.5, 10)}),
		forecasts:        byTarget("forecasts_total", "Forecasts issued."),
		forecastFailures: byTarget("forecast_failures_total", "Steps in which a target could not be forecast."),
		raised:           byTarget("warnings_raised_total", "Warnings raised."),
		suppressed:       byTarget("warnings_suppressed_total", "Risks over the threshold, by step, that the budget kept back."),
		withheld:         byTarget("warnings_withheld_total", "Risks over the threshold, by step, that no fresh sample stood behind."),
		outcomes:         byTarget("outcomes_total", "Issued forecasts that matured."),
		trainings:        byTarget("trainings_total", "Training runs."),
		trainFailures:    byTarget("training_failures_total", "Training runs that failed."),
		champs:           byTarget("promotions_total", "Challengers that became champion."),
		trainSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "driftcast_forecaster_training_seconds",
			Help: "Real time of a training run.", Buckets: prometheus.ExponentialBuckets(0.1, 3, 10)}),
		decays: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "driftcast_forecaster_decays_total",
			Help: "Signs of decay that asked for a training."}, []string{"target", "kind"}),
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.steps, m.stepFailures, m.stepSeconds, m.forecasts, m.forecastFailures, m.raised, m.suppressed,
		m.withheld, m.outcomes, m.trainings, m.trainFailures, m.champs, m.trainSeconds, m.decays, series{f}, shiftSeries{f}} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) timeStep() func() {
	began := time.Now() // cost is real time, whatever clock is forecast by
	return func() { m.stepSeconds.Observe(time.Since(began).Seconds()) }
}

func (m *metrics) step(err error) {
	m.steps.Inc()
	if err != nil {
		m.stepFailures.Inc()
	}
}

func (m *metrics) forecast(target string, made int, err error) {
	m.forecasts.WithLabelValues(target).Add(float64(made))
	failures := m.forecastFailures.WithLabelValues(target)
	if err != nil {
		failures.Inc()
	}
}

func (m *metrics) warned(target string, raised, suppressed, withheld int) {
	m.raised.WithLabelValues(target).Add(float64(raised))
	m.suppressed.WithLabelValues(target).Add(float64(suppressed))
	m.withheld.WithLabelValues(target).Add(float64(withheld))
}

func (m *metrics) matured(target string, n int) { m.outcomes.WithLabelValues(target).Add(float64(n)) }

func (m *metrics) trained(r Run, took time.Duration) {
	m.trainings.WithLabelValues(r.Target).Inc()
	failures, promoted := m.trainFailures.WithLabelValues(r.Target), m.champs.WithLabelValues(r.Target)
	switch r.State {
	case RunFailed:
		failures.Inc()
	case RunPromoted:
		promoted.Inc()
	}
	m.trainSeconds.Observe(took.Seconds())
}

// series are the forecasts of the last step as Prometheus series, so that rules
// and dashboards can be built on them.
type series struct{ f *Forecaster }

var (
	riskDesc = prometheus.NewDesc("driftcast_risk_ratio", "Probability that the bound is crossed, or the event begins, within the horizon.",
		[]string{"target", "kind", "namespace", "subject", "horizon"}, nil)
	quantileDesc = prometheus.NewDesc("driftcast_forecast_quantile", "Quantile of a level at the horizon, in the level's own unit.",
		[]string{"target", "kind", "namespace", "subject", "horizon", "quantile"}, nil)
	droppedDesc = prometheus.NewDesc("driftcast_forecast_series_dropped", "Forecast series that are not exported because there are too many.", nil, nil)
	activeDesc  = prometheus.NewDesc("driftcast_warnings_active", "Warnings that are not resolved.", []string{"target"}, nil)
)

// Describe implements prometheus.Collector.
func (series) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{riskDesc, quantileDesc, droppedDesc, activeDesc} {
		ch <- d
	}
	for _, c := range scoreDescs {
		ch <- c.desc
	}
}

// Collect implements prometheus.Collector.
func (s series) Collect(ch chan<- prometheus.Metric) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	left, dropped := s.f.o.Series, 0
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		if left--; left < 0 {
			dropped++
			return
		}
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for i := range s.f.targets {
		name := s.f.targets[i].Name
		state := s.f.states[name]
		ch <- prometheus.MustNewConstMetric(activeDesc, prometheus.GaugeValue, float64(state.status.Warnings), name)
		state.score(ch, name)
		for _, a := range state.forecasts {
			if a.forecast == nil {
				continue
			}
			sub := a.subject
			for _, r := range a.forecast.Risks {
				put(riskDesc, r.Probability, name, sub.Kind, sub.Namespace, sub.Name, short(r.Horizon))
			}
			for _, q := range a.quantiles {
				put(quantileDesc, q.value, name, sub.Kind, sub.Namespace, sub.Name, short(q.horizon), strconv.FormatFloat(q.level, 'g', -1, 64))
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(droppedDesc, prometheus.GaugeValue, float64(dropped))
}
