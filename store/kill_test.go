package store_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/driftcast/driftcast/store"
)

// recordInto, where it is set, makes the test binary record corrections into
// that file until it is killed, printing each seq once it is acknowledged.
const recordInto = "DRIFTCAST_TEST_RECORD_INTO"

func TestMain(m *testing.M) {
	if path := os.Getenv(recordInto); path != "" {
		fmt.Fprintln(os.Stderr, record(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func record(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	for {
		e, err := s.Record(ctx, "child", "propose", cordon(fmt.Sprintf("%d-%d", os.Getpid(), rand.Int()), ""))
		if err != nil {
			return err
		}
		fmt.Println(e.Seq)
	}
}

// TestKilledWhileRecordingLosesNothing kills a process that records, at random
// moments, again and again.
func TestKilledWhileRecordingLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a few seconds")
	}
	path := filepath.Join(t.TempDir(), "driftcast.db")
	acknowledged := int64(0)
	for round := range 12 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), recordInto+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if round > 0 { // the first child may die in the migration too
			if !lines.Scan() {
				t.Fatal("the child recorded nothing")
			}
			acknowledged = seq(t, lines.Text())
		}
		time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { _ = child.Process.Kill() })
		for lines.Scan() {
			acknowledged = seq(t, lines.Text())
		}
		_ = child.Wait() // it was killed

		s, err := store.Open(t.Context(), store.Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		rows, err := s.VerifyAudit(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if rows < acknowledged || rows > acknowledged+1 { // the last one may not have been printed any more
			t.Fatalf("round %d: %d rows, %d were acknowledged", round, rows, acknowledged)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged == 0 {
		t.Error("nothing was ever recorded")
	}
	t.Logf("%d rows acknowledged, none lost", acknowledged)
}

func seq(t *testing.T, line string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
