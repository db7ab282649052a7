package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/api/gen"
)

const (
	viewToken = "view-token-0123456789"
	editToken = "edit-token-0123456789"
)

func tokensFile(t testing.TB) string {
	hash := sha256.Sum256([]byte(editToken))
	return file(t, "tokens.yml", "grafana: "+viewToken+"\nalice: {token: 'sha256:"+hex.EncodeToString(hash[:])+"', role: edit}\n")
}

func TestTokensDecide(t *testing.T) {
	w := newWorld(t, func(o *api.Options) {
		o.TokensFile = tokensFile(t)
		o.EnableLifecycle, o.EnablePprof, o.Gatherer = true, true, prometheus.NewRegistry()
	})
	submit := `{"policy":"cordon","subject":"node/gpu-17"}`
	for _, c := range []struct {
		token, method, path, body string
		status                    int
	}{
		{"", "GET", "/api/v1/status", "", 401},
		{"wrong-token-0123456789", "GET", "/api/v1/status", "", 401},
		{viewToken + "x", "GET", "/api/v1/status", "", 401},
		{viewToken, "GET", "/api/v1/status", "", 200},
		{editToken, "GET", "/api/v1/status", "", 200},
		{"", "POST", "/api/v1/corrections", submit, 401},
		{viewToken, "POST", "/api/v1/corrections", submit, 403},
		{editToken, "POST", "/api/v1/corrections", submit, 201},
		{viewToken, "PUT", "/api/v1/kill-switch", `{"engaged":true}`, 403},
		{"", "GET", "/api/v1/events", "", 401},
		{"", "GET", "/api/v1/openapi.yaml", "", 200},
		{"", "GET", "/metrics", "", 401},
		{viewToken, "GET", "/metrics", "", 200},
		{viewToken, "POST", "/-/reload", "", 403},
		{editToken, "POST", "/-/reload", "", 200},
		{viewToken, "GET", "/debug/pprof/cmdline", "", 403},
		{editToken, "GET", "/debug/pprof/cmdline", "", 200},
		{"", "GET", "/-/healthy", "", 200},
		{"", "GET", "/readyz", "", 200},
		{"", "GET", "/", "", 200},
	} {
		w.token = c.token
		a := w.raw(c.method, c.path, c.body)
		if a.StatusCode != c.status {
			t.Errorf("%s %s with %q: got %d, want %d", c.method, c.path, c.token, a.StatusCode, c.status)
		}
		if challenge := a.Header.Get("WWW-Authenticate"); (a.StatusCode == 401) != (challenge != "") {
			t.Errorf("%d with WWW-Authenticate %q", a.StatusCode, challenge)
		}
	}
	w.token = editToken
	if c := decode[gen.Correction](t, w.do("POST", "/corrections", submit)); c.Actor != "alice" {
		t.Errorf("the actor is %q, want the token's name", c.Actor)
	}
	if a := w.do("GET", "/status", "", "Authorization: Basic YTpi"); a.StatusCode != 401 {
		t.Errorf("basic auth got %d", a.StatusCode)
	}
	if s := decode[gen.Status](t, w.do("GET", "/status", "")); s.Role != gen.StatusRoleEdit {
		t.Errorf("got role %q", s.Role)
	}
}

// TestTokensAreReadAgain: on reload the new tokens hold; a file that has become
// nonsense leaves the old ones in force, and says so.
func TestTokensAreReadAgain(t *testing.T) {
	path := tokensFile(t)
	w := newWorld(t, func(o *api.Options) { o.TokensFile, o.EnableLifecycle = path, true })
	w.token = editToken
	if err := os.WriteFile(path, []byte("alice: {token: "+editToken+", role: owner}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := w.raw("POST", "/-/reload", ""); a.StatusCode != 500 || !strings.Contains(string(a.body), "line 1") {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
	if a := w.do("GET", "/status", ""); a.StatusCode != 200 {
		t.Errorf("the old token got %d", a.StatusCode)
	}
	if err := os.WriteFile(path, []byte("bob: {token: bobs-token-0123456789, role: edit}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.server.Reload(); err != nil {
		t.Fatal(err)
	}
	if a := w.do("GET", "/status", ""); a.StatusCode != 401 {
		t.Errorf("the revoked token got %d", a.StatusCode)
	}
	w.token = "bobs-token-0123456789"
	if a := w.do("GET", "/status", ""); a.StatusCode != 200 {
		t.Errorf("the new token got %d", a.StatusCode)
	}
}

func TestReadTokens(t *testing.T) {
	long := strings.Repeat("t", 16)
	for name, c := range map[string]struct{ text, says string }{
		"empty":            {"", "want lines"},
		"a list":           {"- a\n- b", "want lines"},
		"nobody":           {"{}", "nobody"},
		"too short":        {"a: short", "line 1: the token of \"a\": want 16"},
		"with a space":     {"a: " + long + " x", "without spaces"},
		"unknown role":     {"a: {token: " + long + ", role: root}", "unknown role"},
		"unknown field":    {"a: {token: " + long + ", rol: edit}", "unknown field"},
		"no token":         {"a: {role: edit}", "want 16"},
		"twice the name":   {"a: " + long + "\na: " + long + "2", "line 2"},
		"twice the token":  {"a: " + long + "\nb: " + long, "another line"},
		"half a hash":      {"a: sha256:abcd", "64 hex digits"},
		"nested":           {"a: [x]", "want a token"},
		"nested deeper":    {"a: {token: [x]}", "want text"},
		"no name":          {`"": ` + long, "want a name"},
		"not YAML":         {"a: {", "line"},
		"a number is text": {"a: 1234567890123456", ""},
		"two fine ones":    {"a: " + long + "\nb: {token: " + long + "b, role: edit}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := api.ReadTokens(strings.NewReader(c.text))
			if c.says == "" {
				if err != nil || len(tokens) == 0 {
					t.Errorf("got %v, %v", tokens, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something with %q", err, c.says)
			}
		})
	}
}

func FuzzReadTokens(f *testing.F) {
	for _, seed := range []string{"a: tttttttttttttttt", "a: {token: tttttttttttttttt, role: edit}", "a: sha256:00", "{", "- a", "&a a: *a", "? [x]\n: y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := api.ReadTokens(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(tokens) == 0 {
			t.Fatal("nobody, and no error")
		}
		if who, ok := tokens.Find(""); ok {
			t.Fatalf("no token at all is %q's", who.Name)
		}
		for _, token := range tokens {
			if token.Name == "" || token.Role != api.RoleView && token.Role != api.RoleEdit {
				t.Fatalf("got %+v", token)
			}
		}
	})
}

func TestWithoutTokensOnlyLoopbackChanges(t *testing.T) {
	o := options(t)
	o.ListenAddress = "0.0.0.0:9595"
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOf(t, server)
	a := w.do("POST", "/corrections", `{"policy":"cordon","subject":"node/gpu-17"}`)
	if a.StatusCode != http.StatusForbidden || !strings.Contains(string(a.body), "tokens file") {
		t.Errorf("a listener on every address took a change: %d %s", a.StatusCode, a.body)
	}
	if a := w.do("GET", "/status", ""); a.StatusCode != 200 || decode[gen.Status](t, a).Role != gen.StatusRoleView {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
}

func TestRateIsPerClient(t *testing.T) {
	w := newWorld(t, func(o *api.Options) {
		o.RateLimit, o.RateBurst = 0.5, 3
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	})
	ask := func(client string) answer { return w.do("GET", "/status", "", "X-Forwarded-For: "+client) }
	for i := range 3 {
		if a := ask("203.0.113.1"); a.StatusCode != 200 {
			t.Fatalf("request %d got %d", i, a.StatusCode)
		}
	}
	if a := ask("203.0.113.1"); a.StatusCode != 429 || a.Header.Get("Retry-After") != "2" {
		t.Errorf("got %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
	if a := ask("203.0.113.2"); a.StatusCode != 200 {
		t.Errorf("another client got %d", a.StatusCode)
	}
	if a := ask("203.0.113.9, 203.0.113.1"); a.StatusCode != 429 {
		t.Errorf("who invents a first hop got %d", a.StatusCode)
	}
	if a := w.raw("GET", "/-/healthy", ""); a.StatusCode != 200 {
		t.Errorf("health got %d", a.StatusCode)
	}
}

func TestForwardedForIsNotTrusted(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.RateLimit, o.RateBurst = 0.5, 2 })
	status := 0
	for i := range 3 {
		status = w.do("GET", "/status", "", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i)).StatusCode
	}
	if status != 429 {
		t.Errorf("a client that invents addresses got %d", status)
	}
}

func TestRequestIDsAreKeptWhereTheyArePlain(t *testing.T) {
	w := newWorld(t, nil)
	for given, kept := range map[string]bool{"abc-123": true, "": false, "a b": false, strings.Repeat("x", 65): false, `"><script>`: false} {
		got := w.do("GET", "/status", "", "X-Request-Id: "+given).Header.Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("given %q, got %q", given, got)
		}
	}
}

func TestMetricsKnowRoutesNotSubjects(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *api.Options) { o.Registerer, o.Gatherer = registry, registry })
	w.do("GET", chatPath, "")
	w.do("GET", "/nothing", "")
	w.raw("BREW", "/api/v1/status", "")
	got := string(w.raw("GET", "/metrics", "").body)
	for _, want := range []string{
		`driftcast_api_requests_total{code="200",method="GET",route="/api/v1/forecasts/:target/:subject"} 1`,
		`driftcast_api_requests_total{code="405",method="other",`,
		`driftcast_api_request_duration_seconds_count{route="/api/v1/forecasts/:target/:subject"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "chat") || strings.Contains(got, "nothing") {
		t.Errorf("a path became a label:\n%s", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*api.Options)
		says   string
	}{
		"missing room":   {func(o *api.Options) { o.History = nil }, "Options.History"},
		"address":        {func(o *api.Options) { o.ListenAddress = "9595" }, "host:port"},
		"external URL":   {func(o *api.Options) { o.ExternalURL = "ops.example" }, "web.external-url"},
		"route prefix":   {func(o *api.Options) { o.RoutePrefix = `/a"b` }, "web.route-prefix"},
		"no tokens file": {func(o *api.Options) { o.TokensFile = "/nowhere/tokens" }, "tokens"},
		"negative limit": {func(o *api.Options) { o.BodyLimit = -1 }, "negative"},
		"used registry": {func(o *api.Options) {
			r := prometheus.NewRegistry()
			o.Registerer = r
			if _, err := api.New(*o); err != nil {
				panic(err)
			}
		}, "metrics"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			c.change(&o)
			if _, err := api.New(o); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something with %q", err, c.says)
			}
		})
	}
}

// TestChangesHoldTheirTag: If-Match takes the tag that a GET gave, until the
// thing changes.
func TestChangesHoldTheirTag(t *testing.T) {
	w := newWorld(t, nil)
	etag := w.do("GET", "/kill-switch", "").Header.Get("ETag")
	if a := w.do("PUT", "/kill-switch", `{"engaged":true}`, "If-Match: "+etag); a.StatusCode != 200 {
		t.Fatalf("got %d: %s", a.StatusCode, a.body)
	}
	if a := w.do("PUT", "/kill-switch", `{"engaged":false}`, "If-Match: "+etag); a.StatusCode != 412 {
		t.Errorf("the old tag got %d", a.StatusCode)
	}
	now := w.do("GET", "/kill-switch", "")
	if k := decode[gen.KillSwitch](t, now); !k.Engaged || k.Actor != "local" || !k.Changed.Equal(origin) {
		t.Errorf("got %+v", k)
	}
	etag = w.do("GET", "/corrections/c1", "").Header.Get("ETag")
	if a := w.do("POST", "/corrections/c1/approve", `{"reason":"go"}`, "If-Match: "+etag); a.StatusCode != 200 {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	} else if c := decode[gen.Correction](t, a); c.Reason != "go" || c.Actor != "local" || c.State != gen.CorrectionStateApplied {
		t.Errorf("got %+v", c)
	}
	if a := w.do("POST", "/corrections/c1/approve", `{}`, "If-Match: *"); a.StatusCode != 200 {
		t.Errorf("any tag got %d", a.StatusCode)
	}
}

// TestTheSameKeyAnswersWithTheFirstCorrection, as 200.
func TestTheSameKeyAnswersWithTheFirstCorrection(t *testing.T) {
	now := origin
	w := newWorld(t, func(o *api.Options) { o.Now = func() time.Time { return now } })
	body := `{"policy":"cordon","subject":"node/gpu-17"}`
	if a := w.do("POST", "/corrections", body, "Idempotency-Key: k"); a.StatusCode != 201 || decode[gen.Correction](t, a).Key == nil {
		t.Errorf("got %d", a.StatusCode)
	}
	now = now.Add(time.Minute) // the fake still says that it was proposed at the origin
	if a := w.do("POST", "/corrections", body, "Idempotency-Key: k"); a.StatusCode != 200 || a.Header.Get("Location") != "" {
		t.Errorf("got %d", a.StatusCode)
	}
	if strings.Contains(string(w.do("GET", "/corrections/c1", "").body), "a secret") {
		t.Errorf("what the actuator keeps for undoing is shown")
	}
}
