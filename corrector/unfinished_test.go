package corrector_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

// TestUnfinished: what takes longer than one call stays approved and goes on with
// the next tick; what is stopped half way can be reverted.
func TestUnfinished(t *testing.T) {
	begin := func(t *testing.T) (*world, forecaster.Correction) {
		w := newWorld(t, corrector.Policy{Mode: corrector.Auto})
		w.risks.risk["gpu-1"] = 0.9
		w.cluster.before = fmt.Errorf("drain: pod chat-0: %w", corrector.ErrUnfinished)
		w.cluster.also = func(_ corrector.Action, p *corrector.Plan) { p.Begun = w.cluster.before != nil }
		cor := w.submit(w.request("gpu-1"))
		for range 3 {
			if w.tick(); w.log.byID[cor.ID].State != forecaster.Approved {
				t.Fatalf("%+v", w.log.byID[cor.ID])
			}
		}
		return w, cor
	}
	t.Run("it goes on", func(t *testing.T) {
		w, cor := begin(t)
		w.cluster.before = nil
		w.tick()
		if got := w.log.byID[cor.ID]; got.State != forecaster.Applied || w.cluster.effects[cor.ID] != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("it ends while it is looked at", func(t *testing.T) {
		w, cor := begin(t)
		looks := 0
		w.cluster.also = func(a corrector.Action, p *corrector.Plan) {
			if looks++; looks == 1 { // the last pod goes right after this look
				p.Begun = true
				w.cluster.byNode["gpu-1"], w.cluster.marks["gpu-1"] = a.ID, a.ID
			}
		}
		w.tick()
		if got := w.log.byID[cor.ID]; got.State != forecaster.Applied || got.Undo == "" {
			t.Fatalf("%+v", got)
		}
		if got, err := w.Revert(context.Background(), cor.ID, "alice", "enough"); err != nil || got.State != forecaster.Reverted || len(w.cluster.byNode) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("stopped half way", func(t *testing.T) {
		w, cor := begin(t)
		w.elsewhere.on = true
		w.tick()
		if got := w.log.byID[cor.ID]; got.State != forecaster.Failed {
			t.Fatalf("%+v", got)
		}
		if got, err := w.Revert(context.Background(), cor.ID, "alice", "enough"); err != nil || got.State != forecaster.Reverted {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
