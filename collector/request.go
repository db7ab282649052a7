package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

// ErrUnavailable is wrapped by errors of a server that cannot be reached, is
// overloaded or keeps failing: ask again later. Other errors stay as they are
// until the query or the settings change.
var ErrUnavailable = errors.New("server unavailable")

// StatusError is an answer that is not a success.
type StatusError struct {
	Code int    // HTTP status
	Type string // Prometheus' errorType, e.g. bad_data; empty where the server gave none
	Text string // what the server said

	retryAfter time.Duration
}

// Error says what the server said, and the remedy where the status implies one.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("HTTP %d", e.Code)
	if e.Type != "" {
		text += ": " + e.Type
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += ": check the credentials of the client"
	case http.StatusNotFound:
		text += ": is this the address of the query API?"
	}
	return text
}

// Unwrap makes passing failures ErrUnavailable.
func (e *StatusError) Unwrap() error {
	if e.Code == http.StatusTooManyRequests || e.Code >= 500 {
		return ErrUnavailable
	}
	return nil
}

// passing says whether a later try may go well.
func passing(err error) bool { return errors.Is(err, ErrUnavailable) }

// ask sends a request until it is answered, within the tries; the breaker
// spares a server that keeps failing.
func (p *Prometheus) ask(ctx context.Context, path string, form url.Values) (answer, error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return answer{}, err
	}
	defer p.slots.Release(1)
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.Multiplier, pauses.MaxInterval = p.opts.Backoff, 2, 30*time.Second
	try := func() (answer, error) {
		a, err := p.breaker.Execute(func() (answer, error) { return p.send(ctx, path, form) })
		var status *StatusError
		switch {
		case err == nil:
			return a, nil
		case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
			return a, backoff.Permanent(fmt.Errorf("%w: %s failed ten times in a row and is left alone for %s", ErrUnavailable, p.base.Redacted(), p.opts.Cooldown))
		case !passing(err) || ctx.Err() != nil:
			return a, backoff.Permanent(err)
		case errors.As(err, &status) && status.retryAfter > 0:
			return a, errors.Join(err, &backoff.RetryAfterError{Duration: status.retryAfter})
		}
		return a, err
	}
	a, err := backoff.Retry(ctx, try,
		backoff.WithBackOff(pauses),
		backoff.WithMaxTries(uint(p.opts.Tries)),
		backoff.WithMaxElapsedTime(p.opts.Timeout),
		backoff.WithNotify(func(err error, pause time.Duration) {
			p.metrics.retries.Inc()
			p.opts.Logger.Debug("query is tried again", "component", "collector", "pause", pause, "err", err)
		}))
	return a, withoutPause(err)
}

// withoutPause drops the part of an error that was only for backoff.
func withoutPause(err error) error {
	var status *StatusError
	if errors.As(err, &status) {
		return status
	}
	return err
}

// send sends a request once.
func (p *Prometheus) send(ctx context.Context, path string, form url.Values) (a answer, err error) {
	start := time.Now()
	p.metrics.attempts.Inc()
	defer func() {
		p.metrics.duration.Observe(time.Since(start).Seconds())
		if err != nil {
			p.metrics.failures.Inc()
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, p.opts.Timeout)
	defer cancel()
	target := p.base.JoinPath("api/v1", path).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, unavailable(err)
	}
	defer func() {
		// What is left is read so that the connection can be used again.
		_, _ = io.CopyN(io.Discard, resp.Body, 1<<16)
		_ = resp.Body.Close()
	}()
	if resp.StatusCode/100 != 2 {
		return answer{}, statusError(resp)
	}
	a, err = decode(resp.Body, limits{p.opts.MaxBytes, p.opts.MaxSamples})
	if err != nil {
		return answer{}, brokenAnswer(err)
	}
	return a, a.err()
}

// unavailable marks an error of the network, unless the caller gave up.
func unavailable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// brokenAnswer marks an answer that the network cut short; one that is wrong
// will be wrong again.
func brokenAnswer(err error) error {
	var network interface{ Timeout() bool }
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) {
		return fmt.Errorf("%w: answer broke off %w", ErrUnavailable, err)
	}
	return fmt.Errorf("unreadable answer %w", err)
}

// statusError reads why a server refused.
func statusError(resp *http.Response) error {
	e := &StatusError{Code: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if a, err := decode(strings.NewReader(string(body)), limits{64 << 10, 0}); err == nil && a.status != "" {
		e.Type, e.Text = a.errorType, a.errorText
	} else {
		e.Text = strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.retryAfter = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(resp.Header.Get("Retry-After")); err == nil {
		e.retryAfter = max(0, time.Until(at))
	}
	return e
}
