package collector_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// TestReadersBesideAWriter reads a History that another instance holds open and
// writes to.
func TestReadersBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	h := openHistory(t, collector.HistoryOptions{Path: dir})
	appendHour := func(hour int) {
		t.Helper()
		if _, err := h.Append(t.Context(), "power", []collector.Series{ramp(epoch.Add(time.Duration(hour)*time.Hour), time.Minute, 60, node("a"))}); err != nil {
			t.Fatal(err)
		}
	}
	for hour := range 30 {
		appendHour(hour)
	}
	if _, err := collector.OpenHistory(collector.HistoryOptions{Path: dir}); err == nil || !strings.Contains(err.Error(), "another driftcast holds it") {
		t.Errorf("a second writer got %v, want to be told", err)
	}
	reader, err := collector.OpenHistoryReadOnly(collector.HistoryOptions{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	appendHour(30)
	if got := len(samples(t, reader, "power").Times); got != 30*60 {
		t.Errorf("reader sees %d samples, want %d", got, 30*60)
	}
	if _, err := reader.Append(t.Context(), "power", []collector.Series{ramp(epoch, time.Minute, 1)}); !errors.Is(err, collector.ErrReadOnly) {
		t.Errorf("append gave %v", err)
	}
	if last, ok, err := reader.Last(t.Context(), "power"); err != nil || !ok || !last.Equal(epoch.Add(30*time.Hour-time.Minute)) {
		t.Errorf("last is %v %v %v", last, ok, err)
	}
	r, err := reader.Query(t.Context(), "max_over_time(power[30h])", epoch.Add(30*time.Hour-time.Minute))
	if err != nil || len(r.Series) != 1 || r.Series[0].Values[0] != 59 {
		t.Errorf("query gave %v %v", r, err)
	}

	_, err = collector.ImportCSV(t.Context(), reader, strings.NewReader("timestamp,old\n1500000000,7\n"), collector.ImportOptions{Name: "old.csv"})
	if err != nil {
		t.Fatal(err)
	}
	for what, h := range map[string]*collector.History{"writer": h, "reader": reader} {
		if got := samples(t, h, "old"); len(got.Values) != 1 || got.Values[0] != 7 {
			t.Errorf("%s sees %v of an import by the reader, want it all", what, got)
		}
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "readers")); len(left) > 0 {
		t.Errorf("reader left %v", left)
	}
	if got := len(samples(t, h, "power").Times); got != 31*60 {
		t.Errorf("writer sees %d samples, want %d", got, 31*60)
	}
}

func TestReaderOfNothing(t *testing.T) {
	_, err := collector.OpenHistoryReadOnly(collector.HistoryOptions{Path: filepath.Join(t.TempDir(), "none")})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "import something") {
		t.Errorf("got %v", err)
	}
}

// TestDamagedLog cuts the log in its middle: what lies before is kept.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	for hour := range 3 {
		if _, err := h.Append(t.Context(), "power", []collector.Series{ramp(epoch.Add(time.Duration(hour)*20*time.Minute), time.Second, 1200, node("a"))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "wal", "0*"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	log, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		log[len(log)*2/3+i] ^= 0xff
	}
	if err := os.WriteFile(segments[0], log, 0o600); err != nil {
		t.Fatal(err)
	}
	h = openHistory(t, collector.HistoryOptions{Path: dir})
	if got := len(samples(t, h, "power").Times); got == 0 || got >= 3600 {
		t.Errorf("%d samples, want some of 3600", got)
	}
	if _, err := h.Append(t.Context(), "power", []collector.Series{ramp(epoch.Add(2*time.Hour), time.Second, 10, node("a"))}); err != nil {
		t.Error(err)
	}
}

func TestDamagedImportIsNamed(t *testing.T) {
	dir := t.TempDir()
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collector.ImportCSV(t.Context(), h, strings.NewReader("timestamp,old\n1500000000,7\n"), collector.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	indexes, _ := filepath.Glob(filepath.Join(dir, "archive", "import-*", "*", "index"))
	if len(indexes) != 1 {
		t.Fatal(indexes)
	}
	if err := os.Truncate(indexes[0], 10); err != nil {
		t.Fatal(err)
	}
	_, err = collector.OpenHistory(collector.HistoryOptions{Path: dir})
	if err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v, want the folder and the remedy", err)
	}
}
