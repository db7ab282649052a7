package collector_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/config"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("25") // each opens a History or more
	}
	goleak.VerifyTestMain(m)
}

// server starts a server that answers as told and a client for it.
func server(t *testing.T, o collector.PrometheusOptions, answer http.HandlerFunc) *collector.Prometheus {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	o.URL, o.Backoff = s.URL, time.Millisecond
	p, err := collector.NewPrometheus(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func seconds(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Error(err)
	}
	return v
}

func TestQueryRangeSplitsAndJoins(t *testing.T) {
	var mu sync.Mutex
	var asked int
	var busy, most atomic.Int32
	p := server(t, collector.PrometheusOptions{MaxPoints: 100, Concurrency: 3, HTTPClient: config.HTTPClientConfig{
		HTTPHeaders: &config.Headers{Headers: map[string]config.Header{"X-Scope-OrgID": {Values: []string{"gpu"}}}},
	}}, func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), busy.Add(1)))
		defer busy.Add(-1)
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/query_range" || r.FormValue("query") != "power" || r.Header.Get("X-Scope-OrgID") != "gpu" {
			t.Errorf("asked %s %s %v %v", r.Method, r.URL, r.Form, r.Header)
		}
		start, end, step := seconds(t, r.FormValue("start")), seconds(t, r.FormValue("end")), seconds(t, r.FormValue("step"))
		if points := int((end-start)/step) + 1; points > 100 || step != 15 {
			t.Errorf("asked for %d points of %v s", points, step)
		}
		mu.Lock()
		asked++
		part := asked
		mu.Unlock()
		var all []string
		for at := start; at <= end; at += step {
			all = append(all, fmt.Sprintf(`[%.3f,"%v"]`, at, at))
		}
		values := strings.Join(all, ",")
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"node":"a"},"values":[%s]}`, values)
		if start == float64(epoch.Unix()) {
			fmt.Fprintf(w, `,{"metric":{"node":"b"},"values":[%s]}`, values)
		}
		fmt.Fprintf(w, `]},"warnings":["store is down","PromQL warning: odd"],"infos":["part %d"]}`, part)
	})
	window := collector.Window{Start: epoch, End: epoch.Add(249 * 15 * time.Second), Step: 15 * time.Second}
	got, err := p.QueryRange(t.Context(), "power", window)
	if err != nil {
		t.Fatal(err)
	}
	if asked != 3 || most.Load() > 3 {
		t.Errorf("asked %d times, %d at once", asked, most.Load())
	}
	want := collector.Result{Warnings: []string{"store is down"}, Series: []collector.Series{
		ramp(epoch, 15*time.Second, 250, node("a")), ramp(epoch, 15*time.Second, 100, node("b")),
	}}
	for _, s := range want.Series {
		for i := range s.Values {
			s.Values[i] = float64(s.Times[i] / 1000)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueryErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []func(http.ResponseWriter)
		want    string // "" for success
		tries   int
		passing bool
	}{
		{"bad expression is final", []func(http.ResponseWriter){refuse(400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end"}`, "")},
			`query "up +": HTTP 400: bad_data: 1:5: parse error: unexpected end`, 1, false},
		{"execution error is final", []func(http.ResponseWriter){refuse(422, `{"status":"error","errorType":"execution","error":"too many samples"}`, "")}, "execution: too many samples", 1, false},
		{"wrong token", []func(http.ResponseWriter){refuse(401, "Unauthorized", "")}, "HTTP 401: Unauthorized: check the credentials", 1, false},
		{"wrong path", []func(http.ResponseWriter){refuse(404, "page not found", "")}, "is this the address", 1, false},
		{"an HTML page", []func(http.ResponseWriter){refuse(200, "<html>", "")}, "unreadable answer at byte 0", 1, false},
		{"overload passes", []func(http.ResponseWriter){refuse(503, "busy", ""), refuse(429, "slow down", "0"), refuse(200, nothing, "")}, "", 3, false},
		{"overload stays", []func(http.ResponseWriter){refuse(503, "busy", "")}, "HTTP 503: busy", 4, true},
		{"connection breaks", []func(http.ResponseWriter){hangUp, refuse(200, nothing, "")}, "", 2, false},
		{"answer breaks off", []func(http.ResponseWriter){breakOff, refuse(200, nothing, "")}, "", 2, false},
		{"told to wait longer than the timeout", []func(http.ResponseWriter){refuse(429, "slow down", "3600")}, "HTTP 429: slow down", 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var tries atomic.Int32
			reg := prometheus.NewRegistry()
			p := server(t, collector.PrometheusOptions{Registerer: reg, Timeout: 5 * time.Second}, func(w http.ResponseWriter, _ *http.Request) {
				n := int(tries.Add(1))
				tc.answers[min(n, len(tc.answers))-1](w)
			})
			_, err := p.Query(t.Context(), "up +", epoch)
			if (tc.want == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if errors.Is(err, collector.ErrUnavailable) != tc.passing {
				t.Errorf("%v: unavailable is %v", err, !tc.passing)
			}
			if got := int(tries.Load()); got != tc.tries {
				t.Errorf("%d tries, want %d", got, tc.tries)
			}
			want := fmt.Sprintf("# HELP driftcast_collector_requests_total Requests sent to Prometheus, repeated ones included.\n# TYPE driftcast_collector_requests_total counter\ndriftcast_collector_requests_total %d\n", tc.tries)
			if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "driftcast_collector_requests_total"); err != nil {
				t.Error(err)
			}
		})
	}
}

const nothing = `{"status":"success","data":{"resultType":"vector","result":[]}}`

func refuse(code int, body, retryAfter string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func breakOff(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, `{"status":"succ`)
}

func TestBreakerLeavesAFailingServerAlone(t *testing.T) {
	var asked atomic.Int32
	var fine atomic.Bool
	p := server(t, collector.PrometheusOptions{Cooldown: 50 * time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if fine.Load() {
			fmt.Fprint(w, nothing)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	var err error
	for range 5 {
		_, err = p.Query(t.Context(), "up", epoch)
	}
	if asked.Load() != 10 || !errors.Is(err, collector.ErrUnavailable) || !strings.Contains(err.Error(), "left alone") {
		t.Errorf("asked %d times, last error %v", asked.Load(), err)
	}
	fine.Store(true)
	time.Sleep(60 * time.Millisecond)
	if _, err = p.Query(t.Context(), "up", epoch); err != nil {
		t.Error(err)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCancelledQueryReturnsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := server(t, collector.PrometheusOptions{}, func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // or the server does not see the client go
		cancel()
		<-r.Context().Done()
	})
	if _, err := p.Query(ctx, "up", epoch); !errors.Is(err, context.Canceled) || errors.Is(err, collector.ErrUnavailable) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestPrometheusOptions(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts collector.PrometheusOptions
		want string
	}{
		{"no address", collector.PrometheusOptions{}, `prometheus url "": want http://host:port`},
		{"no scheme", collector.PrometheusOptions{URL: "localhost:9090"}, "want http://host:port"},
		{"negative", collector.PrometheusOptions{URL: "http://x", Timeout: -1}, "must not be negative"},
		{"two ways to sign in", collector.PrometheusOptions{URL: "http://x", HTTPClient: config.HTTPClientConfig{
			BasicAuth: &config.BasicAuth{Username: "a"}, BearerToken: "b"}}, "at most one of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := collector.NewPrometheus(tc.opts); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
