package actuators

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/common/config"

	"github.com/driftcast/driftcast/corrector"
)

// WebhookOptions say where corrections are posted.
type WebhookOptions struct {
	URL              string                  `yaml:"url"`
	RevertURL        string                  `yaml:"revert_url,omitempty"`  // empty: what it did cannot be undone from here
	SecretFile       string                  `yaml:"secret_file,omitempty"` // signs the posts; read again for each
	HTTPClientConfig config.HTTPClientConfig `yaml:",inline"`
	Timeout          time.Duration           `yaml:"timeout,omitempty"` // of one post; default 10s
	Now              func() time.Time        `yaml:"-"`
}

// webhook hands corrections to another program as JSON (WebhookMessage).
//
// Headers: Idempotency-Key, the same in every repetition, by which the receiver
// must know a post again: after a crash it may come twice. Where there is a
// secret: X-Driftcast-Timestamp (Unix seconds) and X-Driftcast-Signature,
// "sha256=" + hex(HMAC-SHA256(secret, timestamp + "." + body)).
type webhook struct {
	WebhookOptions
	client *http.Client
	place  string // for people: no credentials, no query
}

// WebhookMessage is the body of a post.
type WebhookMessage struct {
	Action     string            `json:"action"` // apply or revert
	ID         string            `json:"id"`
	Policy     string            `json:"policy"`
	Target     string            `json:"target"`
	Subject    string            `json:"subject"`
	Risk       float64           `json:"risk"`
	Horizon    string            `json:"horizon"`
	Actor      string            `json:"actor"`
	Reason     string            `json:"reason,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// NewWebhook returns the actuator that posts corrections to a URL. A post that
// was answered 2xx is done; it is tried again only where the receiver cannot
// have acted on it: no connection, 429 and 503.
func NewWebhook(o WebhookOptions) (corrector.Actuator, error) {
	w := &webhook{WebhookOptions: o}
	for _, text := range []string{o.URL, o.RevertURL} {
		u, err := url.Parse(text)
		switch {
		case text == "" && o.URL != "": // no revert_url
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
			return nil, errors.New("webhook: url and revert_url must be http(s)://host/path")
		case w.place == "":
			w.place = u.Scheme + "://" + u.Host + u.Path
		}
	}
	w.HTTPClientConfig.FollowRedirects = false // a signed body goes where it was meant to go
	if err := w.HTTPClientConfig.Validate(); err != nil {
		return nil, fmt.Errorf("webhook %s: %w", w.place, err)
	}
	var err error
	if w.client, err = config.NewClientFromConfig(w.HTTPClientConfig, "webhook"); err != nil {
		return nil, fmt.Errorf("webhook %s: %w", w.place, err)
	}
	w.Timeout = cmp.Or(w.Timeout, 10*time.Second)
	if w.Now == nil {
		w.Now = time.Now
	}
	return w, nil
}

// Plan implements Actuator. It does not ask the receiver.
func (w *webhook) Plan(_ context.Context, a corrector.Action) (corrector.Plan, error) {
	text := fmt.Sprintf("POST to %s: %s on %s", w.place, a.Policy, a.Subject)
	if w.RevertURL == "" {
		text += "; it cannot be undone from here"
	}
	return corrector.Plan{Text: text}, nil
}

// Apply implements Actuator.
func (w *webhook) Apply(ctx context.Context, a corrector.Action) (string, error) {
	if err := w.post(ctx, w.URL, "apply", a); err != nil {
		return "", err
	}
	if w.RevertURL == "" {
		return "", nil
	}
	return a.ID, nil
}

// Revert implements Actuator.
func (w *webhook) Revert(ctx context.Context, a corrector.Action) error {
	if w.RevertURL == "" {
		return fmt.Errorf("webhook %s cannot undo: set its revert_url, or undo it at the receiver", w.place)
	}
	return w.post(ctx, w.RevertURL, "revert", a)
}

func (w *webhook) post(ctx context.Context, to, action string, a corrector.Action) error {
	body, err := json.Marshal(WebhookMessage{
		Action: action, ID: a.ID, Policy: a.Policy, Target: a.Target, Subject: a.Subject.String(),
		Risk: a.Risk, Horizon: a.Horizon.String(), Actor: a.Actor, Reason: a.Reason, Parameters: a.Params,
	})
	if err != nil {
		return fmt.Errorf("webhook %s: %w", w.place, err)
	}
	try := func() (struct{}, error) { return struct{}{}, w.try(ctx, to, action+"-"+a.ID, body) }
	_, err = backoff.Retry(ctx, try, backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxTries(4))
	if err != nil {
		return fmt.Errorf("webhook %s: %s: %w", w.place, action, err)
	}
	return nil
}

// try posts once; errors that must not be tried again are backoff.Permanent.
func (w *webhook) try(ctx context.Context, to, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "driftcast")
	request.Header.Set("Idempotency-Key", key)
	if err := w.sign(request.Header, body); err != nil {
		return backoff.Permanent(err)
	}
	response, err := w.client.Do(request)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err // without the address: its query may be a secret
		}
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" { // nothing was sent
			return err
		}
		return backoff.Permanent(err)
	}
	defer func() { _ = response.Body.Close() }()               // what was sent is known by its status
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1024)) // only for people: the status says it all
	if response.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("answer %s: %s", response.Status, strings.TrimSpace(string(text)))
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return err
	}
	return backoff.Permanent(err)
}

func (w *webhook) sign(header http.Header, body []byte) error {
	if w.SecretFile == "" {
		return nil
	}
	text, err := os.ReadFile(w.SecretFile)
	if err != nil {
		return fmt.Errorf("read the signing secret: %w", err)
	}
	secret := bytes.TrimSpace(text)
	if len(secret) == 0 {
		return fmt.Errorf("the signing secret %s is empty", w.SecretFile)
	}
	at := strconv.FormatInt(w.Now().Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	header.Set("X-Driftcast-Timestamp", at)
	header.Set("X-Driftcast-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return nil
}
