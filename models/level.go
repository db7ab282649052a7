package models

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/driftcast/driftcast/features"
)

// base is what one level model has of its own; everything around it (scale,
// missing data, intervals, risks, bytes) is the same for all and is here.
// A base is immutable and safe for concurrent use.
type base interface {
	// path writes the quantiles of each of leads (ascending, ≥ 1) into q
	// (len(leads)×len(Quantiles), row-major): finite, on the model's scale. It
	// takes what room it needs from h.
	path(h *history, leads []int, q []float64)
	// prior is the error, in local units, to expect of a lead at a standard
	// normal quantile z while nothing has been learned yet.
	prior(lead int, z float64) float64
	// centred says that the quantiles are one point forecast, which stays the
	// median.
	centred() bool
	// kind names the base in bytes; pack writes its fields, unpackBase reads
	// both.
	kind() string
	pack(p *packer)
}

// level is a fitted level model: a base with split-conformal intervals and,
// where the target has an objective, calibrated risks.
type level struct {
	kind, name string
	base       base
	scale      features.Scale
	typical    float64 // unit of a subject of which little is known
	intervals  conformal
	objective  features.Objective // that risks were calibrated for
	horizons   []time.Duration
	risks      []platt // by horizon
	scratch    sync.Pool
}

// fitLevel calibrates a base on the labelled rows of a frame.
func fitLevel(ctx context.Context, kind, name string, b base, f *features.Frame, o FitOptions) (*level, error) {
	return calibrateLevel(ctx, kind, name, b, f, calibrationRows(f), o)
}

// calibrateLevel calibrates a base on some labelled rows of a frame.
func calibrateLevel(ctx context.Context, kind, name string, b base, f *features.Frame, rows []int, o FitOptions) (*level, error) {
	l := &level{kind: kind, name: name, base: b, scale: f.Target.Scale}
	l.typical = typicalUnit(f, rows)
	errs, seen, err := collectErrors(ctx, b, f, rows, l.typical, o.Progress)
	if err != nil {
		return nil, fmt.Errorf("fit %s: %w", name, err)
	}
	if seen == 0 {
		return nil, fmt.Errorf("fit %s: %w: no row of %s has both a past and a future", name, ErrTooFewRows, f.Target.Name)
	}
	l.intervals = fitConformal(errs, b.prior, b.centred())
	if err := l.calibrateRisks(ctx, f, rows); err != nil {
		return nil, fmt.Errorf("fit %s: %w", name, err)
	}
	if o.Progress != nil {
		o.Progress(len(rows), len(rows))
	}
	return l, nil
}

// collectErrors notes what a base gets wrong on the rows of a labelled frame,
// and how many actuals it was asked about.
func collectErrors(ctx context.Context, b base, f *features.Frame, rows []int, typical float64, progress func(done, total int)) (errs errorsByKnot, seen int, err error) {
	var (
		h       = new(history)
		future  []float64
		indices = calibrationLeads(f.Leads, len(rows))
		leads   = at(f.Leads, indices)
		path    = make([]float64, len(leads)*len(Quantiles))
	)
	for n, row := range rows {
		if n%64 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			if progress != nil {
				progress(n, len(rows))
			}
		}
		if !h.begin(f, row, typical) {
			continue
		}
		b.path(h, leads, path)
		future = f.Future(row, future[:0])
		for n, i := range indices {
			if v := future[i]; v-v == 0 {
				errs.add(leads[n]+h.age, h.in(v), path[n*len(Quantiles):], h, b.centred())
				seen++
			}
		}
	}
	return errs, seen, nil
}

// at returns the elements of x at indices.
func at(x, indices []int) []int {
	out := make([]int, len(indices))
	for n, i := range indices {
		out[n] = x[i]
	}
	return out
}

// calibrateRisks fits, for each horizon, the map from the risk that the path
// tells to what came of it.
func (l *level) calibrateRisks(ctx context.Context, f *features.Frame, rows []int) error {
	t := f.Target
	if t.Objective == nil || f.Labels == nil {
		return nil
	}
	var (
		out    Forecast
		scores = make([][]float64, len(t.Horizons))
		labels = make([][]float64, len(t.Horizons))
	)
	for n, row := range rows {
		if n%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if l.Predict(f, row, &out) != nil {
			continue
		}
		for i := range t.Horizons {
			if y := f.Label(row, i); !math.IsNaN(y) {
				scores[i] = append(scores[i], logit(out.Risks[i].Probability))
				labels[i] = append(labels[i], y)
			}
		}
	}
	l.objective, l.horizons = *t.Objective, slices.Clone(t.Horizons)
	l.risks = make([]platt, len(t.Horizons))
	for i := range t.Horizons {
		l.risks[i] = fitRisk(scores[i], labels[i])
	}
	return nil
}

// fitRisk is fitPlatt where both classes have been seen more than once or
// twice; elsewhere the path's own risk stands.
func fitRisk(scores, labels []float64) platt {
	const enough = 5
	var positives, n float64
	for _, y := range labels {
		positives += y
		n++
	}
	if positives < enough || n-positives < enough {
		return platt{a: 1}
	}
	return fitPlatt(scores, labels)
}

// Predict implements Fitted.
func (l *level) Predict(f *features.Frame, row int, out *Forecast) error {
	t := f.Target
	out.Target, out.Subject, out.Model = t.Name, f.SubjectOf(row), l.name
	out.Origin, out.Interval = f.OriginOf(row), f.Panel.Interval
	out.Leads = append(out.Leads[:0], f.Leads...)
	out.Path, out.Risks, out.Drivers = out.Path[:0], out.Risks[:0], out.Drivers[:0]
	if t.Scale != l.scale {
		return fmt.Errorf("%s: %w: fitted on scale %q, the target says %q; train again", t.Name, ErrSchema, l.scale, t.Scale)
	}
	h, _ := l.scratch.Get().(*history)
	if h == nil {
		h = new(history)
	}
	defer l.scratch.Put(h)
	if !h.begin(f, row, l.typical) {
		return fmt.Errorf("%s of %s: %w before %s", t.Name, out.Subject, ErrNoData, out.Origin.UTC().Format(time.RFC3339))
	}
	out.Path = slices.Grow(out.Path, len(f.Leads)*len(Quantiles))[:len(f.Leads)*len(Quantiles)]
	l.path(h, f.Leads, out.Path)
	if t.Objective != nil {
		out.Risks = l.appendRisks(out.Risks, t, f.Panel.Interval, f.Leads, out.Path)
	}
	return nil
}

// path writes the calibrated quantiles of every lead, ascending.
func (l *level) path(h *history, leads []int, path []float64) {
	var offsets [len(Quantiles)]float64
	l.base.path(h, leads, path)
	var scales scales
	if len(leads) > 0 {
		l.intervals.scalesOf(h, leads[len(leads)-1]+h.age, &scales)
	}
	for i, lead := range leads {
		l.intervals.at(&scales, lead+h.age, &offsets)
		q := path[i*len(Quantiles) : (i+1)*len(Quantiles)]
		for k := range q {
			q[k] = h.out(q[k] + offsets[k])
		}
		sortFew(q)
	}
}

// appendRisks appends the risk of a breach within each horizon. The objective
// or the horizons may have changed since the fit: then the path's own risks
// stand, uncalibrated.
func (l *level) appendRisks(dst []Risk, t *features.Target, interval time.Duration, leads []int, path []float64) []Risk {
	dst = appendPathRisks(dst, t, interval, leads, path)
	if l.objective != *t.Objective || !slices.Equal(l.horizons, t.Horizons) {
		return dst
	}
	highest := 0.0
	for i := range dst {
		highest = max(highest, l.risks[i].apply(logit(dst[i].Probability)))
		dst[i].Probability = highest
	}
	return dst
}

// MarshalBinary implements Fitted.
func (l *level) MarshalBinary() ([]byte, error) {
	var p packer
	p.text(l.name)
	p.text(string(l.scale))
	p.float(l.typical)
	l.intervals.pack(&p)
	p.text(l.objective.Op)
	p.float(l.objective.Bound)
	p.integer(len(l.horizons))
	for i, h := range l.horizons {
		p.integer(int(h))
		p.float(l.risks[i].a)
		p.float(l.risks[i].b)
	}
	l.base.pack(&p)
	return seal(l.kind, p.bytes)
}

// decodeLevel reads what MarshalBinary wrote.
func decodeLevel(kind string, payload []byte) (Fitted, error) {
	u := unpacker{rest: payload}
	l := &level{kind: kind, name: u.text(), scale: features.Scale(u.text()), typical: u.float()}
	var err error
	if l.intervals, err = unpackConformal(&u); err != nil {
		return nil, err
	}
	l.objective = features.Objective{Op: u.text(), Bound: u.float()}
	horizons := u.length(17)
	for range horizons {
		l.horizons = append(l.horizons, time.Duration(u.integer()))
		l.risks = append(l.risks, platt{a: u.float(), b: u.float()})
	}
	if l.base, err = unpackBase(kind, &u); err != nil {
		return nil, err
	}
	if l.typical-l.typical != 0 {
		return nil, fmt.Errorf("%w: a unit that is not finite", ErrCorrupt)
	}
	if err := u.done(); err != nil {
		return nil, err
	}
	return l, nil
}

// sortFew sorts a handful of numbers in place, quickest where they are in
// order already.
func sortFew(x []float64) {
	for i := 1; i < len(x); i++ {
		for j := i; j > 0 && x[j] < x[j-1]; j-- {
			x[j], x[j-1] = x[j-1], x[j]
		}
	}
}
