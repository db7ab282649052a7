package corrector_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

// BenchmarkPropose is one step over the real store with 200 warnings that stay
// blocked, as they do on a bad day once the budget is spent.
func BenchmarkPropose(b *testing.B) {
	db, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	now := func() time.Time { return start }
	c, err := corrector.New(corrector.Options{
		Policies:  []corrector.Policy{{Name: "cordon", Actuator: "cordon", Mode: corrector.Auto}},
		Actuators: map[string]corrector.Actuator{"cordon": newCluster(10000)}, Log: db, Risks: &risks{}, Now: now,
	})
	if err != nil {
		b.Fatal(err)
	}
	var warnings []forecaster.Warning
	for i := range 200 {
		warnings = append(warnings, forecaster.Warning{
			Target: "NodeNotReady", Subject: node(fmt.Sprintf("gpu-%d", i)), Risk: 0.8, Horizon: time.Hour,
			Fresh: start, StartsAt: start, Correction: "cordon",
		})
	}
	if err := c.Propose(b.Context(), warnings); err != nil { // the first takes the budget, the others are recorded once
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.Propose(b.Context(), warnings); err != nil {
			b.Fatal(err)
		}
	}
}
