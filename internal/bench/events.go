package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// eventSet is one event of a recording with the protocol that it is scored by.
type eventSet struct {
	name, set  string
	labels     []string
	kind       string
	interval   time.Duration
	event      func(v []float64) float64 // of the values of columns at a step: 1, 0 or NaN
	columns    []string                  // what event looks at
	covariates []string                  // further signals; nil: none
	median     bool                      // give event each value over the subject's median
	hold       time.Duration
	horizons   []time.Duration
	every      time.Duration
	testShare  float64 // of the time, at the end
	bySubject  bool    // test on a third of the subjects, which models have not seen
	align      bool
	alerts     string // a kind in events.csv.gz that is the event instead
	delay      bool   // faults were injected: how late is it seen, not how early
}

// eventSets is the table of BENCHMARKS.md.
func eventSets() []eventSet {
	day := 24 * time.Hour
	positive := func(v []float64) float64 {
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		return indicator(sum, sum > 0)
	}
	machine := func(n int) []string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("m%02d", i))
		}
		return names
	}
	hbd := eventSet{
		set: "infinitehbd", labels: []string{"node"}, kind: "node", interval: time.Hour, event: positive,
		horizons: []time.Duration{7 * day}, every: day, testShare: 0.35,
	}
	hardware, gpu := hbd, hbd
	hbd.name, hbd.columns = "any fault", []string{"fault_gpu", "fault_hardware", "fault_other"}
	hardware.name, hardware.columns, hardware.covariates = "hardware fault", []string{"fault_gpu", "fault_hardware"}, []string{"fault_other"}
	gpu.name, gpu.columns, gpu.covariates = "GPU fault", []string{"fault_gpu"}, []string{"fault_hardware", "fault_other"}
	sets := []eventSet{
		hbd, hardware, gpu,
		{
			name: "queue onset", set: "helios-earth", labels: []string{"queue"}, kind: "queue", interval: time.Minute, event: positive,
			columns: []string{"gpu_pending"}, covariates: []string{"gpu_allocation_ratio", "gpu_jobs_running"},
			hold: 10 * time.Minute, horizons: []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}, every: 15 * time.Minute, testShare: 0.33,
		},
		{
			name: "anomaly", set: "smd", labels: []string{"machine"}, kind: "node", interval: time.Minute, event: positive,
			columns: []string{"anomaly"}, covariates: machine(38), horizons: []time.Duration{10 * time.Minute}, every: 5 * time.Minute, bySubject: true,
		},
		{
			name: "anomaly", set: "asd", labels: []string{"machine"}, kind: "node", interval: 5 * time.Minute, event: positive,
			columns: []string{"anomaly"}, covariates: machine(19), horizons: []time.Duration{30 * time.Minute}, every: 15 * time.Minute, bySubject: true,
		},
		{
			name: "P95 over 2× its median", set: "nezha", labels: []string{"application", "pod"}, kind: "workload", interval: time.Minute,
			event:   func(v []float64) float64 { return indicator(v[0], v[0] > 2) },
			columns: []string{"pod_server_latency_p95_s"}, covariates: []string{"cpu_usage_m", "pod_workload_ops"}, median: true,
			horizons: []time.Duration{10 * time.Minute}, every: 3 * time.Minute, testShare: 0.33, align: true, delay: true,
		},
	}
	for _, kind := range []string{"Garbage Collection Activity High", "Abnormal termination", "QOTD calls slower than normal"} {
		sets = append(sets, eventSet{
			name: kind, set: "bizitobs-app", labels: []string{"service"}, kind: "service", interval: 10 * time.Second, alerts: kind,
			columns: []string{"app_calls_sum"}, covariates: []string{"app_latency_mean_milliseconds", "app_erroneous_calls_sum"},
			horizons: []time.Duration{10 * time.Minute}, every: time.Minute, testShare: 0.33,
		})
	}
	return sets
}

func indicator(known float64, yes bool) float64 {
	switch {
	case known != known:
		return math.NaN()
	case yes:
		return 1
	}
	return 0
}

// events prints the tables of events.
func (b *bench) events(ctx context.Context, sets []string) error {
	for _, s := range eventSets() {
		if !chosen(sets, s.set) {
			continue
		}
		began := time.Now()
		t, p, err := b.eventPanel(ctx, s)
		if err != nil {
			return fmt.Errorf("%s %s: %w", s.set, s.name, err)
		}
		o := models.EventProtocol{Every: s.every, Seed: b.seed}
		if s.testShare > 0 {
			o.TestFrom = p.Time(p.Len - int(s.testShare*float64(p.Len)))
		}
		if s.bySubject {
			o.TestSubjects = aThird
		}
		for _, name := range b.models {
			m, err := models.ByName(t, name)
			if err != nil {
				return err
			}
			o.Models = append(o.Models, m)
		}
		if b.export != nil {
			o.Export = func(r models.EventRow) error {
				r.Target = s.set + " " + s.name
				return b.export.Event(r)
			}
		}
		report, err := models.BacktestEvent(ctx, p, t, o)
		if err != nil {
			fmt.Printf("\n%s %s: %v\n", s.set, s.name, err)
			continue
		}
		fmt.Printf("\n%s: %s: %d subjects, %d tested rows from %s, fitted on %d rows", s.set, s.name, report.Subjects, report.Rows,
			report.From.UTC().Format(time.RFC3339), report.Fitted)
		if s.delay {
			fmt.Print("; faults were injected: leads are how long before the threshold, not before the fault")
		}
		fmt.Println()
		if err := report.Print(os.Stdout); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s %s: %.1fs\n", s.set, s.name, time.Since(began).Seconds())
	}
	return nil
}

// aThird is true for about a third of subjects, by their names.
func aThird(s collector.Subject) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.String())) // a hash takes any bytes
	return h.Sum32()%3 == 0
}

// eventPanel makes the event's 0 and 1 out of the columns that it looks at.
func (b *bench) eventPanel(ctx context.Context, s eventSet) (*features.Target, *features.Panel, error) {
	memory, err := load(ctx, b.data, s.set, s.labels, s.interval)
	if err != nil {
		return nil, nil, err
	}
	t := &features.Target{
		Name: s.columns[0], Event: s.columns[0] + " > 0", Interval: s.interval, For: s.hold, Horizons: s.horizons, Signals: slices.Concat(s.columns[1:], s.covariates),
	}
	t.Subject.Kind, t.Subject.Labels = s.kind, s.labels
	p, err := panel(ctx, memory, t)
	if err != nil {
		return nil, nil, err
	}
	if s.align {
		p = align(p, int(24*time.Hour/s.interval))
	}
	if s.alerts != "" {
		// The first column stays as a covariate of what its alerts say.
		t.Signals = append([]string{s.columns[0]}, t.Signals...)
		p.Signals = append([]string{"alert"}, p.Signals...)
		own, err := alerts(filepath.Join(b.data, s.set, "events.csv.gz"), s.alerts, p)
		if err != nil {
			return nil, nil, err
		}
		p.Values = append([][]float64{own}, p.Values...)
	} else {
		s.mark(p)
	}
	t.Name = "event"
	p.Signals[0] = t.Name
	if b.dev && !s.bySubject {
		p = early(p)
	}
	return t, p, nil
}

// mark overwrites a panel's first signal by the event.
func (s eventSet) mark(p *features.Panel) {
	values := make([]float64, len(s.columns))
	for i := range p.Subjects {
		own := slices.Clone(p.Series(0, i))
		scale := 1.0
		if s.median {
			scale = median(own)
		}
		for at := range own {
			for k := range values {
				values[k] = p.Series(k, i)[at] / scale
			}
			own[at] = s.event(values)
		}
		p.Values[i] = own
	}
}

func median(x []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	return known[len(known)/2]
}
