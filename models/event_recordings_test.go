package models_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// eventRecording is an event that is read off recorded series.
type eventRecording struct {
	name     string
	set      string
	label    string   // column that names the subject
	columns  []string // read; the first of them makes the event
	event    func(v float64) bool
	interval time.Duration
	hold     time.Duration
	horizons []time.Duration
	every    time.Duration
	since    time.Time // samples before are left out
	testFrom time.Time
	worst    float64 // calibration error
}

const day = 24 * time.Hour

func eventRecordings() []eventRecording {
	above := func(bound float64) func(float64) bool { return func(v float64) bool { return v > bound } }
	june := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	return []eventRecording{
		{name: "infinitehbd/gpu", set: "infinitehbd", label: "node", columns: []string{"fault_gpu", "fault_hardware", "fault_other"},
			event: above(0), interval: time.Hour, horizons: []time.Duration{7 * day}, every: day, testFrom: june, worst: 0.02},
		{name: "infinitehbd/hardware", set: "infinitehbd", label: "node", columns: []string{"fault_hardware", "fault_gpu", "fault_other"},
			event: above(0), interval: time.Hour, horizons: []time.Duration{7 * day}, every: day, testFrom: june, worst: 0.02},
		{name: "helios-earth/queue onset", set: "helios-earth", label: "queue", columns: []string{"gpu_pending", "gpu_allocation_ratio", "gpu_jobs_running"},
			event: above(0), interval: time.Minute, hold: 10 * time.Minute, every: 10 * time.Minute,
			horizons: []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}, worst: 0.08},
		{name: "nezha/slow", set: "nezha", label: "pod", columns: []string{"pod_server_latency_p95_s", "cpu_usage_m", "pod_workload_ops", "memory_usage_mi"},
			interval: time.Minute, every: 2 * time.Minute, horizons: []time.Duration{10 * time.Minute},
			since: time.Date(2023, 1, 29, 0, 0, 0, 0, time.UTC), testFrom: time.Date(2023, 1, 30, 0, 0, 0, 0, time.UTC), worst: 0.1},
	}
}

// readEvents reads a recording onto a grid; an event that is nil begins above
// twice the subject's median.
func readEvents(t testing.TB, r eventRecording) (*features.Panel, *features.Target) {
	t.Helper()
	root := os.Getenv("DRIFTCAST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	path := filepath.Join(root, r.set, "series.csv.gz")
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("no recording %s: set DRIFTCAST_DATA to the folder of the recordings", path)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(zip)
	lines.Scan()
	header := strings.Split(lines.Text(), ",")
	label := slices.Index(header, r.label)
	var columns []int
	for _, name := range r.columns {
		columns = append(columns, slices.Index(header, name))
	}
	type sample struct {
		at     int64
		values []float64
	}
	samples := map[string][]sample{}
	first, last := int64(math.MaxInt64), int64(0)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), ",")
		at, err := strconv.ParseInt(cells[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if at < r.since.Unix() {
			continue
		}
		s := sample{at: at}
		for _, c := range columns {
			v, err := strconv.ParseFloat(cells[c], 64)
			if err != nil {
				v = math.NaN()
			}
			s.values = append(s.values, v)
		}
		name := strings.Clone(cells[label])
		samples[name] = append(samples[name], s)
		first, last = min(first, at), max(last, at)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(samples))
	for name := range samples {
		names = append(names, name)
	}
	slices.Sort(names)
	step := int64(r.interval / time.Second)
	p := &features.Panel{
		Start: time.Unix(first, 0).UTC(), Interval: r.interval, Len: int((last-first)/step) + 1,
		Signals: append([]string{"Event"}, r.columns...), Values: make([][]float64, (len(columns)+1)*len(names)),
	}
	for _, name := range names {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "node", Name: name})
	}
	for s, name := range names {
		for k := range p.Signals {
			v := make([]float64, p.Len)
			for i := range v {
				v[i] = math.NaN()
			}
			p.Values[k*len(names)+s] = v
		}
		for _, x := range samples[name] {
			for k, v := range x.values {
				p.Series(k+1, s)[(x.at-first)/step] = v
			}
		}
		happens := r.event
		if happens == nil {
			bound := 2 * median(p.Series(1, s))
			happens = func(v float64) bool { return v > bound }
		}
		for i, v := range p.Series(1, s) {
			switch {
			case math.IsNaN(v):
			case happens(v):
				p.Series(0, s)[i] = 1
			default:
				p.Series(0, s)[i] = 0
			}
		}
	}
	return p, &features.Target{
		Name: "Event", Event: "event", Subject: collector.SubjectSpec{Kind: "node", Labels: []string{r.label}},
		Interval: r.interval, For: r.hold, Horizons: r.horizons, Signals: r.columns,
	}
}

func median(x []float64) float64 {
	x = slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	if len(x) == 0 {
		return math.NaN()
	}
	slices.Sort(x)
	return x[len(x)/2]
}

// TestEventRecordings prints the table of every recording where
// DRIFTCAST_BENCH is set, else that of one with the quick models.
func TestEventRecordings(t *testing.T) {
	if testing.Short() {
		t.Skip("reads large recordings")
	}
	all := os.Getenv("DRIFTCAST_BENCH") != ""
	for i, r := range eventRecordings() {
		if i > 0 && !all {
			break
		}
		t.Run(r.name, func(t *testing.T) {
			p, target := readEvents(t, r)
			o := models.EventProtocol{Every: r.every, TestFrom: r.testFrom, Seed: 1}
			if !all {
				o.Every, o.Models = 3*r.every, []models.Model{models.Logistic{}}
			}
			begun := time.Now()
			report, err := models.BacktestEvent(context.Background(), p, target, o)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := report.Print(&text); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d subjects, %d tested rows, %d fitted rows, %s\n%s", report.Subjects, report.Rows, report.Fitted, time.Since(begun).Round(time.Millisecond), text.String())
			for _, m := range report.Models {
				for h, s := range m.Horizons {
					if s.CalibrationError > r.worst {
						t.Errorf("%s at %s: calibration error %.3f, want at most %.3f", m.Model, target.Horizons[h], s.CalibrationError, r.worst)
					}
				}
			}
		})
	}
}
