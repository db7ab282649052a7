package collector_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// TestKilledWriter kills a process that appends and imports, again and again.
// Each time History opens and holds all that was acknowledged.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("DRIFTCAST_TEST_WRITER"); dir != "" {
		writeForever(dir)
		return
	}
	dir := t.TempDir()
	acknowledged, imports := 0, 0
	for round := range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "DRIFTCAST_TEST_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.AfterFunc(150*time.Millisecond+time.Duration(round)*70*time.Millisecond, func() { _ = cmd.Process.Kill() })
		defer deadline.Stop()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var n int
			if _, err := fmt.Sscanf(lines.Text(), "appended %d", &n); err == nil {
				acknowledged = n
			} else if _, err := fmt.Sscanf(lines.Text(), "imported %d", &n); err == nil {
				imports = n
			} else {
				t.Errorf("writer says %q", lines.Text())
			}
		}
		_ = cmd.Wait() // it was killed
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Errorf("round %d: writer ended by itself: %v", round, cmd.ProcessState)
		}
		h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if got := len(samples(t, h, "live").Times); got < acknowledged {
			t.Errorf("round %d: %d samples, %d were acknowledged", round, got, acknowledged)
		}
		if got := len(samples(t, h, "old").Times); got < imports*5000 || got%5000 != 0 {
			t.Errorf("round %d: %d imported samples, want whole imports of 5000, at least %d", round, got, imports)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "archive", "*.staging")); len(left) > 0 {
			for _, l := range left {
				if info, err := os.Stat(l); err == nil && time.Since(info.ModTime()) > time.Minute {
					t.Errorf("round %d: left behind %s", round, l)
				}
			}
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged == 0 || imports == 0 {
		t.Errorf("%d appends and %d imports acknowledged: the writer did nothing", acknowledged, imports)
	}
}

func samples(t *testing.T, h *collector.History, signal string) collector.Series {
	t.Helper()
	got, err := h.Select(t.Context(), signal, ever)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 {
		return collector.Series{}
	}
	return got[0]
}

// writeForever goes on from what History holds, acknowledging each step on
// stdout, until it is killed.
func writeForever(dir string) {
	ctx := context.Background()
	fail := func(err error) {
		fmt.Println(err)
		os.Exit(1)
	}
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
	if err != nil {
		fail(err)
	}
	count := func(signal string) int {
		got, err := h.Select(ctx, signal, ever)
		if err != nil {
			fail(err)
		}
		if len(got) == 0 {
			return 0
		}
		return len(got[0].Times)
	}
	live, old := count("live"), count("old")/5000
	for {
		for range 20 {
			if _, err := h.Append(ctx, "live", []collector.Series{ramp(epoch.Add(time.Duration(live)*15*time.Second), time.Second, 1)}); err != nil {
				fail(err)
			}
			live++
			fmt.Println("appended", live)
		}
		var csv strings.Builder
		csv.WriteString("timestamp,old\n")
		for i := range 5000 {
			fmt.Fprintf(&csv, "%d,%d\n", 1500000000+(old*5000+i)*60, i)
		}
		if _, err := collector.ImportCSV(ctx, h, strings.NewReader(csv.String()), collector.ImportOptions{Name: "old.csv"}); err != nil {
			fail(err)
		}
		old++
		fmt.Println("imported", old)
	}
}
