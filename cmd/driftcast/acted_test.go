package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

// TestDrainingANodeCensorsItsGPUs: what happened to a subject while we acted on
// what it lives on is no truth to learn from.
func TestDrainingANodeCensorsItsGPUs(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	node := collector.Subject{Kind: "node", Name: "n1"}
	for i, c := range []forecaster.Correction{
		{State: forecaster.Reverted, Undo: "x", Applied: at.Add(time.Hour), Ended: at.Add(2 * time.Hour)},
		{State: forecaster.Blocked}, {State: forecaster.Rejected},
		{State: forecaster.Applied, Undo: "x", Applied: at.Add(10 * time.Hour)}, // in place to this day
	} {
		c.ID, c.Subject, c.Proposed, c.Changed = fmt.Sprint(i), node, at, at
		if _, err := s.Record(t.Context(), "x", "x", c); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []collector.Subject{node, {Kind: "gpu", Name: "n1:3"}, {Kind: "gpu", Name: "n2:3"}} {
		for hour, want := range map[int]bool{0: false, 1: true, 2: true, 3: false, 9: false, 10: true, 100: true} {
			from := at.Add(time.Duration(hour)*time.Hour - 30*time.Minute)
			got, err := acted{s}.ActedOn(t.Context(), subject, from, from.Add(40*time.Minute))
			if want = want && subject.Name != "n2:3"; err != nil || got != want {
				t.Errorf("%s at hour %d: %t, %v; want %t", subject, hour, got, err, want)
			}
		}
	}
}
