package alerter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/alerter"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func warning(node string) forecaster.Warning {
	return forecaster.Warning{
		Target: "NodeNotReady", Subject: collector.Subject{Kind: "node", Name: node}, Horizon: 6 * time.Hour,
		Risk: 0.824, Threshold: 0.7, Lead: 2 * time.Hour, Origin: start, StartsAt: start, Fresh: start, Correction: "cordon-at-risk",
		Drivers: []models.Driver{{Column: "row_remaps_change_6h", Text: "row remaps +3 in 6 h"}, {Column: "scrape_gaps_1h"}},
	}
}

// posted is an alert as a peer receives it.
type posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// fake is an Alertmanager that remembers what it took and fails on demand.
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	status  int // answered instead of 200
	batches [][]posted
	tries   int
}

func newFake(t *testing.T) *fake {
	f := &fake{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var batch []posted
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil || r.URL.Path != "/am/api/v2/alerts" || r.Method != http.MethodPost {
		http.Error(w, fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err), http.StatusTeapot)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.status != 0 {
		http.Error(w, "as the test says", f.status)
		return
	}
	f.batches = append(f.batches, batch)
}

func (f *fake) fail(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
}

func (f *fake) tried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tries
}

func (f *fake) took() []posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []posted
	for _, b := range f.batches {
		all = append(all, b...)
	}
	return all
}

// run starts an Alerter and stops it with the test.
func run(t *testing.T, o alerter.Options, peers ...string) *alerter.Alerter {
	t.Helper()
	for _, url := range peers {
		o.Peers = append(o.Peers, alerter.PeerConfig{URL: url})
	}
	o.Logger = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	a, err := alerter.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func notify(t *testing.T, a *alerter.Alerter, warnings ...forecaster.Warning) {
	t.Helper()
	if err := a.Notify(t.Context(), warnings); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never happened: %s", what)
}

func TestAlert(t *testing.T) {
	f := newFake(t)
	a := run(t, alerter.Options{
		ExternalURL: "http://driftcast.example/", ExternalLabels: map[string]string{"cluster": "eu-1", "team": "external"},
		Now: func() time.Time { return start },
	}, f.URL+"/am/")
	w := warning("gpu-17")
	w.Labels = map[string]string{"team": "gpu", "alertname": "Impostor", "empty": ""}
	w.Annotations = map[string]string{"runbook_url": "https://runbooks.example/node"}
	gpu := warning("gpu-17:3")
	gpu.Subject.Kind = "gpu"
	gpu.Labels = map[string]string{"severity": "page"}
	service := warning("chat")
	service.Subject = collector.Subject{Kind: "service", Namespace: "llm", Name: "chat"}
	notify(t, a, w, gpu, service)
	eventually(t, "three alerts", func() bool { return len(f.took()) == 3 })

	want := posted{
		Labels: map[string]string{"alertname": "NodeNotReady", "severity": "warning", "kind": "node", "node": "gpu-17", "cluster": "eu-1", "team": "gpu"},
		Annotations: map[string]string{
			"summary": "NodeNotReady of node/gpu-17 within 6h: risk 0.82", "probability": "0.82", "threshold": "0.70", "horizon": "6h",
			"eta": "2026-11-23T14:00:00Z", "drivers": "row remaps +3 in 6 h; scrape_gaps_1h", "correction": "cordon-at-risk",
			"runbook_url": "https://runbooks.example/node",
		},
		StartsAt: start, EndsAt: start.Add(4 * time.Minute),
		GeneratorURL: "http://driftcast.example/forecasts/NodeNotReady/node%2Fgpu-17",
	}
	got := f.took()
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("alert (-want +got):\n%s", diff)
	}
	if l := got[1].Labels; l["gpu"] != "gpu-17:3" || l["node"] != "gpu-17" || l["severity"] != "page" {
		t.Errorf("labels of a gpu: %v", l)
	}
	if l := got[2].Labels; l["service"] != "chat" || l["namespace"] != "llm" {
		t.Errorf("labels of a service: %v", l)
	}
}

func TestOneDeadPeerDelaysNobody(t *testing.T) {
	hang := make(chan struct{})
	dead := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-hang
	}))
	defer dead.Close()
	defer close(hang)
	alive := newFake(t)
	a := run(t, alerter.Options{Timeout: 300 * time.Millisecond}, dead.URL, alive.URL+"/am")
	began := time.Now()
	notify(t, a, warning("gpu-17"))
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("Notify took %s: it waits for the network", took)
	}
	eventually(t, "the living peer has it", func() bool { return len(alive.took()) == 1 })
}

func TestRetries(t *testing.T) {
	tests := map[string]struct {
		status int
		kept   bool
	}{
		"a peer that is overloaded gets it later":     {http.StatusServiceUnavailable, true},
		"a peer that wants less gets it later":        {http.StatusTooManyRequests, true},
		"what a peer refuses is not sent again":       {http.StatusBadRequest, false},
		"a wrong password does not fill the queue":    {http.StatusUnauthorized, false},
		"a wrong path prefix does not fill it either": {http.StatusNotFound, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.fail(tt.status)
			registry := prometheus.NewPedanticRegistry()
			a := run(t, alerter.Options{Registerer: registry}, f.URL+"/am")
			notify(t, a, warning("gpu-17"))
			eventually(t, "a try", func() bool { return f.tried() > 0 })
			f.fail(0)
			if tt.kept {
				eventually(t, "the alert is there", func() bool { return len(f.took()) == 1 })
				return
			}
			eventually(t, "counted as dropped", func() bool { return value(t, registry, "driftcast_alerts_dropped_total") == 1 })
			if n := value(t, registry, "driftcast_alerts_queue_length"); n != 0 {
				t.Errorf("%v still queued", n)
			}
		})
	}
}

func TestBatchesAndOverflow(t *testing.T) {
	f := newFake(t)
	f.fail(http.StatusServiceUnavailable)
	registry := prometheus.NewPedanticRegistry()
	a := run(t, alerter.Options{QueueCapacity: 600, Registerer: registry}, f.URL+"/am")
	var all []forecaster.Warning
	for i := range 700 {
		all = append(all, warning(fmt.Sprintf("gpu-%d", i)))
	}
	notify(t, a, all...)
	notify(t, a, all[699]) // the same again takes no room
	eventually(t, "a try", func() bool { return f.tried() > 0 })
	f.fail(0)
	eventually(t, "600 alerts", func() bool { return len(f.took()) == 600 })
	if got := value(t, registry, "driftcast_alerts_dropped_total"); got != 100 {
		t.Errorf("dropped %v, want 100", got)
	}
	if got := f.took()[0].Labels["node"]; got != "gpu-100" {
		t.Errorf("the oldest kept is %s: the oldest should go first", got)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.batches {
		if len(b) > 256 {
			t.Errorf("a batch of %d", len(b))
		}
	}
}

func TestDrainsOnShutdown(t *testing.T) {
	f := newFake(t)
	a, err := alerter.New(alerter.Options{Peers: []alerter.PeerConfig{{URL: f.URL + "/am"}}})
	if err != nil {
		t.Fatal(err)
	}
	var all []forecaster.Warning
	for i := range 1000 {
		all = append(all, warning(fmt.Sprintf("gpu-%d", i)))
	}
	notify(t, a, all...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // shutdown comes before the first post
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := len(f.took()); got != 1000 {
		t.Errorf("%d of 1000 alerts were sent before Run returned", got)
	}
}

func TestBadOptions(t *testing.T) {
	tests := map[string]struct {
		url, want string
	}{
		"no scheme":          {"alertmanager:9093", "want http(s)://host"},
		"another scheme":     {"ftp://alertmanager", "want http(s)://host"},
		"no host":            {"http://", "want http(s)://host"},
		"the same one twice": {"http://twice", "is there twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := alerter.New(alerter.Options{Peers: []alerter.PeerConfig{{URL: "http://twice"}, {URL: tt.url}}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	_, err := alerter.New(alerter.Options{Peers: []alerter.PeerConfig{{URL: "http//user:hunter2@host"}}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password shows: %v", err)
	}
}

// value is the sum of a metric over its labels.
func value(t *testing.T, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func TestMetricsAreThere(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if _, err := alerter.New(alerter.Options{Peers: []alerter.PeerConfig{{URL: "http://user:secret@am"}}, Registerer: registry}); err != nil {
		t.Fatal(err)
	}
	want := `# HELP driftcast_alerts_sent_total Alerts that a peer took, resent ones included.
# TYPE driftcast_alerts_sent_total counter
driftcast_alerts_sent_total{alertmanager="http://am"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "driftcast_alerts_sent_total"); err != nil {
		t.Error(err)
	}
}
