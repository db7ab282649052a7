//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const queueTargets = `
groups:
- name: queues
  interval: 1m
  targets:
  - target: Pending
    subject: {kind: queue, labels: [queue]}
    level: gpu_pending
    horizons: [15m, 1h]
  - target: Onset
    subject: {kind: queue, labels: [queue]}
    event: gpu_pending > 0
    for: 5m
    horizons: [15m, 1h]
`

// TestKill ends imports and trainings with SIGKILL, again and again: History
// opens, what was imported is there as a whole or not at all, every model that
// serves can be loaded, and the audit trail verifies.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	writeFile(t, filepath.Join(dir, "driftcast.yml"), "target_files: [targets.yml]\n")
	writeFile(t, filepath.Join(dir, "targets.yml"), queueTargets)
	csv := filepath.Join(dir, "series.csv")
	rows := writeQueues(t, csv)
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary(t), append(args, "--storage.path="+data, "--config.file="+filepath.Join(dir, "driftcast.yml"), "--log.level=error")...)
		return cmd
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := run(args...).CombinedOutput()
		if err != nil {
			t.Fatalf("driftcast %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	count := func() int {
		out, err := run("query", "-o", "json", `sum(count_over_time(gpu_pending[30d])) or vector(0)`).Output()
		if err != nil {
			return 0 // nothing imported yet
		}
		var answer []struct{ Values []struct{ Value string } }
		if err := json.Unmarshal(out, &answer); err != nil || len(answer) == 0 {
			t.Fatalf("%v: %s", err, out)
		}
		n := 0
		if _, err := fmt.Sscan(answer[0].Values[0].Value, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	rng := rand.New(rand.NewPCG(1, 2))
	killed := func(limit time.Duration, args ...string) (ended bool) {
		cmd := run(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
			return true
		case <-time.After(time.Duration(rng.Int64N(int64(limit)))):
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-done
			return false
		}
	}

	kills := 0
	for range 12 {
		if !killed(1500*time.Millisecond, "import", "--label", "queue", "--interval", "60s", csv) {
			kills++
		}
		if n := count(); n != 0 && n != rows {
			t.Fatalf("History holds %d samples of gpu_pending, want none or all %d", n, rows)
		}
	}
	must("import", "--label", "queue", "--interval", "60s", csv)
	if n := count(); n != rows {
		t.Fatalf("History holds %d samples of gpu_pending, want %d", n, rows)
	}
	t.Logf("%d imports killed", kills)

	kills = 0
	for range 10 {
		if !killed(6*time.Second, "train") {
			kills++
		}
		var list []struct{ ID string }
		if err := json.Unmarshal([]byte(must("models", "list", "-o", "json")), &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			must("models", "show", m.ID)
		}
		if _, err := os.Stat(filepath.Join(data, "driftcast.db")); err == nil {
			must("audit", "verify")
		}
	}
	t.Logf("%d trainings killed", kills)
	must("train")
}

// writeQueues writes three days of two queues and returns the rows.
func writeQueues(t *testing.T, path string) int {
	t.Helper()
	var text strings.Builder
	text.WriteString("timestamp,queue,gpu_pending\n")
	rng := rand.New(rand.NewPCG(3, 4))
	rows := 0
	for q := range 8 {
		pending := 0
		for i := range 3 * 1440 {
			if rng.Float64() < 0.03 {
				pending = max(0, rng.IntN(12)-7)
			}
			fmt.Fprintf(&text, "%d,q%d,%d\n", 1588291200+60*i, q, pending)
			rows++
		}
	}
	writeFile(t, path, text.String())
	return rows
}
