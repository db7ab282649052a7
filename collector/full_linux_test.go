package collector_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// TestFullDisk fills a small file system. The error says what to do, and once
// there is room again nothing that was acknowledged is missing.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no small file system to fill: mount: %v (needs root)", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir, Reserve: 13 << 20})
	if err != nil {
		t.Fatal(err)
	}
	noisy := func(minute int) []collector.Series {
		s := ramp(epoch.Add(time.Duration(minute)*time.Minute), 10*time.Millisecond, 6000, node("a"))
		for i := range s.Values {
			s.Values[i] = math.Sin(float64(minute*6000 + i))
		}
		return []collector.Series{s}
	}
	acknowledged := 0
	for minute := range 1000 {
		n, failed := h.Append(t.Context(), "power", noisy(minute))
		if err = failed; err != nil {
			break
		}
		acknowledged += n
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(fmt.Sprint(err), "free some space") {
		t.Fatalf("got %v, want no space and the remedy", err)
	}
	var csv strings.Builder
	csv.WriteString("timestamp,old\n")
	for i := range 500_000 {
		fmt.Fprintf(&csv, "%d,%g\n", 1500000000+i, math.Sin(float64(i)))
	}
	_, err = collector.ImportCSV(t.Context(), h, strings.NewReader(csv.String()), collector.ImportOptions{Name: "old.csv"})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(fmt.Sprint(err), "free some space") {
		t.Fatalf("import gave %v, want no space and the remedy", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=256m"); err != nil {
		t.Fatal(err)
	}
	h = openHistory(t, collector.HistoryOptions{Path: dir})
	if got := len(samples(t, h, "power").Times); got < acknowledged {
		t.Errorf("%d samples, %d were acknowledged", got, acknowledged)
	}
	if got := samples(t, h, "old").Times; len(got) > 0 {
		t.Errorf("%d samples of an import that failed", len(got))
	}
	if _, err := collector.ImportCSV(t.Context(), h, strings.NewReader(csv.String()), collector.ImportOptions{Name: "old.csv"}); err != nil {
		t.Error(err)
	}
}
