package alerter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/common/config"
)

const batchSize = 256

// peer is one Alertmanager with its own queue and its own pace.
type peer struct {
	name     string
	endpoint string
	client   *http.Client
	timeout  time.Duration
	queue    *queue
	wake     chan struct{} // holds one token when there is something to send
	logger   *slog.Logger
	metrics  *metrics
}

func newPeer(c PeerConfig, capacity int, timeout time.Duration, logger *slog.Logger, m *metrics) (*peer, error) {
	endpoint, name, err := parsePeer(c.URL)
	if err != nil {
		return nil, err
	}
	if err := c.HTTPClientConfig.Validate(); err != nil {
		return nil, fmt.Errorf("alertmanager %s: %w", name, err)
	}
	client, err := config.NewClientFromConfig(c.HTTPClientConfig, "alertmanager")
	if err != nil {
		return nil, fmt.Errorf("alertmanager %s: %w", name, err)
	}
	for _, counter := range []interface{ Add(float64) }{
		m.sent.WithLabelValues(name), m.errors.WithLabelValues(name), m.dropped.WithLabelValues(name),
	} {
		counter.Add(0) // there from the start, so that rate() sees the first one
	}
	return &peer{
		name: name, endpoint: endpoint, client: client, timeout: timeout, metrics: m,
		queue: newQueue(capacity), wake: make(chan struct{}, 1), logger: logger.With("alertmanager", name),
	}, nil
}

// push queues alerts and never waits.
func (p *peer) push(alerts []queued) {
	if dropped := p.queue.push(alerts); dropped > 0 {
		p.metrics.dropped.WithLabelValues(p.name).Add(float64(dropped))
		p.logger.Warn("alerts dropped: the queue is full", "count", dropped)
	}
	p.gauge()
	p.poke()
}

// poke makes run look at the queue.
func (p *peer) poke() {
	select {
	case p.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// run sends what is queued until ctx ends, and then the rest, once.
func (p *peer) run(ctx context.Context) {
	defer p.client.CloseIdleConnections()
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 200*time.Millisecond, 15*time.Second
	for {
		select {
		case <-ctx.Done():
			p.drain(ctx)
			return
		case <-p.wake:
		}
		if err := p.flush(ctx); err != nil && ctx.Err() == nil {
			wait := pause.NextBackOff()
			p.logger.Warn("alerts are not sent, trying again", "err", err, "wait", wait, "queued", p.queue.len())
			p.sleep(ctx, wait)
			p.poke()
			continue
		}
		pause.Reset()
	}
}

// sleep waits, and leaves what is queued meanwhile for later: a peer that is
// down is not asked more often because there is more to say.
func (p *peer) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// drain sends the rest at shutdown: each batch once, all of it within timeout.
func (p *peer) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
	defer cancel()
	if err := p.flush(ctx); err != nil {
		left := p.queue.len()
		p.metrics.dropped.WithLabelValues(p.name).Add(float64(left))
		p.logger.Warn("alerts dropped at shutdown", "count", left, "err", err)
	}
}

// flush sends batch by batch until the queue is empty or a batch should be
// tried again later.
func (p *peer) flush(ctx context.Context) error {
	for {
		batch := p.queue.peek(batchSize)
		if len(batch) == 0 {
			return nil
		}
		err := p.post(ctx, batch)
		var refused *refusedError
		switch {
		case errors.As(err, &refused):
			p.metrics.dropped.WithLabelValues(p.name).Add(float64(len(batch)))
			p.logger.Error("alertmanager refused alerts", "count", len(batch), "err", err)
		case err != nil:
			return err
		default:
			p.metrics.sent.WithLabelValues(p.name).Add(float64(len(batch)))
		}
		p.queue.done(batch)
		p.gauge()
	}
}

// refusedError is an answer that would be the same the next time.
type refusedError struct{ status, text string }

func (e *refusedError) Error() string { return fmt.Sprintf("answer %s: %s", e.status, e.text) }

func (p *peer) post(ctx context.Context, batch []*queued) (err error) {
	began := time.Now()
	defer func() {
		p.metrics.latency.WithLabelValues(p.name).Observe(time.Since(began).Seconds())
		if err != nil {
			p.metrics.errors.WithLabelValues(p.name).Inc()
		}
	}()
	alerts := make([]alert, len(batch))
	for i, q := range batch {
		alerts[i] = q.alert
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return &refusedError{"none", err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to alertmanager: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "driftcast")
	response, err := p.client.Do(request)
	if err != nil {
		return fmt.Errorf("post to alertmanager: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // what was sent is known by its status
	text, err := io.ReadAll(io.LimitReader(response.Body, 2048))
	switch {
	case response.StatusCode/100 == 2:
		return nil
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode/100 == 5 || err != nil:
		return fmt.Errorf("post to alertmanager: answer %s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	return &refusedError{response.Status, strings.TrimSpace(string(text))}
}

func (p *peer) gauge() { p.metrics.queue.WithLabelValues(p.name).Set(float64(p.queue.len())) }
