package collector_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const queues = "timestamp,queue,gpu_allocated,gpu pending\n" +
	"1588291200,a,64,0\n1588291260,a,,1.5\n" +
	"1588291200,b,NaN,9223372036854775792\n" +
	"2020-05-01T00:02:00Z,a,63,+Inf\n1588291320,a,63,+Inf\n"

func gz(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func queue(name string) collector.Labels { return collector.Labels{{Name: "queue", Value: name}} }

func TestImportCSV(t *testing.T) {
	options := collector.ImportOptions{Name: "q.csv", LabelColumns: []string{"queue"}, Interval: time.Minute}
	want := map[string][]collector.Series{
		"gpu_allocated": {
			{Labels: queue("a"), Times: []int64{1588291200000, 1588291320000}, Values: []float64{64, 63}},
			{Labels: queue("b"), Times: []int64{1588291200000}, Values: []float64{math.NaN()}},
		},
		"gpu_pending": {{Labels: queue("a"), Times: []int64{1588291200000, 1588291260000, 1588291320000}, Values: []float64{0, 1.5, math.Inf(1)}}},
	}
	for name, file := range map[string][]byte{
		"plain": []byte(queues), "compressed": gz(t, queues), "with a byte order mark and CRLF": []byte("\xef\xbb\xbf" + strings.ReplaceAll(queues, "\n", "\r\n")),
	} {
		t.Run(name, func(t *testing.T) {
			h := openHistory(t, collector.HistoryOptions{})
			report, err := collector.ImportCSV(t.Context(), h, bytes.NewReader(file), options)
			if err != nil {
				t.Fatal(err)
			}
			wantReport := collector.ImportReport{
				Signals: []string{"gpu_allocated", "gpu_pending"}, Rows: 4, Series: 4, Samples: 6, Missing: 2, Duplicates: 1,
				First: time.Unix(1588291200, 0).UTC(), Last: time.Unix(1588291320, 0).UTC(),
			}
			if diff := cmp.Diff(wantReport, report, cmpopts.IgnoreFields(report, "Took")); diff != "" {
				t.Error(diff)
			}
			memory, _, err := collector.LoadCSV(t.Context(), bytes.NewReader(file), options)
			if err != nil {
				t.Fatal(err)
			}
			for signal, want := range want {
				got, err := h.Select(t.Context(), signal, ever)
				if diff := cmp.Diff(want, got, sameNaN); err != nil || diff != "" {
					t.Error(signal, err, diff)
				}
				got, err = memory.Select(t.Context(), signal, ever)
				if diff := cmp.Diff(want, got, sameNaN); err != nil || diff != "" {
					t.Error("memory", signal, err, diff)
				}
			}
		})
	}
}

func TestImportRefusesBadInputAndChangesNothing(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	if _, err := h.Append(t.Context(), "gpu_allocated", []collector.Series{ramp(epoch, time.Minute, 5)}); err != nil {
		t.Fatal(err)
	}
	before := stored(t, h)
	cut := gz(t, queues+strings.Repeat("1588291380,c,1,2\n", 5))
	for _, tc := range []struct{ name, file, want string }{
		{"nothing", "", "q.csv: file is empty"},
		{"header alone", "timestamp,queue,x\n", "q.csv: no rows"},
		{"no time column", "time,queue,x\n1,a,2\n", `q.csv:1: no column "timestamp": name the time column, there is "time"`},
		{"semicolons", "timestamp;queue;x\n", "separated by commas"},
		{"no label column", "timestamp,x\n1,2\n", `q.csv:1: no label column "queue"`},
		{"no value column", "timestamp,queue\n1,2\n", "no value column"},
		{"a column without a name", "timestamp,queue,\n1,a,2\n", `q.csv:1:17: column "": cannot be a name`},
		{"two columns of one name", "timestamp,queue,x y,x-y\n", `would be called x_y, as column "x y" is`},
		{"ragged row", "timestamp,queue,x\n1,a,2\n2,a\n", "q.csv:3: row does not have the 3 fields"},
		{"open quote", "timestamp,queue,x\n1,\"a,2\n", "q.csv:"},
		{"bad number", "timestamp,queue,x,y\n1588291200,a,2,3\n1588291260,a,2,three\n", `q.csv:3:16: column "y": "three" is not a number`},
		{"bad time", "timestamp,queue,x\nyesterday,a,2\n", `q.csv:2:1: column "timestamp": "yesterday" is not a time`},
		{"milliseconds", "timestamp,queue,x\n1588291200000,a,2\n", "divide by 1000"},
		{"nanoseconds", "timestamp,queue,x\n1588291200000000000,a,2\n", "nanoseconds"},
		{"negative time", "timestamp,queue,x\n-5,a,2\n", "between 1970 and 2100"},
		{"time that is not a number", "timestamp,queue,x\nNaN,a,2\n", "between 1970 and 2100"},
		{"unsorted", "timestamp,queue,x\n120,a,2\n60,b,1\n60,a,2\n", `q.csv:4:1: column "timestamp": time 60 is before that of the row before of queue="a": sort`},
		{"the same time twice", "timestamp,queue,x\n60,a,2\n60,a,3\n", `q.csv:3:6: column "x": value "3" differs`},
		{"cut off gzip", string(cut[:len(cut)-12]), "the file is cut off"},
		{"damaged gzip", string(cut[:30]) + "\xff\xff\xff\xff" + string(cut[34:]), "q.csv: after line"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := collector.ImportCSV(t.Context(), h, strings.NewReader(tc.file),
				collector.ImportOptions{Name: "q.csv", LabelColumns: []string{"queue"}})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if diff := cmp.Diff(before, stored(t, h)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSignalsKnowTheExtentOfAnImport(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	const text = "timestamp,queue,x\n1588291200,a,1\n1588291260,a,2\n1588377600,a,3\n"
	if _, err := collector.ImportCSV(t.Context(), h, strings.NewReader(text), collector.ImportOptions{Name: "q.csv", LabelColumns: []string{"queue"}}); err != nil {
		t.Fatal(err)
	}
	want := []collector.Stored{{Name: "x", Series: 1, First: time.Unix(1588291200, 0).UTC(), Last: time.Unix(1588377600, 0).UTC()}}
	if diff := cmp.Diff(want, stored(t, h)); diff != "" {
		t.Error(diff)
	}
}

func stored(t *testing.T, h *collector.History) []collector.Stored {
	t.Helper()
	all, err := h.Signals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportOpenMetrics(t *testing.T) {
	const text = "# HELP up Whether.\n# TYPE up gauge\nup{job=\"a\"} 1 1588291200\nup{job=\"a\"} 0 1588291260.5\nup{job=\"b\"} 1 1588291200\n" +
		"# TYPE requests counter\nrequests_total{path=\"/a b\"} 3 1588291200\n# EOF\n"
	h := openHistory(t, collector.HistoryOptions{})
	report, err := collector.ImportOpenMetrics(t.Context(), h, bytes.NewReader(gz(t, text)), collector.ImportOptions{Name: "m.om"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"requests_total", "up"}, report.Signals); diff != "" || report.Samples != 4 || report.Series != 3 {
		t.Errorf("%+v %s", report, diff)
	}
	got, err := h.Select(t.Context(), "up", ever)
	want := []collector.Series{
		{Labels: collector.Labels{{Name: "job", Value: "a"}}, Times: []int64{1588291200000, 1588291260500}, Values: []float64{1, 0}},
		{Labels: collector.Labels{{Name: "job", Value: "b"}}, Times: []int64{1588291200000}, Values: []float64{1}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, tc := range []struct{ name, text, want string }{
		{"not OpenMetrics", "up 1 1588291200\nup{ 1\n# EOF\n", "m.om:2: not OpenMetrics"},
		{"no timestamp", "up 1 1588291200\nup{job=\"x\"} 1\n# EOF\n", "m.om:2: sample of up"},
		{"unsorted", "up 1 1588291200\nup 1 1588291100\n# EOF\n", "m.om:2: sample of up is before"},
		{"conflict", "up 1 1588291200\nup 2 1588291200\n# EOF\n", "m.om:2: two samples of up"},
		{"milliseconds", "up 1 1588291200000\n# EOF\n", "m.om:1: sample of up at"},
		{"nothing", "# EOF\n", "m.om: no samples"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := collector.ImportOpenMetrics(t.Context(), h, strings.NewReader(tc.text), collector.ImportOptions{Name: "m.om"})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestImportKeepsRecordingsOfAnyAge imports years that lie far apart, with the
// retention at its default, and appends today's samples on top.
func TestImportKeepsRecordingsOfAnyAge(t *testing.T) {
	dir := t.TempDir()
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{2024, 2017, 2020} {
		start := time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
		bulk, err := h.Bulk()
		if err != nil {
			t.Fatal(err)
		}
		if err := bulk.Append(t.Context(), "power", []collector.Series{ramp(start, time.Hour, 2000, node("a"))}); err != nil {
			t.Fatal(err)
		}
		if n, err := bulk.Commit(t.Context()); err != nil || n != 2000 {
			t.Fatal(n, err)
		}
	}
	for i := range 48 { // today, and two weeks of backfill
		if _, err := h.Append(t.Context(), "power", []collector.Series{ramp(epoch.Add(time.Duration(i)*time.Hour), time.Minute, 60, node("a"))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Append(t.Context(), "other", []collector.Series{ramp(epoch.AddDate(0, 0, -14), time.Minute, 14*1440, node("a"))}); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"before", "after"} {
		got, err := h.Select(t.Context(), "power", ever)
		if err != nil || len(got) != 1 || len(got[0].Times) != 3*2000+48*60 {
			t.Fatalf("%s a restart: %d series, %v", when, len(got), err)
		}
		r, err := h.Query(t.Context(), "count_over_time(power[90d])", time.Date(2017, 5, 29, 0, 0, 0, 0, time.UTC))
		if err != nil || len(r.Series) != 1 || r.Series[0].Values[0] != 2000 {
			t.Fatalf("%s a restart: %v %v", when, r, err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if h, err = collector.OpenHistory(collector.HistoryOptions{Path: dir}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestImportRecordings(t *testing.T) {
	for _, tc := range []struct {
		name   string
		labels []string
		rows   int
	}{
		{"helios-earth", []string{"queue"}, 580320},
		{"infinitehbd", []string{"node"}, 2294400},
		{"bizitobs-app", []string{"service"}, 7934},
		{"nab-known-cause", []string{"series"}, 69561},
		{"philly-nodes", nil, 105644},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if testing.Short() && tc.rows > 100_000 {
				t.Skip("large; not with -short")
			}
			file := recording(t, tc.name)
			h := openHistory(t, collector.HistoryOptions{})
			told := 0
			report, err := collector.ImportCSV(t.Context(), h, file, collector.ImportOptions{
				Name: tc.name, LabelColumns: tc.labels, Interval: time.Minute, KeepFirst: tc.name == "nab-known-cause",
				Progress: func(collector.ImportProgress) { told++ },
			})
			if err != nil {
				t.Fatal(err)
			}
			if report.Rows+report.Duplicates+report.Conflicts != tc.rows || told == 0 {
				t.Errorf("%d rows, %d duplicates, %d conflicts, want %d; told %d times", report.Rows, report.Duplicates, report.Conflicts, tc.rows, told)
			}
			t.Logf("%+v", report)
		})
	}
}

// recording opens a recording below DRIFTCAST_DATA, or skips the test.
func recording(t testing.TB, name string) io.ReadSeeker {
	t.Helper()
	dir := os.Getenv("DRIFTCAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	file, err := os.Open(filepath.Join(dir, name, "series.csv.gz"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no recording %s: set DRIFTCAST_DATA to the folder of the recordings", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}
