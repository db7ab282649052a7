package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

func TestRuns(t *testing.T) {
	s := fresh(t)
	for i := range 3 {
		r := forecaster.Run{ID: fmt.Sprintf("r%d", i), Target: "T", State: forecaster.RunQueued, Started: start.Add(time.Duration(i) * time.Minute)}
		if err := s.PutRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.State, r.Progress, r.Seed = forecaster.RunRunning, 0.5, math.MaxUint64
		if err := s.PutRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Runs(t.Context(), 2)
	if err != nil || len(got) != 2 || got[0].ID != "r2" || got[1].ID != "r1" || got[0].State != forecaster.RunRunning || got[0].Seed != math.MaxUint64 {
		t.Errorf("got %+v, %v; want the newest two as last put", got, err)
	}
	if r, err := s.Run(t.Context(), "r0"); err != nil || r.Progress != 0.5 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := s.Run(t.Context(), "r9"); !errors.Is(err, forecaster.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestWarningsSurviveAsTheyWere(t *testing.T) {
	s := fresh(t)
	one := forecaster.Warning{Target: "T", Subject: collector.Subject{Kind: "node", Name: "a"}, Horizon: time.Hour, Risk: 0.8, Threshold: 0.7,
		Drivers: []models.Driver{{Column: "gap", Value: math.NaN(), Contribution: 2}}, Labels: map[string]string{"severity": "warning"},
		Annotations: map[string]string{"summary": "s"}, Origin: start, StartsAt: start.Add(-time.Hour), Fresh: start}
	two := one
	two.Subject.Name, two.Drivers = "b", nil
	if err := s.PutWarnings(t.Context(), []forecaster.Warning{two, one}); err != nil {
		t.Fatal(err)
	}
	got, err := s.ActiveWarnings(t.Context())
	if diff := cmp.Diff([]forecaster.Warning{one, two}, got, cmpopts.EquateNaNs()); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	one.Resolved = true
	if err := s.PutWarnings(t.Context(), []forecaster.Warning{one}); err != nil {
		t.Fatal(err)
	}
	if got, err = s.ActiveWarnings(t.Context()); err != nil || len(got) != 1 || got[0].Subject.Name != "b" {
		t.Errorf("got %+v, %v; want b alone", got, err)
	}
	for since, want := range map[time.Duration]int{-time.Hour: 2, 0: 0} {
		if n, err := s.RaisedSince(t.Context(), "T", start.Add(since)); err != nil || n != want {
			t.Errorf("since %s: got %d, %v; want %d", since, n, err, want)
		}
	}
}

// TestFullDisk fills the file to its largest size: what does not fit is refused
// with a remedy, what was there stays, and writing goes on once there is room.
func TestFullDisk(t *testing.T) {
	s := fresh(t)
	if _, err := s.Record(t.Context(), "me", "propose", cordon("first", "")); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	big := cordon("big", "")
	big.Plan = strings.Repeat("x", 1<<20)
	if _, err := s.Record(t.Context(), "me", "propose", big); err == nil || !strings.Contains(err.Error(), "full") || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("got %v, want it to say that the disk is full, and what to do", err)
	}
	if n, err := s.VerifyAudit(t.Context()); n != 1 || err != nil {
		t.Errorf("got %d rows, %v; want the first", n, err)
	}
	if _, err := s.Correction(t.Context(), "big"); !errors.Is(err, forecaster.ErrNotFound) {
		t.Errorf("got %v, want nothing of what was refused", err)
	}
	if err := s.Exec(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if e, err := s.Record(t.Context(), "me", "propose", big); err != nil || e.Seq != 2 {
		t.Errorf("got %+v, %v; want row 2", e, err)
	}
}

// TestReadersDoNotWait reads from a second store, as the CLI does, while the
// first is in the middle of a transaction.
func TestReadersDoNotWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "driftcast.db")
	server, cli := open(t, path), open(t, path)
	if _, err := server.Record(t.Context(), "me", "propose", cordon("c1", "")); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "BEGIN IMMEDIATE; DELETE FROM corrections"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := cli.Correction(ctx, "c1"); err != nil {
		t.Errorf("got %v, want what was committed", err)
	}
	if err := server.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

// TestFailedWriteForgetsItsNames fails a batch half way: nothing of it is kept,
// in the file or in memory.
func TestFailedWriteForgetsItsNames(t *testing.T) {
	s := fresh(t)
	bad := level("T", "a", start, 1, 0.1)
	bad.Path = bad.Path[:3]
	if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "b", start, 1, 0.1), bad}); err == nil {
		t.Fatal("got no error")
	}
	if got, _, err := s.Forecasts(t.Context(), forecaster.ForecastQuery{}); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want nothing of a batch that failed", got, err)
	}
	if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "b", start, 1, 0.1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forecast(t.Context(), "T", "service/ml/b"); err != nil {
		t.Error(err)
	}
	if got, err := s.Issued(t.Context(), "T", "service/ml/b", start, 10); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v; want the row that was lost with the batch", got, err)
	}
}
