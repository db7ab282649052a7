package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/driftcast/driftcast/api"
)

// start runs a server on a free port and returns its URL and a stop that waits.
func start(t testing.TB, o api.Options) (*api.Server, string, func() error) {
	t.Helper()
	o.ListenAddress = "127.0.0.1:0"
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l, err := server.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()
	return server, "http://" + l.Addr().String(), func() error { cancel(); return <-done }
}

func TestServeStopsWithItsStreams(t *testing.T) {
	_, url, stop := start(t, options(t))
	response, err := http.Get(url + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("an open stream held the server for %s", took)
	}
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Errorf("the stream ended with %v, want a clean end", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestServeLetsRequestsFinish(t *testing.T) {
	o := options(t)
	began, finish := make(chan struct{}), make(chan struct{})
	o.Ready = func() error { close(began); <-finish; return nil }
	_, url, stop := start(t, o)
	status := make(chan int, 1)
	go func() {
		response, err := http.Get(url + "/-/ready")
		if err != nil {
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	time.Sleep(20 * time.Millisecond)
	close(finish)
	if got := <-status; got != 200 {
		t.Errorf("got %d", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestWebConfigFile(t *testing.T) {
	o := options(t)
	// No password fits this hash: the test wants to be refused.
	o.WebConfigFile = file(t, "web.yml", "basic_auth_users:\n  ops: $2a$04$9WQ2cw9vyLPrCFUZqO8sZu1P7tkxl7eL5mKjUpL.3gZ7Eo0bGvN9m\n")
	_, url, stop := start(t, o)
	response, err := http.Get(url + "/-/healthy")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 401 {
		t.Errorf("got %d, want 401 of the web configuration", response.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}

	o.WebConfigFile = file(t, "web.yml", "tls_server_config: {cert_fil: x}\n")
	o.ListenAddress = "127.0.0.1:0"
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "cert_fil") {
		t.Errorf("got %v, want what is wrong with the file", err)
	}
}

func TestRunNamesTheAddressItCannotHave(t *testing.T) {
	o := options(t)
	_, url, stop := start(t, o)
	defer stop()
	o.ListenAddress = strings.TrimPrefix(url, "http://")
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "web.listen-address") {
		t.Errorf("got %v", err)
	}
}

func TestHealth(t *testing.T) {
	ready := errors.New("the first step")
	w := newWorld(t, func(o *api.Options) { o.Ready = func() error { return ready } })
	for _, path := range []string{"/-/healthy", "/healthz"} {
		if a := w.raw("GET", path, ""); a.StatusCode != 200 {
			t.Errorf("%s: got %d", path, a.StatusCode)
		}
	}
	for _, path := range []string{"/-/ready", "/readyz"} {
		if a := w.raw("GET", path, ""); a.StatusCode != 503 || !strings.Contains(string(a.body), "the first step") {
			t.Errorf("%s: got %d: %s", path, a.StatusCode, a.body)
		}
	}
	if a := w.do("GET", "/status", ""); !strings.Contains(string(a.body), `"state":"starting"`) {
		t.Errorf("got %s", a.body)
	}
	ready = nil
	if a := w.raw("HEAD", "/readyz", ""); a.StatusCode != 200 {
		t.Errorf("got %d", a.StatusCode)
	}
	for _, path := range []string{"/-/reload", "/debug/pprof/", "/metrics"} {
		if a := w.raw("GET", path, ""); a.StatusCode != 404 {
			t.Errorf("%s is not enabled: got %d", path, a.StatusCode)
		}
	}
	if a := w.raw("POST", "/-/reload", ""); a.StatusCode/100 != 4 {
		t.Errorf("reload is not enabled: got %d", a.StatusCode)
	}
}

func TestPages(t *testing.T) {
	script := "console.log('" + strings.Repeat("x", 2000) + "')"
	ui := fstest.MapFS{
		"index.html":         {Data: []byte("<html><head><title>D</title></head></html>")},
		"assets/app-1234.js": {Data: []byte(script)},
		"favicon.svg":        {Data: []byte("<svg/>")},
	}
	w := newWorld(t, func(o *api.Options) { o.UI, o.RoutePrefix = ui, "/drift" })
	for _, c := range []struct {
		path   string
		status int
		cache  string
		kind   string
		has    string
	}{
		{"/drift/", 200, "no-cache", "text/html", `<base href="/drift/">`},
		{"/drift/forecasts/T/node%2Fgpu-17", 200, "no-cache", "text/html", "<title>D"},
		{"/drift/assets/app-1234.js", 200, "public, max-age=31536000, immutable", "javascript", "console"},
		{"/drift/favicon.svg", 200, "no-cache", "svg", "<svg/>"},
		{"/drift/assets/app-0000.js", 404, "no-store", "problem", "no such route"},
		{"/drift/old.js", 404, "no-store", "problem", "old.js"},
		{"/drift/api/v1/nothing", 404, "no-store", "problem", "no such route"},
		{"/drift/api/v2/forecasts", 404, "no-store", "problem", "no such route"},
		{"/drift/-/nothing", 404, "no-store", "problem", "no such route"},
		{"/drift/../../etc/passwd", 404, "", "", ""},
		{"/drift/..%2f..%2fetc/passwd", 200, "no-cache", "text/html", "<title>D"},
		{"/elsewhere", 404, "", "", ""},
		{"/", 302, "", "", ""},
	} {
		a := w.raw("GET", c.path, "")
		if a.StatusCode == 301 || a.StatusCode == 307 { // the mux cleans paths
			continue
		}
		if a.StatusCode != c.status || a.Header.Get("Cache-Control") != c.cache ||
			!strings.Contains(a.Header.Get("Content-Type"), c.kind) || !strings.Contains(string(a.body), c.has) {
			t.Errorf("%s: got %d, %q, %q: %.100s", c.path, a.StatusCode, a.Header.Get("Cache-Control"), a.Header.Get("Content-Type"), a.body)
		}
		if c.status == 200 && !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s has no policy", c.path)
		}
	}
	if a := w.raw("GET", "/drift/assets/app-1234.js", "", "Accept-Encoding: gzip"); a.Header.Get("Content-Encoding") != "gzip" || len(a.body) > 500 {
		t.Errorf("got %d bytes", len(a.body))
	}
	etag := w.raw("GET", "/drift/", "").Header.Get("ETag")
	if a := w.raw("GET", "/drift/", "", "If-None-Match: "+etag); a.StatusCode != 304 {
		t.Errorf("got %d", a.StatusCode)
	}
	if a := w.raw("HEAD", "/drift/", ""); a.StatusCode != 200 || len(a.body) != 0 {
		t.Errorf("HEAD got %d with %d bytes", a.StatusCode, len(a.body))
	}
	if a := w.raw("GET", "/drift/api/v1/status", ""); a.StatusCode != 200 {
		t.Errorf("the API under a prefix got %d: %s", a.StatusCode, a.body)
	}
}

func TestPageThatIsNotBuiltSaysHow(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.UI = fstest.MapFS{} })
	a := w.raw("GET", "/", "")
	if a.StatusCode != 200 || !strings.Contains(string(a.body), "make ui") || !strings.Contains(string(a.body), "openapi.yaml") {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
}
