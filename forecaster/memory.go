package forecaster

import (
	"bytes"
	"context"
	"encoding"
	"fmt"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models/shift"
)

// What is remembered of a target between processes, beside its models.
const (
	memoryOnline      = "online intervals"
	memoryRegressions = "regressions"
	memoryDrift       = "drift"
)

// recall reads back what an earlier process learned of a target, once. Bytes
// that cannot be read are told and left: it is learned anew then.
func (f *Forecaster) recall(ctx context.Context, t *features.Target, s *state) error {
	if s.recalled {
		return nil
	}
	w := &shifts{regressions: &shift.Tracker{}, drift: &shift.DriftTracker{}}
	kept := online{}
	for what, into := range map[string]encoding.BinaryUnmarshaler{memoryOnline: kept, memoryRegressions: w.regressions, memoryDrift: w.drift} {
		b, err := f.o.Ledger.Learned(ctx, t.Name, what)
		if err != nil {
			return fmt.Errorf("target %s: what was learned before: %w", t.Name, err)
		}
		if b == nil {
			continue
		}
		if err := into.UnmarshalBinary(b); err != nil {
			f.o.Logger.Warn("what was learned before cannot be read", "component", "forecaster", "target", t.Name, "what", what, "err", err)
			continue
		}
		s.kept[what] = b
	}
	s.recalled, s.online = true, kept
	if t.Regression != nil {
		w.found = w.regressions.Regressions()
	}
	if t.Drift != nil {
		w.departed = w.drift.Departures()
	}
	f.mu.Lock()
	s.shifts = *w
	f.mu.Unlock()
	return nil
}

// keep remembers what a target has learned where it is not what is kept already.
func (f *Forecaster) keep(ctx context.Context, t *features.Target, s *state, what string, learned encoding.BinaryMarshaler) error {
	b, err := learned.MarshalBinary()
	if err == nil && !bytes.Equal(b, s.kept[what]) {
		if err = f.o.Ledger.PutLearned(ctx, t.Name, what, b); err == nil {
			s.kept[what] = b
		}
	}
	if err != nil {
		return fmt.Errorf("target %s: keep %s: %w", t.Name, what, err)
	}
	return nil
}
