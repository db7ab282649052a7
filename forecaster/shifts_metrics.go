package forecaster

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/models/shift"
)

// shiftSeries are the regressions and departures that stand, as Prometheus
// series.
type shiftSeries struct{ f *Forecaster }

var (
	regressionDesc = prometheus.NewDesc("driftcast_regression_info",
		"1 for each subject of a regression that stands; onset in Unix seconds; follows is the nearest change before it, empty where none was found.",
		[]string{"target", "kind", "namespace", "subject", "shape", "onset", "follows"}, nil)
	effectDesc = prometheus.NewDesc("driftcast_regression_effect_ratio", "Relative rise of a regression that stands.",
		[]string{"target", "kind", "namespace", "subject", "onset"}, nil)
	driftDesc = prometheus.NewDesc("driftcast_shift_psi", "Population stability index of a signal whose distribution has left its baseline.",
		[]string{"target", "kind", "namespace", "subject"}, nil)
)

// Describe implements prometheus.Collector.
func (shiftSeries) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{regressionDesc, effectDesc, driftDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s shiftSeries) Collect(ch chan<- prometheus.Metric) {
	left := s.f.o.Series
	put := func(d *prometheus.Desc, v float64, target string, sub collector.Subject, more ...string) {
		if left--; left >= 0 {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{target, sub.Kind, sub.Namespace, sub.Name}, more...)...)
		}
	}
	seen := map[string]bool{} // a subject can be in two regressions with one onset only by a slip; a scrape must not fail by it
	for _, r := range s.f.Regressions() {
		if r.State == shift.Gone {
			continue
		}
		onset, follows := strconv.FormatInt(r.Onset.Unix(), 10), ""
		if len(r.Follows) > 0 {
			follows = r.Follows[0].Signal
		}
		for _, sub := range r.Subjects {
			if key := r.Target + onset + sub.String(); !seen[key] {
				seen[key] = true
				put(regressionDesc, 1, r.Target, sub, string(r.Shape), onset, follows)
				put(effectDesc, r.Effect, r.Target, sub, onset)
			}
		}
	}
	for _, d := range s.f.Departures() {
		if d.State != shift.Gone {
			put(driftDesc, d.PSI, d.Target, d.Subject)
		}
	}
}
