package collector_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// FuzzCSV wants no panic on anything, and of what is read that it can be asked
// for again: names that PromQL takes, times that ascend.
func FuzzCSV(f *testing.F) {
	f.Add([]byte(queues), true)
	f.Add([]byte("timestamp,queue,x\n60,a,1\n60,a,1\n120,\"b\nc\",NaN\n"), false)
	f.Add([]byte("timestamp,queue\n"), false)
	f.Add([]byte("timestamp,queue,1 x,__name__,é\n1e3,a,,2,3\n"), true)
	f.Add([]byte("\x1f\x8b\x08\x00"), false)
	f.Fuzz(func(t *testing.T, file []byte, keepFirst bool) {
		m, report, err := collector.LoadCSV(t.Context(), bytes.NewReader(file), collector.ImportOptions{
			Name: "f.csv", LabelColumns: []string{"queue"}, KeepFirst: keepFirst, Interval: time.Second,
		})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.csv") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		total := 0
		for _, signal := range report.Signals {
			if _, err := collector.ParseExpr(signal); err != nil || !collector.ValidName(signal) {
				t.Errorf("signal %q: %v", signal, err)
			}
			got, err := m.Select(t.Context(), signal, ever)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range got {
				total += len(s.Times)
				if !slices.IsSorted(s.Times) || len(s.Times) != len(s.Values) {
					t.Errorf("%s %v: times %v", signal, s.Labels, s.Times)
				}
			}
		}
		if total != report.Samples {
			t.Errorf("%d samples, reported %d", total, report.Samples)
		}
	})
}

// FuzzOpenMetrics wants an import or an error that names the file, no panic.
func FuzzOpenMetrics(f *testing.F) {
	f.Add([]byte("# TYPE up gauge\nup{job=\"a\"} 1 1588291200\n# EOF\n"))
	f.Add([]byte("a 1 1\na 1 1\nb{x=\"\\n\"} NaN 1.5\n"))
	f.Add([]byte("# HELP\n"))
	h := openHistory(f, collector.HistoryOptions{})
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := collector.ImportOpenMetrics(t.Context(), h, bytes.NewReader(file), collector.ImportOptions{Name: "f.om", Signals: []string{"none"}})
		if err != nil && !strings.HasPrefix(err.Error(), "f.om") {
			t.Errorf("error %q does not name the file", err)
		}
	})
}
