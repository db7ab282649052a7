package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// LevelProtocol says how level models are backtested.
type LevelProtocol struct {
	Steps   int     // grid steps of a window; each is forecast
	Windows int     // non-overlapping windows, the last one ending at the last row
	Season  int     // grid steps, of seasonal naive and MASE; 0: the target's
	Leads   []int   // steps that are forecast and scored, ascending; nil: 1…Steps
	Buckets []int   // leads that end the buckets which are scored apart, ascending; nil: none
	Models  []Model // nil: the target's catalog; the baselines are always added
	Seed    uint64

	Progress func(done, total int)  // may be nil
	Export   func(r LevelRow) error // every forecast with its actual; may be nil
}

// RollingProtocol says how level models are backtested in service: from
// rolling origins over the last part of the history.
type RollingProtocol struct {
	Share   float64       // of the history that is tested on; 0: a third
	Every   time.Duration // between origins; 0: so that there are about 48
	Leads   []int         // nil: the target's DefaultLeads
	Buckets []int         // leads that end the buckets which are scored apart, ascending; nil: the target's horizons
	Models  []Model       // nil: the target's catalog; the baselines are always added
	Seed    uint64

	Progress func(done, total int)
	Export   func(r LevelRow) error
}

// BacktestLevel scores level models on the last rows of a panel: windows of
// Steps that do not overlap, each forecast from everything before it and
// nothing after. Models are fitted once, on what is known when the first window
// begins. It returns ErrTooFewRows (wrapped) where the panel
// is too short for that.
func BacktestLevel(ctx context.Context, p *features.Panel, t *features.Target, o LevelProtocol) (*LevelReport, error) {
	if o.Steps < 1 || o.Windows < 1 {
		return nil, fmt.Errorf("backtest %s: %d windows of %d steps: want at least one of one", t.Name, o.Windows, o.Steps)
	}
	target := *t
	if o.Season > 0 {
		target.Season = o.Season
	}
	leads := o.Leads
	if leads == nil {
		leads = make([]int, o.Steps)
		for i := range leads {
			leads[i] = i + 1
		}
	}
	origins := make([]int, o.Windows)
	for w := range origins {
		origins[w] = p.Len - 1 - o.Steps*(o.Windows-w)
	}
	b := levelBacktest{panel: p, target: &target, leads: leads, buckets: o.Buckets, origins: origins,
		seed: o.Seed, progress: o.Progress, export: o.Export}
	return b.run(ctx, o.Models)
}

// RollingLevel scores level models from rolling origins over the last part of
// a panel, at the leads that are served. Models are fitted once, on
// what is known at the first tested origin.
func RollingLevel(ctx context.Context, p *features.Panel, t *features.Target, o RollingProtocol) (*LevelReport, error) {
	leads := o.Leads
	if leads == nil {
		leads = features.DefaultLeads(t)
	}
	if len(leads) == 0 {
		return nil, fmt.Errorf("backtest %s: no leads: the target has no horizons", t.Name)
	}
	share := o.Share
	if share <= 0 || share >= 1 {
		share = 1.0 / 3
	}
	first, last := p.Len-1-int(share*float64(p.Len)), p.Len-1-leads[0]
	every := max(1, (last-first)/48)
	if o.Every > 0 {
		every = max(1, int(o.Every/p.Interval))
	}
	var origins []int
	for i := first; i <= last; i += every {
		origins = append(origins, i)
	}
	buckets := o.Buckets
	if buckets == nil {
		for _, h := range t.Horizons {
			buckets = append(buckets, t.Steps(h))
		}
	}
	b := levelBacktest{panel: p, target: t, leads: leads, buckets: buckets, origins: origins,
		seed: o.Seed, progress: o.Progress, export: o.Export}
	return b.run(ctx, o.Models)
}

// levelBacktest is one backtest: fit before the first of origins, forecast
// from each.
type levelBacktest struct {
	panel    *features.Panel
	target   *features.Target
	leads    []int
	buckets  []int // ends of the buckets of leads, ascending
	origins  []int // of the test, ascending
	seed     uint64
	progress func(done, total int)
	export   func(LevelRow) error
}

func (b *levelBacktest) run(ctx context.Context, ms []Model) (*LevelReport, error) {
	ms = withBaselines(b.target, ms)
	train, err := b.trainingFrame()
	if err != nil {
		return nil, fmt.Errorf("backtest %s: %w", b.target.Name, err)
	}
	test, err := features.Extract(b.panel, b.target, features.Options{Origins: b.origins, Leads: b.leads})
	if err != nil {
		return nil, fmt.Errorf("backtest %s: %w", b.target.Name, err)
	}
	total := len(ms) + len(test.Rows)
	entries := make([]entry, len(ms))
	for i, m := range ms {
		entries[i].name = m.Name()
		began := time.Now()
		entries[i].fitted, entries[i].err = m.Fit(ctx, train, FitOptions{Seed: b.seed})
		entries[i].took = time.Since(began)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("backtest %s: %w", b.target.Name, err)
		}
		b.report(i+1, total)
	}
	if err := entries[0].err; err != nil { // naive
		return nil, fmt.Errorf("backtest %s: %w", b.target.Name, err)
	}
	rows := make([]int, len(test.Rows))
	for row := range rows {
		rows[row] = row
	}
	slices.SortStableFunc(rows, func(a, c int) int { return test.Rows[a].Origin - test.Rows[c].Origin })
	for n, row := range rows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("backtest %s: %w", b.target.Name, err)
		}
		if err := b.score(test, row, entries); err != nil {
			return nil, fmt.Errorf("backtest %s: %w", b.target.Name, err)
		}
		b.report(len(ms)+n+1, total)
	}
	return newLevelReport(b, train, entries), nil
}

// entry is one model in a backtest.
type entry struct {
	name    string
	fitted  Fitted
	err     error // of its fit
	out     Forecast
	online  Online
	issued  []issuedPath  // that has not matured yet, oldest first
	took    time.Duration // to fit
	score   LevelScore
	buckets []LevelScore        // by bucket of leads
	origins map[int]*LevelScore // by origin, for paired tests
}

// score forecasts one row by every model. Rows of which nothing is known, or
// whose future is not known, are passed over for all alike.
func (b *levelBacktest) score(f *features.Frame, row int, entries []entry) error {
	r := f.Rows[row]
	y := b.panel.Series(0, r.Subject)
	actuals := make([]float64, len(b.leads))
	known := false
	for i, lead := range b.leads {
		actuals[i] = math.NaN()
		if at := r.Origin + lead; at < len(y) && y[at]-y[at] == 0 {
			actuals[i], known = y[at], true
		}
	}
	if !known {
		return nil
	}
	past := f.Past(row)
	scale := seasonalScale(past, b.target.SeasonSteps())
	if math.IsNaN(scale) {
		scale = seasonalScale(past, 1)
	}
	for i := range entries {
		e := &entries[i]
		if e.err != nil {
			continue
		}
		err := e.fitted.Predict(f, row, &e.out)
		if i == 0 && errors.Is(err, ErrNoData) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		e.mature(r.Origin)
		e.online.Adjust(&e.out, b.target.Scale)
		e.issued = append(e.issued, newIssued(r.Origin, &e.out, actuals))
		e.score.Window(e.out.Path, actuals, scale)
		b.scoreBuckets(e, actuals, scale)
		if e.origins == nil {
			e.origins = make(map[int]*LevelScore)
		}
		if e.origins[r.Origin] == nil {
			e.origins[r.Origin] = new(LevelScore)
		}
		e.origins[r.Origin].Window(e.out.Path, actuals, scale)
		if err := b.exportRow(f, row, e, actuals); err != nil {
			return err
		}
	}
	return nil
}

// issuedPath is a forecast that waits for its actuals.
type issuedPath struct {
	origin       int
	leads        []int
	lower, upper []float64
	actuals      []float64
	matured      int // of leads
}

func newIssued(origin int, out *Forecast, actuals []float64) issuedPath {
	p := issuedPath{origin: origin, leads: slices.Clone(out.Leads), actuals: slices.Clone(actuals)}
	for i := range p.leads {
		p.lower = append(p.lower, out.Path[i*len(Quantiles)])
		p.upper = append(p.upper, out.Path[(i+1)*len(Quantiles)-1])
	}
	return p
}

// mature tells the intervals what has come of earlier forecasts by now.
func (e *entry) mature(now int) {
	for i := range e.issued {
		p := &e.issued[i]
		for p.matured < len(p.leads) && p.origin+p.leads[p.matured] <= now {
			n := p.matured
			e.online.Observe(p.origin, p.leads[n], p.lower[n], p.upper[n], p.actuals[n])
			p.matured++
		}
	}
	e.issued = slices.DeleteFunc(e.issued, func(p issuedPath) bool { return p.matured == len(p.leads) })
}

// scoreBuckets scores the leads of each bucket apart.
func (b *levelBacktest) scoreBuckets(e *entry, actuals []float64, scale float64) {
	if e.buckets == nil {
		e.buckets = make([]LevelScore, len(b.buckets))
	}
	from := 0
	for k, end := range b.buckets {
		to := from
		for to < len(b.leads) && b.leads[to] <= end {
			to++
		}
		e.buckets[k].Window(e.out.Path[from*len(Quantiles):to*len(Quantiles)], actuals[from:to], scale)
		from = to
	}
}

func (b *levelBacktest) exportRow(f *features.Frame, row int, e *entry, actuals []float64) error {
	if b.export == nil {
		return nil
	}
	r := LevelRow{Target: b.target.Name, Subject: f.SubjectOf(row).String(), Origin: f.OriginOf(row), Model: e.name}
	for i, lead := range b.leads {
		for k, level := range Quantiles {
			r.Step, r.Quantile, r.Value, r.Actual = lead, level, e.out.Path[i*len(Quantiles)+k], actuals[i]
			if err := b.export(r); err != nil {
				return fmt.Errorf("export: %w", err)
			}
		}
	}
	return nil
}

func (b *levelBacktest) report(done, total int) {
	if b.progress != nil {
		b.progress(done, total)
	}
}

// trainingFrame cuts labelled rows from origins spread over what comes before
// the test. They are cut from a panel that ends where the test begins, so that
// no future and no label reaches into it; futures that would are unknown from
// there on.
func (b *levelBacktest) trainingFrame() (*features.Frame, error) {
	const rows = calibrationRowsMax / 2
	if len(b.origins) == 0 {
		return nil, fmt.Errorf("%w: no origin to test from", ErrTooFewRows)
	}
	last := b.origins[0] - b.leads[0]
	if last < 1 {
		return nil, fmt.Errorf("%w: %d rows, too few for this test and something to learn from before it: take fewer or shorter windows",
			ErrTooFewRows, b.panel.Len)
	}
	steps := b.knownSteps(min(last/4, b.target.SeasonSteps()), last)
	n := min(len(steps), max(16, rows/max(1, len(b.panel.Subjects))))
	origins := make([]int, n)
	for i := range origins {
		origins[i] = steps[i*len(steps)/n]
	}
	return features.Extract(b.panel.Until(b.origins[0]+1), b.target, features.Options{Origins: origins, Leads: b.leads, Labels: true})
}

// knownSteps returns the steps of [first, last] at which the target is known of
// some subject, so that a recording with long holes is learned from where it
// is not one.
func (b *levelBacktest) knownSteps(first, last int) []int {
	var steps []int
	for i := first; i <= last; i++ {
		for s := range b.panel.Subjects {
			if v := b.panel.Series(0, s)[i]; v-v == 0 {
				steps = append(steps, i)
				break
			}
		}
	}
	return steps
}

// withBaselines puts naive, seasonal naive and the window quantile first, once
// each.
func withBaselines(t *features.Target, ms []Model) []Model {
	if ms == nil {
		ms = Catalog(t)
	}
	all := []Model{Naive{}, SeasonalNaive{}, WindowQuantile{}}
	for _, m := range ms {
		known := false
		for _, have := range all {
			known = known || have.Name() == m.Name()
		}
		if !known {
			all = append(all, m)
		}
	}
	return all
}
