package drift

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
)

// sampled is the state of drift that series are made of.
type sampled struct {
	standing   []standing
	unknown    []collector.Subject
	counts     map[Verdict]int
	at         time.Time
	took       time.Duration
	objects    int
	problems   int
	calls      int
	remembered int
}

// standing is how one subject stands in one kind of drift.
type standing struct {
	subject     collector.Subject
	kind        Kind
	drifted     bool
	since       time.Time // of the oldest field that is drifted
	repair      time.Duration
	repaired    bool // repair is known: how long the last one that ended took
	recurrences int
}

// sampled sums the episodes up by subject and kind. A subject that was compared
// has a 0 for each kind that it could have; one that is Unknown has none.
func (d *Detector) sampled(objects []*cluster.Object, report *Report) sampled {
	type place struct {
		subject collector.Subject
		kind    Kind
	}
	s := sampled{counts: map[Verdict]int{Synced: 0, Drifted: 0, Unknown: 0}, at: report.At, took: report.Took, objects: report.Objects,
		problems: len(report.Problems), calls: report.Calls, remembered: len(d.memory.known)}
	unknown, skewUnknown := map[key]bool{}, map[key]bool{}
	for i := range report.Findings {
		f := &report.Findings[i]
		s.counts[f.Verdict]++
		if f.Verdict != Unknown {
			continue
		}
		s.unknown = append(s.unknown, f.Object.Subject())
		if f.Source == SourcePool {
			skewUnknown[keyOf(f.Object)] = true
		} else {
			unknown[keyOf(f.Object)] = true
		}
	}
	places := map[place]*standing{}
	at := func(subject collector.Subject, kind Kind) *standing {
		p := place{subject, kind}
		if places[p] == nil {
			places[p] = &standing{subject: subject, kind: kind}
		}
		return places[p]
	}
	for _, o := range objects {
		if o.Controller != (cluster.Ref{}) {
			continue
		}
		for _, kind := range applicable(o.Kind) {
			blind := unknown[keyOf(o.Ref)] && specKinds(kind)
			if kind == VersionSkew || kind == LabelSkew {
				blind = skewUnknown[keyOf(o.Ref)] || d.opts.Config.Fleet.poolOf(o) == ""
			}
			if !blind {
				at(o.Subject(), kind)
			}
		}
	}
	ends := map[*standing]time.Time{}
	for k, ended := range d.episodes.ended {
		for path, e := range ended {
			if (unknown[k] && specKinds(e.Kind)) || (skewUnknown[k] && !specKinds(e.Kind)) {
				continue
			}
			p := at(e.Subject, e.Kind)
			p.recurrences = max(p.recurrences, len(d.episodes.onsets[k][path]))
			if e.Until.After(ends[p]) {
				ends[p], p.repair, p.repaired = e.Until, e.Until.Sub(e.Since), true
			}
		}
	}
	for k, open := range d.episodes.open {
		for path, e := range open {
			p := at(e.Subject, e.Kind)
			p.recurrences = max(p.recurrences, len(d.episodes.onsets[k][path]))
			if !p.drifted || e.Since.Before(p.since) {
				p.drifted, p.since = true, e.Since
			}
		}
	}
	for _, p := range places {
		s.standing = append(s.standing, *p)
	}
	slices.SortFunc(s.standing, func(a, b standing) int {
		return cmp.Or(cmp.Compare(a.subject.String(), b.subject.String()), cmp.Compare(a.kind, b.kind))
	})
	slices.SortFunc(s.unknown, func(a, b collector.Subject) int { return cmp.Compare(a.String(), b.String()) })
	s.unknown = slices.Compact(s.unknown)
	return s
}

// The names of the series.
const (
	nameDrifted     = "driftcast_drift_drifted"
	nameAge         = "driftcast_drift_age_seconds"
	nameRepair      = "driftcast_drift_repair_seconds"
	nameRecurrences = "driftcast_drift_recurrences"
	nameUnknown     = "driftcast_drift_unknown"
	nameFindings    = "driftcast_drift_findings"
	nameCompared    = "driftcast_drift_compared_timestamp_seconds"
	nameTook        = "driftcast_drift_compare_seconds"
	nameObjects     = "driftcast_drift_objects"
	nameProblems    = "driftcast_drift_problems"
	nameCalls       = "driftcast_drift_api_calls"
)

func helps() map[string]string {
	return map[string]string{
		nameDrifted:     "1 while a field of this kind is not as declared, 0 while all are; absent where that is not known.",
		nameAge:         "Age of the oldest such field, while there is one.",
		nameRepair:      "How long the last drift that ended stood.",
		nameRecurrences: "Onsets within 30 days of the field that drifts most often.",
		nameUnknown:     "1 while the subject could not be compared.",
		nameFindings:    "Objects by verdict.",
		nameCompared:    "When everything was last compared, Unix seconds.",
		nameTook:        "Seconds that the last comparison took.",
		nameObjects:     "Objects looked at.",
		nameProblems:    "Sources and kinds that could not be read.",
		nameCalls:       "Requests to the API server made by the last comparison.",
	}
}

// each visits every sample. Nothing but the time of the last comparison is told
// after an attempt that failed: what stood then is not known to stand now.
func (d *Detector) each(now time.Time, visit func(name string, l collector.Labels, value float64)) {
	d.mu.RLock()
	s, blind := d.state, d.blind
	d.mu.RUnlock()
	if s.at.IsZero() {
		return
	}
	visit(nameCompared, nil, float64(s.at.UnixMilli())/1000)
	if blind {
		return
	}
	for _, p := range s.standing {
		l := labelsOf(p.subject, p.kind)
		value := 0.0
		if p.drifted {
			value = 1
			visit(nameAge, l, max(0, now.Sub(p.since).Seconds()))
		}
		visit(nameDrifted, l, value)
		if p.repaired {
			visit(nameRepair, l, p.repair.Seconds())
		}
		if p.recurrences > 0 {
			visit(nameRecurrences, l, float64(p.recurrences))
		}
	}
	for _, subject := range s.unknown {
		visit(nameUnknown, labelsOf(subject, ""), 1)
	}
	for _, v := range []Verdict{Drifted, Synced, Unknown} {
		visit(nameFindings, collector.Labels{{Name: "verdict", Value: string(v)}}, float64(s.counts[v]))
	}
	visit(nameTook, nil, s.took.Seconds())
	visit(nameObjects, nil, float64(s.objects))
	visit(nameProblems, nil, float64(s.problems))
	visit(nameCalls, nil, float64(s.calls))
}

// labelsOf names a subject as the packs do: node, or namespace and workload.
func labelsOf(s collector.Subject, kind Kind) (l collector.Labels) {
	if kind != "" {
		l = append(l, collector.Label{Name: "kind", Value: string(kind)})
	}
	if s.Namespace != "" {
		l = append(l, collector.Label{Name: "namespace", Value: s.Namespace})
	}
	return append(l, collector.Label{Name: s.Kind, Value: s.Name})
}

// Sample gives the series of drift, one sample each, for History.
func (d *Detector) Sample(now time.Time) map[string][]collector.Series {
	out := map[string][]collector.Series{}
	d.each(now, func(name string, l collector.Labels, value float64) {
		out[name] = append(out[name], collector.Series{Labels: l, Times: []int64{now.UnixMilli()}, Values: []float64{value}})
	})
	return out
}

// Describe implements prometheus.Collector: what it collects follows the cluster.
func (d *Detector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (d *Detector) Collect(metrics chan<- prometheus.Metric) {
	help := helps()
	d.each(d.opts.Now(), func(name string, l collector.Labels, value float64) {
		names, values := make([]string, len(l)), make([]string, len(l))
		for i := range l {
			names[i], values[i] = l[i].Name, l[i].Value
		}
		m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help[name], names, nil), prometheus.GaugeValue, value, values...)
		if err != nil {
			m = prometheus.NewInvalidMetric(prometheus.NewDesc(name, help[name], nil, nil), err)
		}
		metrics <- m
	})
}
