package actuators_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
)

// receiver answers with the given statuses, the last one for ever.
type receiver struct {
	*httptest.Server
	statuses []int
	posts    []post
}

type post struct {
	path, key, signature, timestamp string
	body                            []byte
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.posts = append(r.posts, post{q.URL.Path, q.Header.Get("Idempotency-Key"), q.Header.Get("X-Driftcast-Signature"), q.Header.Get("X-Driftcast-Timestamp"), body})
	status := r.statuses[min(len(r.posts), len(r.statuses))-1]
	if status == http.StatusTemporaryRedirect {
		w.Header().Set("Location", "/elsewhere")
	}
	http.Error(w, "says the receiver", status)
}

func hook(t *testing.T, o actuators.WebhookOptions) corrector.Actuator {
	t.Helper()
	o.Now = func() time.Time { return start }
	a, err := actuators.NewWebhook(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWebhookRoundTrip(t *testing.T) {
	r := newReceiver(t, http.StatusAccepted)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := hook(t, actuators.WebhookOptions{URL: r.URL + "/apply?token=t", RevertURL: r.URL + "/revert", SecretFile: secret})
	on := act("c1", "gpu-17")
	on.Params = map[string]string{"replicas": "+1"}
	plan, err := a.Plan(context.Background(), on)
	if err != nil || strings.Contains(plan.Text, "token") || !strings.Contains(plan.Text, "/apply") {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if on.Undo, err = a.Apply(context.Background(), on); err != nil || on.Undo == "" {
		t.Fatal(on.Undo, err)
	}
	if err := a.Revert(context.Background(), on); err != nil {
		t.Fatal(err)
	}
	if len(r.posts) != 2 || r.posts[0].path != "/apply" || r.posts[1].path != "/revert" || r.posts[0].key == r.posts[1].key {
		t.Fatalf("posts %+v", r.posts)
	}
	for _, p := range r.posts {
		mac := hmac.New(sha256.New, []byte("s3cret"))
		fmt.Fprintf(mac, "%s.%s", p.timestamp, p.body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); p.signature != want || p.timestamp != fmt.Sprint(start.Unix()) {
			t.Errorf("signature %s at %s, want %s", p.signature, p.timestamp, want)
		}
	}
	var got actuators.WebhookMessage
	if err := json.Unmarshal(r.posts[0].body, &got); err != nil || got.Action != "apply" || got.ID != "c1" || got.Subject != "node/gpu-17" || got.Parameters["replicas"] != "+1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWebhookFailures(t *testing.T) {
	tests := map[string]struct {
		statuses []int
		posts    int
		err      string
	}{
		"busy, then not":            {[]int{503, 429, 200}, 3, ""},
		"it may have acted: once":   {[]int{500}, 1, "500"},
		"a gateway may have: once":  {[]int{502}, 1, "502"},
		"refused: once":             {[]int{403}, 1, "403 Forbidden: says the receiver"},
		"redirects are not walked":  {[]int{307}, 1, "307"},
		"busy for ever: four times": {[]int{503}, 4, "503"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, tt.statuses...)
			_, err := hook(t, actuators.WebhookOptions{URL: r.URL}).Apply(context.Background(), act("c1", "gpu-17"))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if len(r.posts) != tt.posts {
				t.Errorf("%d posts, want %d", len(r.posts), tt.posts)
			}
			for _, p := range r.posts {
				if p.key != r.posts[0].key {
					t.Error("a repetition with another key")
				}
			}
		})
	}
	t.Run("what cannot be undone says so", func(t *testing.T) {
		a := hook(t, actuators.WebhookOptions{URL: "http://receiver"})
		if err := a.Revert(context.Background(), act("c1", "gpu-17")); err == nil || !strings.Contains(err.Error(), "revert_url") {
			t.Error(err)
		}
	})
	t.Run("secrets do not show", func(t *testing.T) {
		a := hook(t, actuators.WebhookOptions{URL: "http://u:hunter2@127.0.0.1:1/x?token=hunter2", Timeout: time.Second})
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if _, err := a.Apply(ctx, act("c1", "gpu-17")); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
		for _, url := range []string{"", "receiver", "ftp://u:hunter2@receiver", "http://"} {
			if _, err := actuators.NewWebhook(actuators.WebhookOptions{URL: url}); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", url, err)
			}
		}
	})
	t.Run("no secret, no post", func(t *testing.T) {
		r := newReceiver(t, 200)
		a := hook(t, actuators.WebhookOptions{URL: r.URL, SecretFile: filepath.Join(t.TempDir(), "none")})
		if _, err := a.Apply(context.Background(), act("c1", "gpu-17")); err == nil || len(r.posts) != 0 {
			t.Errorf("%v, %d posts", err, len(r.posts))
		}
	})
}
