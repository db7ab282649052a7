package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// PrometheusOptions says which server to ask and how. Any server with the query
// API of Prometheus will do: Thanos, Mimir, VictoriaMetrics.
type PrometheusOptions struct {
	URL        string                  // e.g. http://prometheus:9090, with a path where there is one
	HTTPClient config.HTTPClientConfig // the zero value is the default of Prometheus

	Timeout     time.Duration // of one request; default 2m
	Concurrency int           // requests at a time; default 4
	MaxPoints   int           // most points of a series in one request; default 11000, the limit of Prometheus
	MaxBytes    int64         // most bytes of one answer; default 1 GiB
	MaxSamples  int64         // most samples of one answer; default 50 million
	Tries       int           // of one request that meets a passing failure; default 4
	Backoff     time.Duration // pause before the second try, doubled each time; default 500ms
	Cooldown    time.Duration // how long a server that keeps failing is left alone; default 30s

	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // nil: none
}

func (o PrometheusOptions) withDefaults() (PrometheusOptions, *url.URL, error) {
	base, err := url.Parse(o.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return o, nil, fmt.Errorf("prometheus url %q: want http://host:port or https://host:port", o.URL)
	}
	if reflect.ValueOf(o.HTTPClient).IsZero() {
		o.HTTPClient = config.DefaultHTTPClientConfig
	}
	if err := o.HTTPClient.Validate(); err != nil {
		return o, nil, fmt.Errorf("prometheus client: %w", err)
	}
	for _, n := range []int64{int64(o.Timeout), int64(o.Concurrency), int64(o.MaxPoints), o.MaxBytes, o.MaxSamples, int64(o.Tries), int64(o.Backoff), int64(o.Cooldown)} {
		if n < 0 {
			return o, nil, errors.New("prometheus client: timeout, concurrency and limits must not be negative")
		}
	}
	o.Timeout = orDefault(o.Timeout, 2*time.Minute)
	o.Concurrency = orDefault(o.Concurrency, 4)
	o.MaxPoints = orDefault(o.MaxPoints, 11000)
	o.MaxBytes = orDefault(o.MaxBytes, 1<<30)
	o.MaxSamples = orDefault(o.MaxSamples, 50_000_000)
	o.Tries = orDefault(o.Tries, 4)
	o.Backoff = orDefault(o.Backoff, 500*time.Millisecond)
	o.Cooldown = orDefault(o.Cooldown, 30*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, base, nil
}

func orDefault[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}

// Prometheus asks a server with the query API of Prometheus. It is a Source,
// safe for concurrent use.
type Prometheus struct {
	opts    PrometheusOptions
	base    *url.URL
	client  *http.Client
	breaker *gobreaker.CircuitBreaker[answer]
	slots   *semaphore.Weighted
	metrics *requestMetrics
}

// NewPrometheus makes a client. It sends nothing yet; see Ready.
func NewPrometheus(opts PrometheusOptions) (*Prometheus, error) {
	opts, base, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := config.NewClientFromConfig(opts.HTTPClient, "driftcast", config.WithUserAgent("driftcast"))
	if err != nil {
		return nil, fmt.Errorf("prometheus client: %w", err)
	}
	metrics, err := newRequestMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("prometheus client: %w", err)
	}
	p := &Prometheus{
		opts:    opts,
		base:    base,
		client:  client,
		slots:   semaphore.NewWeighted(int64(opts.Concurrency)),
		metrics: metrics,
	}
	p.breaker = gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
		Name:         base.Redacted(),
		Timeout:      opts.Cooldown,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 10 },
		IsSuccessful: func(err error) bool { return err == nil || !passing(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			opts.Logger.Warn("circuit breaker changed", "component", "collector", "url", base.Redacted(), "from", from.String(), "to", to.String())
		},
	})
	return p, nil
}

// QueryRange evaluates expr over the window. A window of more than MaxPoints is
// asked for in parts, at most Concurrency at a time, and joined again. Warnings
// of the server are in the Result. The error holds what the server said, and
// the expression.
func (p *Prometheus) QueryRange(ctx context.Context, expr string, w Window) (Result, error) {
	parts := w.split(p.opts.MaxPoints)
	answers := make([]answer, len(parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.opts.Concurrency)
	for i, part := range parts {
		group.Go(func() (err error) {
			answers[i], err = p.ask(ctx, "query_range", url.Values{
				"query": {expr},
				"start": {unixSeconds(part.Start)},
				"end":   {unixSeconds(part.End)},
				"step":  {fmt.Sprintf("%.3f", part.Step.Seconds())},
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Result{}, fmt.Errorf("query %q: %w", expr, err)
	}
	return p.join(expr, answers), nil
}

// Query evaluates expr at one time.
func (p *Prometheus) Query(ctx context.Context, expr string, at time.Time) (Result, error) {
	a, err := p.ask(ctx, "query", url.Values{"query": {expr}, "time": {unixSeconds(at)}})
	if err != nil {
		return Result{}, fmt.Errorf("query %q: %w", expr, err)
	}
	return p.join(expr, []answer{a}), nil
}

// Ready asks the server for a constant, once, so that whatever speaks the query
// API can say that it is there. The error says why it is not.
func (p *Prometheus) Ready(ctx context.Context) error {
	if _, err := p.send(ctx, "query", url.Values{"query": {"1"}}); err != nil {
		return fmt.Errorf("prometheus %s: %w", p.base.Redacted(), err)
	}
	return nil
}

// split cuts a window into parts of at most n points.
func (w Window) split(n int) []Window {
	var parts []Window
	for left := w.Len(); left > 0; left -= n {
		k := min(left, n)
		part := Window{Start: w.Start, End: w.Start.Add(time.Duration(k-1) * w.Step), Step: w.Step}
		parts = append(parts, part)
		w.Start = part.End.Add(w.Step)
	}
	return parts
}

// join puts the parts of each series together, in order of time. What the
// server says about the expression rather than about missing data is logged.
func (p *Prometheus) join(expr string, answers []answer) Result {
	var result Result
	index := map[string]int{}
	seen := map[string]bool{}
	for _, a := range answers {
		for _, s := range a.series {
			key := s.key()
			i, ok := index[key]
			if !ok {
				index[key] = len(result.Series)
				result.Series = append(result.Series, s)
				continue
			}
			joined := &result.Series[i]
			joined.Times = append(joined.Times, s.Times...)
			joined.Values = append(joined.Values, s.Values...)
		}
		if a.histograms > 0 {
			a.warnings = append(a.warnings, fmt.Sprintf("%d series are native histograms and were left out: ask for numbers, e.g. with histogram_quantile", a.histograms))
		}
		for _, w := range a.warnings {
			switch {
			case seen[w]:
			case strings.HasPrefix(w, "PromQL "):
				p.opts.Logger.Warn("expression is doubtful", "component", "collector", "expr", expr, "warning", w)
			default:
				result.Warnings = append(result.Warnings, w)
			}
			seen[w] = true
		}
		if len(a.infos) > 0 {
			p.opts.Logger.Debug("query annotated", "component", "collector", "expr", expr, "infos", a.infos)
		}
	}
	return result
}

// key tells series apart.
func (s *Series) key() string {
	var b strings.Builder
	b.WriteString(s.Name)
	for _, l := range s.Labels {
		b.WriteByte(0xff) // in no valid label
		b.WriteString(l.Name)
		b.WriteByte(0xff)
		b.WriteString(l.Value)
	}
	return b.String()
}

func unixSeconds(t time.Time) string {
	return fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/int(time.Millisecond))
}
