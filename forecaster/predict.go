package forecaster

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// assessed is what a step has learnt of one subject.
type assessed struct {
	subject   collector.Subject
	forecast  *models.Forecast // nil: none was made; its path is not kept
	happening bool             // the event is going on, or the objective broken
	fresh     time.Time        // newest sample of the target's own signal; zero: none in sight
	quantiles []quantile       // of a level at its horizons, for metrics
	lead      time.Duration    // until the median breaks the objective; 0: it does not
}

type quantile struct {
	horizon      time.Duration
	level, value float64
}

// said is what a step says about one target.
type said struct {
	origin   time.Time
	shadow   serving                                // a challenger that is tried beside the model; may be none
	online   online                                 // moves intervals by what has matured; nil: nothing does
	note     func(*features.Panel, *features.Frame) // sees what was forecast from; nil: nobody does
	jumps    jumps                                  // of units
	model    string
	problem  string // why it is less than it should be; empty where all is well
	subjects []assessed
	made     int  // forecasts
	doubtful bool // what was forecast from cannot be right: nothing is raised
}

// forecast makes and publishes the forecasts of a target, a chunk of subjects
// at a time so that memory is bounded.
func (f *Forecaster) forecast(ctx context.Context, t *features.Target, s *state, now time.Time) (said, error) {
	out := said{origin: now.Truncate(t.Interval)}
	if out.origin.Before(s.origin) {
		return out, fmt.Errorf("forecast %s: %w: it says %s, and forecasts were made at %s already", t.Name, errClock,
			now.UTC().Format(time.RFC3339), s.origin.UTC().Format(time.RFC3339))
	}
	if err := f.recall(ctx, t, s); err != nil {
		return out, err
	}
	model, err := f.serve(ctx, t, s, now, &out)
	if err != nil {
		return out, fmt.Errorf("forecast %s: %w", t.Name, err)
	}
	if model.id == s.champion.id && model.id != "" {
		out.shadow = f.shadow(t, s)
		out.online = s.online
		out.note = func(p *features.Panel, frame *features.Frame) { s.note(p, frame, out.origin) }
	}
	err = f.forecastBy(ctx, t, model, &out)
	if s.misfit = errors.Is(err, models.ErrSchema) && model.id != s.naive.id; s.misfit {
		problem := fmt.Sprintf("the champion cannot serve until a training has replaced it, a naive model does: %v", err)
		if model, err = f.naive(ctx, t, s, now); err == nil {
			out = said{origin: out.origin, problem: problem}
			err = f.forecastBy(ctx, t, model, &out)
		}
	}
	if err != nil {
		return out, fmt.Errorf("forecast %s: %w", t.Name, err)
	}
	if out.made > 0 {
		s.origin = out.origin
	}
	if problem := out.jumps.problem(t); problem != "" {
		out.problem, out.doubtful = problem, true
	}
	return out, nil
}

// errClock says that the clock stands before forecasts that were made.
var errClock = errors.New("the clock has gone back; waiting until it has caught up")

func (f *Forecaster) forecastBy(ctx context.Context, t *features.Target, model serving, out *said) (err error) {
	out.model = model.id
	window := collector.Window{Start: out.origin.Add(-features.Lookback(t)), End: out.origin, Step: t.Interval}
	r, end, err := f.opened(t, window)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	subjects, err := count(ctx, r, t, window)
	if err != nil {
		return err
	}
	chunks := uint32(max(1, (subjects+f.o.Chunk-1)/f.o.Chunk))
	for i := range chunks {
		keep := func(sub collector.Subject) bool { return chunks == 1 || bucket(sub, chunks) == i }
		if err := f.forecastChunk(ctx, r, t, window, model, keep, out); err != nil {
			return err
		}
	}
	return nil
}

func (f *Forecaster) forecastChunk(ctx context.Context, r features.Reader, t *features.Target, window collector.Window, model serving, keep func(collector.Subject) bool, out *said) error {
	panel, err := features.LoadSubjects(ctx, r, t, window, keep)
	if err != nil {
		return err
	}
	if len(panel.Subjects) == 0 {
		return nil
	}
	frame, err := features.Extract(panel, t, features.Options{Origins: []int{panel.Len - 1}})
	if err != nil {
		return err
	}
	forecasts, err := f.predict(ctx, t, frame, model, true)
	if err != nil {
		return err
	}
	out.online.adjust(t, model.id, forecasts)
	if err := f.o.Ledger.PutForecasts(ctx, scorable(t, forecasts)); err != nil {
		return err
	}
	if out.shadow.fitted != nil {
		if err := f.foreshadow(ctx, t, frame, out); err != nil {
			out.problem = err.Error()
		}
	}
	if out.note != nil {
		out.note(panel, frame)
	}
	out.jumps.look(t, panel)
	first := len(out.subjects)
	for i, sub := range panel.Subjects {
		a := assessed{subject: sub}
		a.fresh, a.happening = latest(t, panel, i)
		out.subjects = append(out.subjects, a)
	}
	for i := range forecasts {
		if fc := &forecasts[i]; fc.Target != "" { // else nothing was known
			a := &out.subjects[first+frame.Rows[i].Subject]
			a.quantiles, a.lead = quantiles(t, fc), medianLead(t, fc)
			fc.Path, fc.Leads = nil, nil // published; 10,000 of them are large
			a.forecast = fc
			out.made++
		}
	}
	return nil
}

// drivers is how many reasons a forecast gives.
const drivers = 5

// predict makes the forecast of every row, in the order of rows. A forecast
// without a Target was not made: nothing is known of the subject.
func (f *Forecaster) predict(ctx context.Context, t *features.Target, frame *features.Frame, model serving, explain bool) ([]models.Forecast, error) {
	out := make([]models.Forecast, len(frame.Rows))
	var explainer models.Explainer
	if explain {
		explainer, _ = model.fitted.(models.Explainer)
	}
	g, ctx := errgroup.WithContext(ctx)
	part := max(1, (len(out)+f.o.Concurrency-1)/f.o.Concurrency)
	for from := 0; from < len(out); from += part {
		g.Go(func() error {
			for row := from; row < min(from+part, len(out)); row++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				fc := &out[row]
				if err := model.fitted.Predict(frame, row, fc); errors.Is(err, models.ErrNoData) {
					*fc = models.Forecast{}
					continue
				} else if err != nil {
					return fmt.Errorf("predict %s: %w", frame.SubjectOf(row), err)
				}
				fc.Target, fc.Subject, fc.Model = t.Name, frame.SubjectOf(row), model.id
				fc.Origin, fc.Interval = frame.OriginOf(row), t.Interval
				if explainer != nil {
					fc.Drivers = explainer.Explain(frame, row, fc.Drivers[:0])
					fc.Drivers = fc.Drivers[:min(drivers, len(fc.Drivers))]
				}
			}
			return nil
		})
	}
	return out, g.Wait()
}

// scorable are the forecasts that were made. A level without an objective has
// no risks; its horizons are named all the same, so that it can be scored at
// them.
func scorable(t *features.Target, forecasts []models.Forecast) []models.Forecast {
	var unknown []models.Risk
	if !t.IsEvent() && t.Objective == nil {
		for _, h := range t.Horizons {
			unknown = append(unknown, models.Risk{Horizon: h, Probability: math.NaN()})
		}
	}
	keep := make([]models.Forecast, 0, len(forecasts))
	for _, fc := range forecasts {
		if fc.Target == "" {
			continue
		}
		if len(fc.Risks) == 0 {
			fc.Risks = unknown
		}
		keep = append(keep, fc)
	}
	return keep
}

// latest returns when the target's own signal was last seen, and whether the
// event was going on (or the objective broken) then.
func latest(t *features.Target, p *features.Panel, subject int) (fresh time.Time, happening bool) {
	y := p.Series(0, subject)
	for i := len(y) - 1; i >= 0; i-- {
		if v := y[i]; v == v {
			if t.IsEvent() {
				return p.Time(i), v != 0
			}
			return p.Time(i), t.Objective != nil && t.Objective.Breached(v)
		}
	}
	return time.Time{}, false
}

// quantiles takes the outer quantiles and the median at the target's horizons
// from a path.
func quantiles(t *features.Target, fc *models.Forecast) []quantile {
	var out []quantile
	for _, h := range t.Horizons {
		i := slices.Index(fc.Leads, int(h/t.Interval))
		if i < 0 {
			continue
		}
		for _, k := range []int{0, models.Median, len(models.Quantiles) - 1} {
			out = append(out, quantile{h, models.Quantiles[k], fc.Path[i*len(models.Quantiles)+k]})
		}
	}
	return out
}

// medianLead returns how long it takes for the median to break the objective,
// 0 where it does not.
func medianLead(t *features.Target, fc *models.Forecast) time.Duration {
	if t.IsEvent() || t.Objective == nil {
		return 0
	}
	for i, lead := range fc.Leads {
		if t.Objective.Breached(fc.Path[i*len(models.Quantiles)+models.Median]) {
			return time.Duration(lead) * t.Interval
		}
	}
	return 0
}

// bucket spreads subjects evenly over n chunks.
func bucket(s collector.Subject, n uint32) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.String())) // a hash never fails
	return h.Sum32() % n
}
