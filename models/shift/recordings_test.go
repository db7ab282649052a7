package shift_test

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/models/shift"
)

// recording opens a file of a recorded data set, or skips the test.
func recording(t *testing.T, set, file string) io.Reader {
	t.Helper()
	dir := os.Getenv("DRIFTCAST_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, set, file))
	if err != nil {
		t.Skip("the recording is not here; DRIFTCAST_DATA names its folder:", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sessions reads a column onto a grid, a subject for each run of samples without a gap of more
// than an hour.
func sessions(t *testing.T, set string, labels []string, kind, latency, load string, step time.Duration) []shift.Observed {
	t.Helper()
	memory, _, err := collector.LoadCSV(t.Context(), recording(t, set, "series.csv.gz"), collector.ImportOptions{Name: set, LabelColumns: labels, Interval: step, KeepFirst: true})
	if err != nil {
		t.Fatal(err)
	}
	all := collector.Window{Start: time.Unix(0, 0), End: time.Unix(4e9, 0)}
	values := func(signal string) []collector.Series {
		if signal == "" {
			return nil
		}
		s, err := memory.Select(t.Context(), signal, all)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	loads := map[string]map[int64]float64{}
	for _, s := range values(load) {
		at := map[int64]float64{}
		for i, v := range s.Values {
			at[s.Times[i]] = v
		}
		loads[s.Labels.String()] = at
	}
	var out []shift.Observed
	for _, s := range values(latency) {
		for first, i := 0, 1; i <= len(s.Times); i++ {
			if i < len(s.Times) && s.Times[i]-s.Times[i-1] < time.Hour.Milliseconds() {
				continue
			}
			start := time.UnixMilli(s.Times[first]).UTC()
			n := int((s.Times[i-1]-s.Times[first])/step.Milliseconds()) + 1
			grid := shift.Series{Start: start, Step: step, Latency: slices.Repeat([]float64{math.NaN()}, n)}
			if load != "" {
				grid.Load = slices.Clone(grid.Latency)
			}
			for k := first; k < i; k++ {
				at := int((s.Times[k] - s.Times[first]) / step.Milliseconds())
				grid.Latency[at] = s.Values[k]
				if v, ok := loads[s.Labels.String()][s.Times[k]]; ok {
					grid.Load[at] = v
				}
			}
			sub, _ := collector.SubjectSpec{Kind: kind, Labels: labels[len(labels)-1:]}.Subject(s.Labels)
			out = append(out, shift.Observed{Subject: sub, Labels: s.Labels, Series: grid})
			first = i
		}
	}
	return out
}

type fault struct {
	subject, kind string
	at            time.Time
}

// tally is how alarms of one rule came out.
type tally struct {
	found  int
	delays []float64 // minutes
	wrong  int
}

func (y *tally) add(alarms []time.Time, faults []fault) {
	hit := make([]bool, len(faults))
	for _, a := range alarms {
		right := false
		for i, f := range faults {
			if d := a.Sub(f.at); d >= 0 && d <= 10*time.Minute {
				if right = true; !hit[i] {
					hit[i] = true
					y.found++
					y.delays = append(y.delays, d.Minutes())
				}
			}
		}
		if !right {
			y.wrong++
		}
	}
}

// TestNezha counts injected faults with a regression on that pod within ten
// minutes, and regressions outside of them, beside the rule "P95 over twice the
// median of the two hours before". The faults last for three minutes, so the hold
// is three. Run it with -v for the table.
func TestNezha(t *testing.T) {
	if testing.Short() {
		t.Skip("walks over 60 pod-days")
	}
	pods := sessions(t, "nezha", []string{"application", "pod"}, "workload", "pod_server_latency_p95_s", "pod_workload_ops", time.Minute)
	rows, err := csv.NewReader(recording(t, "nezha", "events.csv.gz")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	faults := map[string][]fault{}
	for _, r := range rows[1:] {
		at, err := strconv.ParseInt(r[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		faults[r[2]] = append(faults[r[2]], fault{r[2], r[3], time.Unix(at, 0)})
	}
	for _, half := range []string{"earlier 70 %", "last 30 %"} {
		found := map[string][]time.Time{}
		for _, kind := range []string{"all", "cpu_contention"} {
			rules := map[string]*tally{"regression": {}, "P95 > 2 × median": {}}
			total, podDays := 0, 0.0
			for _, p := range pods {
				n := len(p.Series.Latency)
				from, to := 0, 7*n/10
				if half != "earlier 70 %" {
					from, to = 7*n/10, n
				}
				var own []fault
				for _, f := range faults[p.Subject.Name] {
					if !f.at.Before(p.Series.Time(from)) && f.at.Before(p.Series.Time(to-1)) && (kind == "all" || f.kind == kind) {
						own = append(own, f)
					}
				}
				total, podDays = total+len(own), podDays+float64(to-from)/days
				tracker := &shift.Tracker{Options: shift.Options{Hold: 3 * time.Minute, Baseline: 2 * time.Hour}}
				first := from
				key := p.Subject.Name + p.Series.Start.String()
				alarms, known := found[key]
				if known {
					from = to + 1
				}
				for _, r := range shift.Replay(tracker, []shift.Observed{{Subject: p.Subject, Labels: p.Labels, Series: p.Series.Until(to)}}, nil, max(1, from), 1) {
					if r.State == shift.New {
						alarms = append(alarms, r.Detected)
					}
				}
				found[key] = alarms
				rules["regression"].add(alarms, own)
				rules["P95 > 2 × median"].add(doubled(p.Series, first, to), own)
			}
			for name, y := range rules {
				slices.Sort(y.delays)
				delay := math.NaN()
				if len(y.delays) > 0 {
					delay = y.delays[len(y.delays)/2]
				}
				t.Logf("%-12s %-14s %-16s %d of %d faults, median delay %.1f min, %.2f false a pod-day (%.0f pod-days)", half, kind, name, y.found, total, delay, float64(y.wrong)/podDays, podDays)
			}
			if kind == "all" && rules["regression"].wrong > rules["P95 > 2 × median"].wrong {
				t.Errorf("%s: %d false regressions, more than the %d of a threshold", half, rules["regression"].wrong, rules["P95 > 2 × median"].wrong)
			}
		}
	}
}

// doubled returns when a latency rose over twice the median of the 120 samples before.
func doubled(s shift.Series, from, to int) []time.Time {
	var out []time.Time
	over := false
	for i := from; i < to; i++ {
		past := slices.DeleteFunc(slices.Clone(s.Latency[max(0, i-120):i]), func(v float64) bool { return v != v })
		v := s.Latency[i]
		if len(past) < 30 || v != v {
			continue
		}
		slices.Sort(past)
		is := v > 2*past[len(past)/2]
		if is && !over {
			out = append(out, s.Time(i))
		}
		over = is
	}
	return out
}
