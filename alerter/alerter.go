package alerter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/forecaster"
)

// keepResolved is how long a resolved warning is sent on, so that a peer that
// was away learns of it.
const keepResolved = 5 * time.Minute

// PeerConfig is one Alertmanager. Name every peer of a cluster, never a load
// balancer before it.
type PeerConfig struct {
	URL              string                  `yaml:"url"` // with its path prefix, without /api/v2
	HTTPClientConfig config.HTTPClientConfig `yaml:",inline"`
}

// Options are what an Alerter needs.
type Options struct {
	Peers          []PeerConfig
	Interval       time.Duration // between steps of the forecaster; default 1m
	ResendDelay    time.Duration // between sendings of what lasts; default and at most 1m
	ExternalURL    string        // where people reach this Driftcast; empty: no links
	ExternalLabels map[string]string
	QueueCapacity  int           // alerts that wait for one peer; default 10,000
	Timeout        time.Duration // of one post, and of the last ones at shutdown; default 10s

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
}

// Alerter keeps which warnings last and sends them to every peer.
type Alerter struct {
	externalURL    string
	externalLabels map[string]string
	resend         time.Duration
	lasts          time.Duration // how long an alert lasts that nobody renews
	timeout        time.Duration
	now            func() time.Time
	logger         *slog.Logger
	peers          []*peer

	mu     sync.Mutex
	active map[identity]*warned
}

// warned is a warning that lasts, or that was resolved lately.
type warned struct {
	alert
	renewed    time.Time // when the forecaster named it last
	resolvedAt time.Time // zero: it lasts
}

// New returns an Alerter. It starts nothing; see Run.
func New(o Options) (*Alerter, error) {
	a := &Alerter{
		externalURL: strings.TrimRight(o.ExternalURL, "/"), externalLabels: o.ExternalLabels,
		resend:  min(cmp.Or(o.ResendDelay, time.Minute), time.Minute),
		timeout: cmp.Or(o.Timeout, 10*time.Second),
		now:     o.Now, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)).With("component", "alerter"),
		active: map[identity]*warned{},
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.resend <= 0 || a.timeout <= 0 || o.Interval < 0 || o.QueueCapacity < 0 {
		return nil, errors.New("alerter: durations and the queue capacity must not be negative")
	}
	a.lasts = 4 * max(cmp.Or(o.Interval, time.Minute), a.resend)
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, config := range o.Peers {
		p, err := newPeer(config, cmp.Or(o.QueueCapacity, 10000), a.timeout, a.logger, m)
		if err != nil {
			return nil, err
		}
		if seen[p.name] {
			return nil, fmt.Errorf("alertmanager %s is there twice", p.name)
		}
		seen[p.name] = true
		a.peers = append(a.peers, p)
	}
	return a, nil
}

// Notify takes the warnings of one step: all that last, and those that were
// resolved since. It queues what is new or over and returns at once; Run sends.
// A warning that is not named again ends by itself at the peers after four
// times the interval (or resend delay, where that is longer).
func (a *Alerter) Notify(ctx context.Context, warnings []forecaster.Warning) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	now := a.now()
	var news []queued
	a.mu.Lock()
	for _, w := range warnings {
		id := identityOf(w)
		was := a.active[id]
		next := &warned{alert: a.alertOf(w), renewed: now}
		changed := was == nil || !was.resolvedAt.IsZero() != w.Resolved
		if w.Resolved {
			next.resolvedAt = now
			if was != nil && !was.resolvedAt.IsZero() {
				next.resolvedAt = was.resolvedAt
			}
		}
		a.active[id] = next
		if changed {
			news = append(news, a.queued(id, next))
		}
	}
	a.mu.Unlock()
	a.send(news)
	return nil
}

// Run sends until ctx ends, and then what still waits, for at most the timeout.
func (a *Alerter) Run(ctx context.Context) error {
	var group errgroup.Group
	for _, p := range a.peers {
		group.Go(func() error { p.run(ctx); return nil })
	}
	ticker := time.NewTicker(a.resend)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			a.again()
		}
	}
	return group.Wait()
}

// again queues all that lasts, and forgets what is long over.
func (a *Alerter) again() {
	now := a.now()
	var all []queued
	a.mu.Lock()
	for id, w := range a.active {
		over := !w.resolvedAt.IsZero() && now.Sub(w.resolvedAt) > keepResolved+a.resend
		forgotten := w.resolvedAt.IsZero() && now.Sub(w.renewed) > a.lasts
		if over || forgotten {
			delete(a.active, id)
			continue
		}
		all = append(all, a.queued(id, w))
	}
	a.mu.Unlock()
	a.send(all)
}

// queued is the alert as it is sent now. A resolved one ended when it did; one
// that lasts ends some time after it was named last.
func (a *Alerter) queued(id identity, w *warned) queued {
	q := queued{id: id, alert: w.alert}
	q.EndsAt = w.resolvedAt
	if w.resolvedAt.IsZero() {
		q.EndsAt = a.now().Add(a.lasts)
	}
	return q
}

func (a *Alerter) send(alerts []queued) {
	if len(alerts) == 0 {
		return
	}
	for _, p := range a.peers {
		p.push(alerts)
	}
}

// parsePeer checks a peer's address and returns where alerts are posted, and
// the name that logs and metrics use: without credentials.
func parsePeer(text string) (endpoint, name string, err error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", "", fmt.Errorf("alertmanager url %q: want http(s)://host[:port][/prefix]", redact(text))
	}
	endpoint = u.JoinPath("api/v2/alerts").String()
	u.User, u.RawQuery = nil, ""
	return endpoint, u.String(), nil
}

// redact hides what may be a password in an address that does not parse.
func redact(text string) string {
	if at := strings.LastIndex(text, "@"); at >= 0 {
		return "…" + text[at:]
	}
	return text
}
