package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Options says what to collect, from where, into what.
type Options struct {
	Source  Source
	History *History

	// Signals returns what to collect now; it is asked at every collection,
	// so that a reload of the targets takes effect.
	Signals func() []Signal

	Lookback    time.Duration // how far back a signal is filled at first contact; default 14 days
	Patience    time.Duration // how long an incomplete time is asked for again; default 1h
	ChunkPoints int           // grid points asked for at a time while filling back; default 11000
	Concurrency int           // signals at a time; default 4

	// Progress is told, while more than one chunk is to be fetched, how many
	// of how many are done. It may be called from several goroutines. nil: nobody.
	Progress func(done, total int)

	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // nil: none
}

func (o Options) withDefaults() (Options, error) {
	if o.Source == nil || o.History == nil || o.Signals == nil {
		return o, errors.New("collector: source, history and signals must be given")
	}
	if o.Lookback < 0 || o.Patience < 0 || o.ChunkPoints < 0 || o.Concurrency < 0 {
		return o, errors.New("collector: lookback, patience, chunk and concurrency must not be negative")
	}
	o.Lookback = orDefault(o.Lookback, 14*24*time.Hour)
	o.Patience = orDefault(o.Patience, time.Hour)
	o.ChunkPoints = orDefault(o.ChunkPoints, 11000)
	o.Concurrency = orDefault(o.Concurrency, 4)
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Collector brings signals from a Source into History, each grid point once.
type Collector struct {
	opts    Options
	marks   *watermarks
	metrics *collectMetrics
	one     sync.Mutex // collections do not overlap
}

// New makes a Collector; it asks for nothing yet.
func New(opts Options) (*Collector, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	metrics, err := newCollectMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	return &Collector{opts: opts, metrics: metrics, marks: newWatermarks(opts.History)}, nil
}

// SignalReport says how the collection of one signal went.
type SignalReport struct {
	Signal     string
	Samples    int       // new ones
	Series     int       // most of them in one answer
	Newest     time.Time // of the samples received; zero where there were none
	Until      time.Time // complete up to here; zero where not even once
	Incomplete []string  // warnings of the source: this time will be asked for again
	Err        error
}

// Report says how a collection went, one entry a signal, in the order of the
// signals.
type Report struct {
	At       time.Time
	Duration time.Duration
	Signals  []SignalReport
}

// Samples is the number of new samples.
func (r Report) Samples() (n int) {
	for _, s := range r.Signals {
		n += s.Samples
	}
	return n
}

// Err joins the errors of all signals; nil where there are none.
func (r Report) Err() error {
	var errs []error
	for _, s := range r.Signals {
		if s.Err != nil {
			errs = append(errs, fmt.Errorf("collect %s: %w", s.Signal, s.Err))
		}
	}
	return errors.Join(errs...)
}

// Collect asks for what each signal lacks up to now, on its grid, and stores it.
// Signals fail one by one: their errors are in the Report. The error returned is
// that of ctx.
func (c *Collector) Collect(ctx context.Context, now time.Time) (Report, error) {
	c.one.Lock()
	defer c.one.Unlock()
	start := time.Now()
	signals := c.opts.Signals()
	report := Report{At: now, Signals: make([]SignalReport, len(signals))}
	plans := make([][]Window, len(signals))
	total := 0
	for i, s := range signals {
		report.Signals[i].Signal = s.Name
		plans[i], report.Signals[i].Err = c.plan(ctx, s, now)
		total += len(plans[i])
	}
	progress := newProgress(c.opts.Progress, total, total > len(signals))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.opts.Concurrency)
	for i, s := range signals {
		group.Go(func() error {
			c.collect(ctx, s, plans[i], now, &report.Signals[i], progress)
			return ctx.Err()
		})
	}
	err := group.Wait()
	report.Duration = time.Since(start)
	c.metrics.duration.Observe(report.Duration.Seconds())
	return report, err
}

// plan lists the windows that a signal lacks, the oldest first.
func (c *Collector) plan(ctx context.Context, s Signal, now time.Time) ([]Window, error) {
	if s.Interval <= 0 {
		return nil, fmt.Errorf("interval is %s, want more than 0", s.Interval)
	}
	until, ok, err := c.marks.read(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	from := now.Add(-c.opts.Lookback)
	if ok && until.Add(s.Interval).After(from) {
		from = until.Add(s.Interval)
	}
	w := Window{Start: ceil(from, s.Interval), End: floor(now, s.Interval), Step: s.Interval}
	return w.split(c.opts.ChunkPoints), nil
}

// collect fetches and stores the windows of one signal, and moves its mark up to
// where nothing is incomplete. Incomplete time older than the patience will not
// get better: it counts as complete.
func (c *Collector) collect(ctx context.Context, s Signal, plan []Window, now time.Time, r *SignalReport, done func()) {
	patient := floor(now.Add(-c.opts.Patience), max(s.Interval, 1))
	complete := true
	for _, w := range plan {
		c.metrics.attempts.WithLabelValues(s.Name).Inc()
		warnings, err := c.fetch(ctx, s, w, r)
		done()
		until := w.End
		if len(warnings) > 0 {
			c.warn(s, warnings, r)
			if until.After(patient) {
				until = patient
			}
		}
		if err == nil && complete && !until.Before(w.Start) {
			err = c.marks.write(ctx, s.Name, until, now)
		}
		if err != nil {
			c.metrics.failures.WithLabelValues(s.Name).Inc()
			r.Err = err
			break
		}
		complete = complete && until.Equal(w.End)
	}
	if until, ok, err := c.marks.read(ctx, s.Name); err == nil && ok {
		r.Until = until
		c.metrics.newest.WithLabelValues(s.Name).Set(float64(until.Unix()))
	}
}

// warn reports an answer as incomplete.
func (c *Collector) warn(s Signal, warnings []string, r *SignalReport) {
	c.metrics.incomplete.Inc()
	for _, text := range warnings {
		if !slices.Contains(r.Incomplete, text) {
			r.Incomplete = append(r.Incomplete, text)
		}
	}
	c.opts.Logger.Warn("answer is incomplete", "component", "collector", "signal", s.Name, "warnings", warnings)
}

// fetch brings in one window of a signal.
func (c *Collector) fetch(ctx context.Context, s Signal, w Window, r *SignalReport) (warnings []string, err error) {
	result, err := c.opts.Source.QueryRange(ctx, s.Expr, w)
	if err != nil {
		return nil, err
	}
	series, err := s.Reduce(result.Series)
	if err != nil {
		return nil, err
	}
	n, err := c.opts.History.Append(ctx, s.Name, series)
	if err != nil {
		return nil, err
	}
	c.metrics.samples.WithLabelValues(s.Name).Add(float64(n))
	r.Samples += n
	r.Series = max(r.Series, len(series))
	if _, newest, count := extent(series); count > 0 {
		if t := time.UnixMilli(newest).UTC(); t.After(r.Newest) {
			r.Newest = t
		}
	}
	return result.Warnings, nil
}

// floor and ceil are the multiples of step since the Unix epoch next to t.
func floor(t time.Time, step time.Duration) time.Time {
	rest := time.Duration(t.UnixNano() % int64(step))
	if rest < 0 {
		rest += step
	}
	return t.Add(-rest)
}

func ceil(t time.Time, step time.Duration) time.Time {
	down := floor(t, step)
	if down.Equal(t) {
		return t
	}
	return down.Add(step)
}

// newProgress returns a counter of chunks; it is silent in everyday collections.
func newProgress(tell func(done, total int), total int, worthwhile bool) func() {
	if !worthwhile {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		done++
		n := done
		mu.Unlock()
		tell(n, total)
	}
}
