package corrector_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

const crashEnv = "DRIFTCAST_CORRECTOR_CRASH" // the folder that the child works in

func crashArgs() string { return os.Getenv(crashEnv) }

// fileCluster is a cluster whose state outlives the process: a file a node with
// the correction that holds it, and a line in "effects" for each real change.
type fileCluster struct{ dir string }

func (f fileCluster) holder(node string) string {
	text, _ := os.ReadFile(filepath.Join(f.dir, node))
	return string(text)
}

func (f fileCluster) Plan(_ context.Context, a corrector.Action) (corrector.Plan, error) {
	by := f.holder(a.Subject.Name)
	p := corrector.Plan{Text: "cordon", Unchanged: by != "", Lost: a.Undo != "" && by != a.ID}
	if by == a.ID {
		p.Undo = a.ID
	}
	return p, nil
}

func (f fileCluster) Apply(_ context.Context, a corrector.Action) (string, error) {
	if f.holder(a.Subject.Name) == a.ID {
		return a.ID, nil
	}
	// The node first, by an atomic rename; then the count of effects, so that
	// an effect counted twice is one that really happened twice.
	next := filepath.Join(f.dir, a.Subject.Name+".next")
	if err := os.WriteFile(next, []byte(a.ID), 0o600); err != nil {
		return "", err
	}
	if err := os.Rename(next, filepath.Join(f.dir, a.Subject.Name)); err != nil {
		return "", err
	}
	effects, err := os.OpenFile(filepath.Join(f.dir, "effects"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer effects.Close()
	_, err = fmt.Fprintln(effects, a.ID)
	time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond) // a wider gap to be killed in
	return a.ID, err
}

func (f fileCluster) Revert(_ context.Context, a corrector.Action) error {
	if f.holder(a.Subject.Name) != a.ID {
		return nil
	}
	defer time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	return os.Remove(filepath.Join(f.dir, a.Subject.Name))
}

func crashWorld(dir string) (*store.Store, *corrector.Corrector, error) {
	db, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	c, err := corrector.New(corrector.Options{
		Policies: []corrector.Policy{{Name: "p", Actuator: "cordon", Mode: corrector.Auto, CoolDown: 1, CoolDownMax: 1, Budget: corrector.Budget{Concurrent: 3, Percent: 100},
			Breaker: corrector.Breaker{Bad: -1}}},
		Actuators: map[string]corrector.Actuator{"cordon": fileCluster{filepath.Join(dir, "cluster")}}, Log: db,
		Risks: &risks{risk: map[string]float64{"n0": 0.9, "n1": 0.9, "n2": 0.9, "n3": 0.9, "n4": 0.9}, fresh: time.Now},
	})
	return db, c, err
}

// crashChild submits and reverts as fast as it can, and says on stdout what was
// acknowledged. It lives until it is killed.
func crashChild() {
	db, c, err := crashWorld(crashArgs())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(2)
	}
	ctx := context.Background()
	if err := c.Tick(ctx); err != nil { // what the last one left
		fmt.Println("error", err)
		os.Exit(2)
	}
	for {
		cor, err := c.Submit(ctx, corrector.Request{
			Policy: "p", Target: "NodeNotReady", Subject: collector.Subject{Kind: "node", Name: fmt.Sprintf("n%d", rand.IntN(5))},
			Evidence: &corrector.Evidence{Risk: 0.9, Fresh: time.Now()}, Actor: "child",
		})
		if err == nil {
			fmt.Println("ack", cor.ID, cor.State)
		}
		inForce, _, err := db.Corrections(ctx, forecaster.CorrectionQuery{State: forecaster.Applied})
		for _, one := range inForce {
			if err == nil && rand.IntN(2) == 0 {
				if cor, err := c.Revert(ctx, one.ID, "child", ""); err == nil {
					fmt.Println("ack", cor.ID, cor.State)
				}
			}
		}
	}
}

// TestKillNine kills a corrector with SIGKILL at random moments, again and again
// over one store and one cluster. No acknowledged row is lost, the chain of the
// audit trail verifies, no correction acted twice, and after a last turn of Run
// the log and the cluster agree.
func TestKillNine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cluster"), 0o700); err != nil {
		t.Fatal(err)
	}
	acked := map[string]string{}
	for round := 0; round < 12 || len(acked) < 25 && round < 60; round++ { // a slow machine gets more rounds
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashEnv+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(150+rand.IntN(250))*time.Millisecond, func() { _ = child.Process.Signal(syscall.SIGKILL) })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f := strings.Fields(lines.Text())
			switch {
			case len(f) == 3 && f[0] == "ack":
				acked[f[1]] = f[2]
			case f[0] == "error":
				t.Fatal(lines.Text())
			}
		}
		_ = child.Wait() // killed, as it should be
		timer.Stop()
	}

	db, c, err := crashWorld(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	for id, state := range acked {
		kept, err := db.Correction(ctx, id)
		if err != nil {
			t.Errorf("acknowledged as %s and lost: %v", state, err)
		} else if state == string(forecaster.Reverted) && kept.State != forecaster.Reverted {
			t.Errorf("correction %s was acknowledged as %s and is %s", id, state, kept.State)
		}
	}
	if n, err := db.VerifyAudit(ctx); err != nil {
		t.Errorf("the audit trail breaks after %d entries: %v", n, err)
	}
	if err := c.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	effects, err := os.ReadFile(filepath.Join(dir, "cluster", "effects"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, id := range strings.Fields(string(effects)) {
		if count[id]++; count[id] > 1 {
			t.Errorf("correction %s acted %d times", id, count[id])
		}
	}
	if len(count) < 20 {
		t.Errorf("only %d corrections acted: the test proves little", len(count))
	}
	held, inForce := 0, 0
	for i := range 5 {
		id := fileCluster{filepath.Join(dir, "cluster")}.holder(fmt.Sprintf("n%d", i))
		if id == "" {
			continue
		}
		held++
		if kept, err := db.Correction(ctx, id); err != nil || kept.State != forecaster.Applied {
			t.Errorf("n%d is held by %s, which the log calls %s, %v", i, id, kept.State, err)
		}
	}
	for _, state := range []forecaster.CorrectionState{forecaster.Approved, forecaster.Applied} {
		all, _, err := db.Corrections(ctx, forecaster.CorrectionQuery{State: state})
		if err != nil {
			t.Fatal(err)
		}
		if inForce += len(all); state == forecaster.Approved && len(all) > 0 {
			t.Errorf("%d stay approved", len(all))
		}
	}
	if held != inForce || held > 3 {
		t.Errorf("%d nodes are held, the log says %d, the budget 3", held, inForce)
	}
	t.Logf("%d corrections, %d effects, %d held at the end", len(acked), len(count), held)
}
