package drift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/cluster"
)

// Options are what a Detector needs. Objects is required.
type Options struct {
	Objects   Objects
	Sources   []Source // manifests, the most trusted first
	Config    Config
	Memory    Memory    // nil: episodes are forgotten with the process
	Baselines Baselines // nil: what managers declared is forgotten with the process

	// Watches says whether an object, were it there, would be among Objects.
	// nil: of kinds that some object is there of.
	Watches func(r cluster.Ref) bool
	// DryRun is the second tier; nil: there is none.
	DryRun *DryRun
	// Announcer writes Kubernetes Events where the configuration wants them.
	Announcer Announcer
	// Requests counts requests made to the API server so far, for Report.Calls;
	// nil: those of DryRun.
	Requests func() int

	Logger   *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
	Registry prometheus.Registerer
}

// Detector compares a cluster with its declared state. It is safe for concurrent
// use; comparisons run one after the other.
type Detector struct {
	opts  Options
	rules rules

	comparing sync.Mutex // one comparison at a time; guards what follows
	ready     bool       // what a former process knew has been read
	manifests []manifests
	memory    *remembering
	episodes  *episodes
	verdicts  map[key]Verdict

	mu    sync.RWMutex // guards what follows
	last  Report
	state sampled
	blind bool // the last attempt could not compare
}

// manifests are what one source declared last.
type manifests struct {
	list []Declaration
	err  error // of the last attempt; list is then older
}

// stale is how old the observer's newest sign of life may be: the server sends
// one about every minute.
const stale = 5 * time.Minute

// New returns a Detector, which has compared nothing yet.
func New(o Options) (*Detector, error) {
	if o.Objects == nil {
		return nil, errors.New("drift: no objects to compare given")
	}
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	rules, err := readRules(append(builtin(), o.Config.Ignore...))
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = o.Logger.With("component", "drift")
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Detector{opts: o, rules: rules, manifests: make([]manifests, len(o.Sources)), memory: newRemembering(nil),
		episodes: newEpisodes(), verdicts: map[key]Verdict{}}
	if o.Registry != nil {
		if err := o.Registry.Register(d); err != nil {
			return nil, fmt.Errorf("drift: %w", err)
		}
	}
	return d, nil
}

// Run compares at every interval until ctx ends.
func (d *Detector) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Duration(d.opts.Config.Interval))
	defer ticker.Stop()
	for {
		if _, err := d.Compare(ctx); err != nil && ctx.Err() == nil {
			d.opts.Logger.Warn("comparison with the declared state", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Last is the newest report; its At is zero before the first comparison. Its
// findings are not changed any more.
func (d *Detector) Last() Report {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.last
}

// Compare compares everything once. What could not be read makes findings
// Unknown and is in Problems; an error means that nothing could be compared, or
// that the memory could not be kept.
func (d *Detector) Compare(ctx context.Context) (Report, error) {
	d.comparing.Lock()
	defer d.comparing.Unlock()
	report, err := d.compare(ctx)
	d.mu.Lock()
	d.blind = err != nil
	d.mu.Unlock()
	return report, err
}

func (d *Detector) compare(ctx context.Context) (Report, error) {
	began, now := time.Now(), d.opts.Now() // cost is real time
	if err := d.recall(ctx, now); err != nil {
		return Report{}, err
	}
	if o, ok := d.opts.Objects.(interface{ Fresh() time.Time }); ok {
		if age := now.Sub(o.Fresh()); age > stale {
			return Report{}, fmt.Errorf("drift: the cluster was last seen %s ago; is the API server there, and may the observer watch it?", age.Round(time.Second))
		}
	}
	calls := d.requests()
	report := Report{At: now}
	if err := d.opts.Objects.Ready(); err != nil {
		report.Problems = append(report.Problems, err.Error())
	}
	report.Problems = append(report.Problems, d.declarations(ctx)...)
	w, objects := d.survey(now)
	if d.opts.DryRun != nil {
		d.opts.DryRun.turn()
	}
	report.Objects = len(objects)
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		report.Findings = append(report.Findings, d.judge(ctx, w, o)...)
	}
	missed := d.missing(w, objects)
	report.Findings = append(report.Findings, missed...)
	report.Findings = append(report.Findings, d.fleet(w, objects)...)
	report.Findings = append(report.Findings, d.unread()...)
	d.sourceless(w, report.Findings)
	if len(report.Problems) == 0 { // else an object may only not have been listed
		d.episodes.absent(w.now, objects, missed)
		d.memory.absent(objects)
	}
	for i := range report.Findings {
		d.episodes.since(&report.Findings[i])
	}
	if err := d.save(ctx); err != nil {
		return Report{}, err
	}
	report.Calls = d.requests() - calls
	report.Took = time.Since(began)
	d.announce(ctx, &report)
	d.mu.Lock()
	d.last, d.state = report, d.sampled(objects, &report)
	d.mu.Unlock()
	return report, nil
}

func (d *Detector) requests() int {
	switch {
	case d.opts.Requests != nil:
		return d.opts.Requests()
	case d.opts.DryRun != nil:
		return d.opts.DryRun.Requests()
	}
	return 0
}

// recall reads what a former process knew, once.
func (d *Detector) recall(ctx context.Context, now time.Time) error {
	if d.ready {
		return nil
	}
	if d.opts.Baselines != nil {
		list, err := d.opts.Baselines.Baselines(ctx)
		if err != nil {
			return fmt.Errorf("drift: what managers declared: %w", err)
		}
		d.memory = newRemembering(list)
	}
	if d.opts.Memory != nil {
		list, err := d.opts.Memory.Episodes(ctx, EpisodeQuery{From: now.Add(-recent)})
		if err != nil {
			return fmt.Errorf("drift: past episodes: %w", err)
		}
		d.episodes.recall(list)
	}
	d.ready = true
	return nil
}

// save keeps what is new. What could not be kept is offered again next time.
func (d *Detector) save(ctx context.Context) error {
	if d.opts.Baselines != nil && len(d.memory.put)+len(d.memory.forget) > 0 {
		if err := d.opts.Baselines.PutBaselines(ctx, d.memory.put, d.memory.forget); err != nil {
			return fmt.Errorf("drift: keep what managers declared: %w", err)
		}
	}
	d.memory.put, d.memory.forget = nil, nil
	if changed := d.episodes.changed(); d.opts.Memory != nil && len(changed) > 0 {
		if err := d.opts.Memory.PutEpisodes(ctx, changed); err != nil {
			return fmt.Errorf("drift: keep episodes: %w", err)
		}
	}
	d.episodes.saved()
	return nil
}

// Announcer tells people at the object. It writes to the cluster.
type Announcer interface {
	// Announce writes an Event of type Normal or Warning; the note is at most
	// 1,024 characters.
	Announce(ctx context.Context, object cluster.Ref, uid, eventType, reason, note string) error
}
