package collector_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

func batches(t *testing.T, dir, kind string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "archive", kind+"-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestBackfillIsMergedAndExpires(t *testing.T) {
	dir := t.TempDir()
	h := openHistory(t, collector.HistoryOptions{Path: dir, Retention: 48 * time.Hour})
	const n = 40
	for i := range n {
		if _, err := h.Append(t.Context(), fmt.Sprintf("signal_%d", i), []collector.Series{ramp(epoch, time.Minute, 1440, node("a"))}); err != nil {
			t.Fatal(err)
		}
	}
	if got := batches(t, dir, "backfill"); got == 0 || got > 16 {
		t.Errorf("%d batches lie side by side, want a few", got)
	}
	for i := range n {
		if got := len(samples(t, h, fmt.Sprintf("signal_%d", i)).Times); got != 1440 {
			t.Errorf("signal_%d has %d samples, want 1440", i, got)
		}
	}
	bulk, err := h.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	if err := bulk.Append(t.Context(), "old", []collector.Series{ramp(epoch.AddDate(-5, 0, 0), time.Minute, 100)}); err != nil {
		t.Fatal(err)
	}
	if _, err := bulk.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		at   time.Duration
		kept bool
	}{{70 * time.Hour, true}, {73 * time.Hour, false}} {
		if _, err := h.Append(t.Context(), "live", []collector.Series{ramp(epoch.Add(tc.at), time.Minute, 1)}); err != nil {
			t.Fatal(err)
		}
		if got := batches(t, dir, "backfill") > 0; got != tc.kept {
			t.Errorf("%s on, backfill of a day is kept: %v, want %v", tc.at, got, tc.kept)
		}
	}
	if got := len(samples(t, h, "old").Times); got != 100 {
		t.Errorf("%d imported samples, want all 100 whatever their age", got)
	}
	if got := len(samples(t, h, "signal_0").Times); got != 0 {
		t.Errorf("%d samples beyond the retention", got)
	}
}
