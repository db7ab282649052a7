package models

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

// Breach is a level model whose risk of breaking the target's objective comes
// either from its own quantiles or from a Hazard that was fitted on the breaches
// themselves, whichever has the lower Brier score over all horizons: the hazard
// judged on blocks of time that it has not seen, the quantiles on the rows that
// they were calibrated on, so that a tie goes to the quantiles. While the
// objective is broken the quantiles speak, since the hazard knows beginnings
// only. A target without an objective has the level model as it is.
type Breach struct{ Level Model }

const kindBreach = "breach"

// Name implements Model: that of the level model.
func (m Breach) Name() string { return m.Level.Name() }

// Fit implements Model.
func (m Breach) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	fitted, err := m.Level.Fit(ctx, f, o)
	if err != nil || f.Target.Objective == nil {
		return fitted, err
	}
	direct, loss, err := fitDirect(ctx, f, o)
	switch {
	case errors.Is(err, ErrTooFewRows):
		return fitted, nil // too few breaches to learn from
	case err != nil:
		return nil, fmt.Errorf("fit the breaches: %w", err)
	}
	own, err := pathLoss(ctx, fitted, f, len(direct.calibrate))
	if err != nil {
		return nil, err
	}
	if !(loss < own) {
		return fitted, nil
	}
	return &breachFitted{Fitted: fitted, direct: direct}, nil
}

// fitDirect returns a hazard of the breaches and its mean Brier score on rows
// that it has not seen.
func fitDirect(ctx context.Context, f *features.Frame, o FitOptions) (direct *eventFitted, loss float64, err error) {
	o.Progress = nil
	var cross crossFitted
	var data eventData
	direct, err = fitEvent(ctx, Hazard{}.Name(), true, f, o, func(ctx context.Context, d eventData) (c crossFitted, err error) {
		cross, err = fitHazard(ctx, d, o)
		data = d
		return cross, err
	})
	if err != nil {
		return nil, 0, err
	}
	scores, err := cross.strange(ctx, data)
	if err != nil {
		return nil, 0, err
	}
	var all brierSum
	for h := range data.horizons {
		for i := range data.rows {
			if s := scores[h*len(data.rows)+i]; !math.IsNaN(s) {
				all.add(direct.calibrate[h].apply(s), data.label(i, h))
			}
		}
	}
	return direct, all.mean(), nil
}

// pathLoss is the mean Brier score of what a level model says itself of the
// first so many horizons.
func pathLoss(ctx context.Context, fitted Fitted, f *features.Frame, horizons int) (float64, error) {
	var out Forecast
	var all brierSum
	for row := range f.Rows {
		if row%256 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if fitted.Predict(f, row, &out) != nil {
			continue
		}
		for h, r := range out.Risks[:horizons] {
			all.add(r.Probability, f.Label(row, h))
		}
	}
	return all.mean(), nil
}

// brierSum gathers a Brier score.
type brierSum struct{ sum, n float64 }

func (b *brierSum) add(p, y float64) {
	if d := p - y; d == d {
		b.sum += d * d
		b.n++
	}
}

func (b *brierSum) mean() float64 { return b.sum / b.n }

// breachFitted is a level model with the risks of a hazard.
type breachFitted struct {
	Fitted // the level
	direct *eventFitted
}

// Predict implements Fitted.
func (m *breachFitted) Predict(f *features.Frame, row int, out *Forecast) error {
	if err := m.Fitted.Predict(f, row, out); err != nil {
		return err
	}
	if past := f.Past(row); f.Target.Objective == nil || f.Target.Objective.Breached(past[len(past)-1]) {
		return nil
	}
	if err := m.direct.check(f); err != nil {
		return err
	}
	out.Risks = m.direct.risks(f, row, out.Risks[:0])
	return nil
}

// Explain implements Explainer: drivers of the level.
func (m *breachFitted) Explain(f *features.Frame, row int, dst []Driver) []Driver {
	if e, ok := m.Fitted.(Explainer); ok {
		return e.Explain(f, row, dst)
	}
	return dst
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (m *breachFitted) MarshalBinary() ([]byte, error) {
	level, err := m.Fitted.MarshalBinary()
	if err != nil {
		return nil, err
	}
	direct, err := m.direct.MarshalBinary()
	if err != nil {
		return nil, err
	}
	var p packer
	p.text(string(level))
	p.text(string(direct))
	return seal(kindBreach, p.bytes)
}

func decodeBreach(payload []byte) (Fitted, error) {
	u := &unpacker{rest: payload}
	levelBytes, directBytes := u.text(), u.text()
	if err := u.done(); err != nil {
		return nil, err
	}
	level, err := unmarshalInner(levelBytes)
	if err != nil {
		return nil, err
	}
	inner, err := unmarshalInner(directBytes)
	if err != nil {
		return nil, err
	}
	direct, ok := inner.(*eventFitted)
	if !ok {
		return nil, fmt.Errorf("%w: its risks are not a hazard's", ErrCorrupt)
	}
	return &breachFitted{Fitted: level, direct: direct}, nil
}

// unmarshalInner reads a model within another, which is not a Breach again.
func unmarshalInner(data string) (Fitted, error) {
	kind, _, err := unseal([]byte(data))
	switch {
	case err != nil:
		return nil, err
	case kind == kindBreach:
		return nil, fmt.Errorf("%w: a breach within a breach", ErrCorrupt)
	}
	return Unmarshal([]byte(data))
}
