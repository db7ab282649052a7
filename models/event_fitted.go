package models

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// eventScorer is the fitted part of an event model: it ranks rows. Scores are
// log-odds, before calibration.
type eventScorer interface {
	// score writes the log-odds of each known horizon into
	// out[h].Probability, h < len(out). It does not allocate.
	score(f *features.Frame, row int, out []Risk)
	// explain appends the strongest drivers of the row's score, strongest
	// first.
	explain(f *features.Frame, row int, dst []Driver) []Driver
	pack(p *packer)
}

// eventFitted is every fitted event model: a scorer and, for each horizon, the
// calibration of its scores, fitted on later rows.
type eventFitted struct {
	kind      string   // names the scorer in the bytes; the name of the model too
	columns   []string // that the scorer reads; empty where it reads none
	horizons  []time.Duration
	calibrate []calibrator // one a known horizon; the rest are extended
	scorer    eventScorer

	thresholds []float64 // by known horizon: keep to the alert budget; known after the fit only, for backtests
}

// Predict writes calibrated risks, monotone in the horizon. A horizon longer
// than the history the model was fitted on goes on at the hazard of the
// longest known one. It does not allocate where out.Risks is large enough.
func (m *eventFitted) Predict(f *features.Frame, row int, out *Forecast) error {
	if err := m.check(f); err != nil {
		return err
	}
	if unknown(f, row) {
		return fmt.Errorf("%s at %s: %w", f.SubjectOf(row), f.OriginOf(row).UTC().Format(time.RFC3339), ErrNoData)
	}
	out.Target, out.Model = f.Target.Name, m.kind
	out.Subject, out.Origin, out.Interval = f.SubjectOf(row), f.OriginOf(row), f.Panel.Interval
	out.Leads, out.Path, out.Drivers = out.Leads[:0], out.Path[:0], out.Drivers[:0]
	out.Risks = m.risks(f, row, out.Risks[:0])
	return nil
}

// risks appends the risk at each horizon.
func (m *eventFitted) risks(f *features.Frame, row int, dst []Risk) []Risk {
	from := len(dst)
	for _, h := range m.horizons {
		dst = append(dst, Risk{Horizon: h})
	}
	all, known := dst[from:], len(m.calibrate)
	m.scorer.score(f, row, all[:known])
	floor := 0.0
	for h := range all[:known] {
		r := &all[h]
		r.Probability = max(floor, m.calibrate[h].apply(r.Probability))
		floor = r.Probability
	}
	last := all[known-1]
	for h := known; h < len(all); h++ {
		r := &all[h]
		share := float64(r.Horizon) / float64(last.Horizon)
		r.Probability = max(floor, -math.Expm1(share*math.Log1p(-min(last.Probability, 1-1e-12))))
		floor = r.Probability
	}
	return dst
}

// Explain implements Explainer.
func (m *eventFitted) Explain(f *features.Frame, row int, dst []Driver) []Driver {
	if m.check(f) != nil {
		return dst
	}
	return m.scorer.explain(f, row, dst)
}

// check compares the frame with what the model was fitted on.
func (m *eventFitted) check(f *features.Frame) error {
	if len(f.Target.Horizons) != len(m.horizons) {
		return fmt.Errorf("target %s has %d horizons, the model %d: %w: retrain", f.Target.Name, len(f.Target.Horizons), len(m.horizons), ErrSchema)
	}
	for h, want := range m.horizons {
		if f.Target.Horizons[h] != want {
			return fmt.Errorf("target %s has the horizon %s where the model has %s: %w: retrain", f.Target.Name, f.Target.Horizons[h], want, ErrSchema)
		}
	}
	if len(m.columns) == 0 {
		return nil
	}
	if len(f.Columns) != len(m.columns) {
		return fmt.Errorf("target %s has %d columns, the model %d: %w: retrain", f.Target.Name, len(f.Columns), len(m.columns), ErrSchema)
	}
	for j, want := range m.columns {
		if f.Columns[j].Name != want {
			return fmt.Errorf("target %s has the column %s where the model has %s: %w: retrain", f.Target.Name, f.Columns[j].Name, want, ErrSchema)
		}
	}
	return nil
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (m *eventFitted) MarshalBinary() ([]byte, error) {
	var p packer
	p.texts(m.columns)
	p.integer(len(m.horizons)) // read back as integers
	for _, h := range m.horizons {
		p.integer(int(h))
	}
	p.integer(len(m.calibrate))
	for _, c := range m.calibrate {
		c.pack(&p)
	}
	m.scorer.pack(&p)
	return seal(m.kind, p.bytes)
}

// decodeEvent returns the decoder of the event models of a kind.
// unpackScorer is told how many horizons and columns to expect.
func decodeEvent(kind string, unpackScorer func(u *unpacker, horizons, columns int) (eventScorer, error)) func([]byte) (Fitted, error) {
	return func(payload []byte) (Fitted, error) {
		u := &unpacker{rest: payload}
		m := &eventFitted{kind: kind, columns: u.texts()}
		for _, h := range u.integers() {
			if len(m.horizons) > 0 && time.Duration(h) <= m.horizons[len(m.horizons)-1] || h <= 0 {
				return nil, fmt.Errorf("%w: horizons do not ascend", ErrCorrupt)
			}
			m.horizons = append(m.horizons, time.Duration(h))
		}
		for range u.length(4) {
			c, err := unpackCalibrator(u)
			if err != nil {
				return nil, err
			}
			m.calibrate = append(m.calibrate, c)
		}
		if u.err == nil && (len(m.calibrate) == 0 || len(m.calibrate) > len(m.horizons)) {
			u.fail("calibrations and horizons differ")
		}
		if u.err != nil {
			return nil, u.err
		}
		var err error
		if m.scorer, err = unpackScorer(u, len(m.calibrate), len(m.columns)); err != nil {
			return nil, err
		}
		if err := u.done(); err != nil {
			return nil, err
		}
		return m, nil
	}
}

// fitEvent fits a scorer on all rows of a frame, and its calibration on what
// such scorers say of the blocks of time that they were not fitted on; reads
// says whether the scorer reads the frame's columns.
func fitEvent(ctx context.Context, kind string, reads bool, f *features.Frame, o FitOptions,
	fit func(context.Context, eventData) (crossFitted, error),
) (*eventFitted, error) {
	d, err := newEventData(f)
	if err != nil {
		return nil, fmt.Errorf("fit %s: %w", kind, err)
	}
	learnt := d.testable()
	if learnt == 0 {
		return nil, fmt.Errorf("fit %s: %w", kind, d.tooFew())
	}
	d = d.first(learnt)
	c, err := fit(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("fit %s: %w", kind, err)
	}
	m := &eventFitted{kind: kind, horizons: slices.Clone(f.Target.Horizons), scorer: c.all}
	if reads {
		for _, c := range f.Columns {
			m.columns = append(m.columns, c.Name)
		}
	}
	if m.calibrate, m.thresholds, err = c.calibrate(ctx, d); err != nil {
		return nil, fmt.Errorf("fit %s: %w", kind, err)
	}
	if o.Progress != nil {
		o.Progress(1, 1)
	}
	return m, nil
}
