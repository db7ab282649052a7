package models

import (
	"context"
	"fmt"

	"github.com/driftcast/driftcast/features"
)

// learner makes a base from some labelled rows of a frame, ascending in time
// within each subject. It may read the panel up to the last step that those
// rows have a future for (lastKnown) and nothing after. It returns ErrTooFewRows
// (wrapped) where it cannot learn from so little.
type learner func(ctx context.Context, f *features.Frame, rows []int, o FitOptions) (base, error)

// learned is a level model with a base that learns. Its intervals and risks are
// calibrated on the later rows, forecast by a base that learned from the earlier
// ones; the base that serves has learned from all.
type learned struct {
	kind  string
	learn learner
}

// Name implements Model.
func (m learned) Name() string { return m.kind }

// Fit implements Model.
func (m learned) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	rows := calibrationRows(f)
	early, late := splitByTime(f, rows)
	b, err := m.learn(ctx, f, early, o)
	if err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.kind, err)
	}
	l, err := calibrateLevel(ctx, m.kind, m.kind, b, f, late, o)
	if err != nil {
		return nil, err
	}
	if l.base, err = m.learn(ctx, f, rows, o); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.kind, err)
	}
	return l, nil
}

// lastKnown is the last step of the panel that some rows have a future for.
func lastKnown(f *features.Frame, rows []int) int {
	last := 0
	for _, row := range rows {
		last = max(last, f.Rows[row].Origin)
	}
	if len(f.Leads) > 0 {
		last += f.Leads[len(f.Leads)-1]
	}
	return min(last, f.Panel.Len-1)
}
