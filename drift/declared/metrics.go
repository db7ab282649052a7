package declared

import "github.com/prometheus/client_golang/prometheus"

// metrics tells Status as series, read when they are asked for.
type metrics struct {
	set *Set

	info, polls, failures, checked, documents, objects, problems, revised *prometheus.Desc
}

func newMetrics(s *Set) *metrics {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("driftcast_baseline_"+name, help, append([]string{"baseline"}, more...), nil)
	}
	return &metrics{set: s,
		info:      desc("info", "The revision of the declared state that is in force; always 1.", "kind", "revision"),
		polls:     desc("polls_total", "Looks for a new revision of the declared state."),
		failures:  desc("poll_failures_total", "Looks that failed; the last good revision stayed in force."),
		checked:   desc("checked_timestamp_seconds", "When the declared state was last seen as it is; absent: never."),
		revised:   desc("revision_timestamp_seconds", "When the commit in force was made; absent for directories."),
		documents: desc("documents", "Manifests read of the revision in force."),
		objects:   desc("objects", "Objects that the revision in force declares."),
		problems:  desc("problems", "Documents or files of the revision in force that could not be read: what they declare is unknown.")}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.set.Status() {
		put := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, kind, value, append([]string{s.Name}, labels...)...)
		}
		put(m.polls, prometheus.CounterValue, float64(s.Polls))
		put(m.failures, prometheus.CounterValue, float64(s.Failures))
		if s.Revision.ID == "" {
			continue
		}
		put(m.info, prometheus.GaugeValue, 1, s.Kind, s.Revision.ID)
		put(m.documents, prometheus.GaugeValue, float64(s.Documents))
		put(m.objects, prometheus.GaugeValue, float64(s.Objects))
		put(m.problems, prometheus.GaugeValue, float64(len(s.Problems)))
		if !s.Checked.IsZero() {
			put(m.checked, prometheus.GaugeValue, float64(s.Checked.UnixMilli())/1000)
		}
		if !s.Revision.Time.IsZero() {
			put(m.revised, prometheus.GaugeValue, float64(s.Revision.Time.Unix()))
		}
	}
}
