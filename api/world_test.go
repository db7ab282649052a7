package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	origin  = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	gpu17   = collector.Subject{Kind: "node", Name: "gpu-17"}
	chat    = collector.Subject{Kind: "service", Namespace: "serving", Name: "chat"}
	latency = features.Target{Name: "TimeToFirstToken", Group: "serving", Interval: time.Minute,
		Subject: collector.SubjectSpec{Kind: "service", Labels: []string{"namespace", "service"}},
		Level:   `histogram_quantile(0.99, x)`, Objective: &features.Objective{Op: "<", Bound: 2}, For: 5 * time.Minute,
		Horizons: []time.Duration{15 * time.Minute, time.Hour}, Scale: features.ScaleLog, Signals: []string{"kv_cache_usage"},
		Warn: features.Warn{Risk: 0.6, Budget: features.Budget{Count: 2, Per: 24 * time.Hour}}, Correction: "scale-out",
		Annotations: map[string]string{"summary": "slow first token"}}
	notReady = features.Target{Name: "NodeNotReady", Group: "nodes", Interval: time.Minute,
		Subject: collector.SubjectSpec{Kind: "node", Labels: []string{"node"}}, Event: `ready == 0`,
		Horizons: []time.Duration{time.Hour, 6 * time.Hour}}
	kvCache = collector.Signal{Name: "kv_cache_usage", Group: "serving", Expr: "vllm:kv_cache_usage_perc", Interval: time.Minute,
		Subject: latency.Subject, Unit: "ratio", Help: "Share of the KV cache in use."}
	latencySignal = collector.Signal{Name: "TimeToFirstToken", Interval: time.Minute, Subject: latency.Subject, Unit: "s"}
)

// levelForecast has a path whose median crosses the bound of 2 at the fourth
// lead.
func levelForecast() models.Forecast {
	f := models.Forecast{Target: latency.Name, Subject: chat, Model: "ridge", Origin: origin, Interval: time.Minute,
		Risks: []models.Risk{{Horizon: 15 * time.Minute, Probability: 0.31}, {Horizon: time.Hour, Probability: 0.62}},
		Drivers: []models.Driver{{Column: "slope_1h", Value: 0.4, Contribution: 1.2, Text: "rising for 1 h"},
			{Column: "gaps", Value: math.NaN(), Contribution: math.Inf(1), Text: "no telemetry"}}}
	for lead := 1; lead <= 60; lead++ {
		f.Leads = append(f.Leads, lead)
		for q := range models.Quantiles {
			f.Path = append(f.Path, 0.7+float64(lead)*0.35+float64(q-models.Median)*0.05)
		}
	}
	return f
}

func eventForecast() models.Forecast {
	return models.Forecast{Target: notReady.Name, Subject: gpu17, Model: "hazard", Origin: origin, Interval: time.Minute,
		Risks: []models.Risk{{Horizon: time.Hour, Probability: 0.2}, {Horizon: 6 * time.Hour, Probability: 0.8}}}
}

func aCorrection() forecaster.Correction {
	return forecaster.Correction{ID: "c1", Policy: "cordon", Actuator: "kubernetes", Mode: "recommend", Target: notReady.Name, Subject: gpu17,
		Risk: 0.8, Horizon: 6 * time.Hour, State: forecaster.Proposed, Reason: "risk 0.80", Plan: "cordon gpu-17", Undo: "a secret",
		Actor: "loop", Proposed: origin, Changed: origin, ExpiresAt: origin.Add(time.Hour)}
}

func aRun(target string) forecaster.Run {
	return forecaster.Run{ID: "run-" + target, Target: target, State: forecaster.RunQueued, Reason: "api", Seed: math.MaxUint64}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// options are a world in which everything answers.
func options(t testing.TB) api.Options {
	champion := models.Manifest{ID: "m2", Target: latency.Name, Model: "ridge", Seed: 7, Rows: 1000, Size: 12345, Created: origin,
		Scores: map[string]float64{"mase": 0.9}}
	registry := fakeModels{
		list: func(target string) ([]models.Manifest, error) {
			if target != "" && target != latency.Name {
				return nil, nil
			}
			return []models.Manifest{champion}, nil
		},
		manifest: func(id string) (models.Manifest, error) {
			if id != champion.ID {
				return models.Manifest{}, fmt.Errorf("model %s: %w: there is no /data/x.json", id, models.ErrNotFound)
			}
			return champion, nil
		},
		champion: func(target string) (string, error) {
			if target != latency.Name {
				return "", fmt.Errorf("champion: %w", models.ErrNotFound)
			}
			return champion.ID, nil
		},
		promote: func(string, string) error { return nil },
		rollback: func(target string) (string, error) {
			if target != latency.Name {
				return "", fmt.Errorf("roll back: %w", models.ErrNotFound)
			}
			return champion.ID, nil
		},
	}
	corrector := fakeCorrector{
		submit: func(_ context.Context, r api.CorrectionRequest) (forecaster.Correction, error) {
			if r.Policy == "nonsense" {
				return forecaster.Correction{}, fmt.Errorf("policy nonsense takes no nodes: %w", api.ErrInvalid)
			}
			c := aCorrection()
			c.Policy, c.Subject, c.Actor, c.Key = r.Policy, r.Subject, r.Actor, r.Key
			if r.DryRun {
				c.ID, c.Proposed = "", time.Time{}
			}
			return c, nil
		},
		decide: func(verb, id, actor, reason string) (forecaster.Correction, error) {
			c := aCorrection()
			c.State = map[string]forecaster.CorrectionState{"acknowledge": forecaster.Blocked, "approve": forecaster.Applied, "reject": forecaster.Rejected, "revert": forecaster.Reverted}[verb]
			c.Actor, c.Reason = actor, reason
			return c, nil
		},
	}
	return api.Options{
		Forecasts: fakeForecasts{
			list: func(_ context.Context, q forecaster.ForecastQuery) ([]models.Forecast, string, error) {
				if q.Cursor == "bad" {
					return nil, "", fmt.Errorf("cursor %q: %w", q.Cursor, forecaster.ErrQuery)
				}
				return []models.Forecast{eventForecast(), levelForecast()}, "more", nil
			},
			one: func(_ context.Context, target, subject string) (models.Forecast, error) {
				for _, f := range []models.Forecast{levelForecast(), eventForecast()} {
					if f.Target == target && f.Subject.String() == subject {
						return f, nil
					}
				}
				return models.Forecast{}, fmt.Errorf("forecast of %s for %s: %w", target, subject, forecaster.ErrNotFound)
			},
			issued: func(_ context.Context, target, _ string, since time.Time, limit int) ([]forecaster.Outcome, error) {
				var list []forecaster.Outcome
				for at := origin; at.After(since) && len(list) < limit; at = at.Add(-time.Minute) {
					o := forecaster.Outcome{Target: target, Model: "ridge", Origin: at, Horizon: 15 * time.Minute, Median: 1, Lower: 0.5,
						Upper: 1.5, Risk: math.NaN(), Naive: 1, Actual: math.NaN(), Happened: math.NaN()}
					if at.Before(origin.Add(-15 * time.Minute)) {
						o.Actual, o.Happened, o.Matured = 1.1, 0, at.Add(15*time.Minute)
					}
					list = append(list, o)
				}
				return list, nil
			},
		},
		Runs: fakeRuns{
			run: func(_ context.Context, id string) (forecaster.Run, error) {
				if id != "run-1" {
					return forecaster.Run{}, fmt.Errorf("run %s: %w", id, forecaster.ErrNotFound)
				}
				return aRun(latency.Name), nil
			},
			runs: func(_ context.Context, limit int) ([]forecaster.Run, error) {
				return []forecaster.Run{aRun(latency.Name)}[:min(limit, 1)], nil
			},
			scorecards: func(_ context.Context, target string) ([]forecaster.Scorecard, error) {
				return []forecaster.Scorecard{{Target: latency.Name, Horizon: time.Hour, Model: "ridge", Forecasts: 100, Skill: 0.3,
					Coverage: 0.81, Pinball: 0.02, Calibration: 0.01, Reliability: []forecaster.Reliability{{Risk: 0.1, Happened: 0.2, Forecasts: 40}}, Brier: math.NaN(), BaseRate: math.NaN(), LeadSeconds: math.NaN(), From: origin, Through: origin}}, nil
			},
		},
		Corrections: fakeCorrections{
			list: func(_ context.Context, q forecaster.CorrectionQuery) ([]forecaster.Correction, string, error) {
				return []forecaster.Correction{aCorrection()}, "", nil
			},
			one: func(_ context.Context, id string) (forecaster.Correction, error) {
				if id != "c1" {
					return forecaster.Correction{}, fmt.Errorf("correction %s: %w", id, forecaster.ErrNotFound)
				}
				return aCorrection(), nil
			},
		},
		Audit: fakeAudit{
			audit: func(_ context.Context, after int64, limit int) ([]forecaster.AuditEntry, error) {
				var list []forecaster.AuditEntry
				for seq := after + 1; seq <= 3 && len(list) < limit; seq++ {
					list = append(list, forecaster.AuditEntry{Seq: seq, At: origin, Actor: "loop", Action: "propose", Correction: aCorrection(), Hash: "h"})
				}
				return list, nil
			},
			verify: func(context.Context) (int64, error) { return 3, nil },
		},
		History: history(t), Models: registry, Promoter: registry,
		Explainer: fakeExplainer(func(_ context.Context, target string, sub collector.Subject) (forecaster.Explanation, error) {
			if sub != chat {
				return forecaster.Explanation{}, fmt.Errorf("explain: %w", forecaster.ErrNotFound)
			}
			return forecaster.Explanation{Target: target, Subject: sub, Origin: origin, Horizon: time.Hour, At: 1, Known: 1, Happened: 1, Text: "1 of 1",
				Episodes: []models.Episode{{Subject: sub, Origin: origin.Add(-24 * time.Hour), Distance: 0.5, Value: 1, After: []float64{1, math.NaN()}, Happened: []float64{0, 1}}}}, nil
		}),
		Shifts:    fakeShifts{},
		Drift:     fakeDrift(aReport()),
		Episodes:  fakeEpisodes(anEpisode()),
		Changes:   &fakeChanges{},
		Policies:  fakePolicies{},
		Baselines: fakeBaselines{},
		Retrainer: fakeRetrainer(func(target, _ string) (forecaster.Run, error) { return aRun(target), nil }),
		Corrector: corrector, Decider: corrector, Acknowledger: corrector, KillSwitch: &fakeSwitch{},
		Targets: func() []features.Target { return []features.Target{latency, notReady} },
		Signals: func() []collector.Signal { return []collector.Signal{kvCache, latencySignal} },
		Status: func() forecaster.Status {
			return forecaster.Status{LastStep: origin, Targets: []forecaster.TargetStatus{{Target: latency.Name, Subjects: 1, LastStep: origin}}}
		},
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return origin }, Version: "test", RateLimit: -1,
	}
}

// world is a server on loopback whose every answer is held against the
// contract.
type world struct {
	t      testing.TB
	server *api.Server
	url    string
	doc    *openapi3.T
	token  string
	seen   map[string]bool // operations that have answered with 2xx
}

func newWorld(t testing.TB, change func(*api.Options)) *world {
	t.Helper()
	o := options(t)
	if change != nil {
		change(&o)
	}
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOf(t, server)
}

func newWorldOf(t testing.TB, server *api.Server) *world {
	t.Helper()
	listener := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		listener.Close()
	})
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, server: server, url: listener.URL, doc: doc, seen: map[string]bool{}}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

// decode reads the body as T.
func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

// do sends a request, path within the API, and checks the answer against the
// contract. Headers are "Name: value".
func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	a := w.raw(method, "/api/v1"+path, body, headers...)
	w.conforms(method, a)
	return a
}

// raw sends a request anywhere.
func (w *world) raw(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r) // redirects are answers too
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{response, text}
}

// conforms holds an answer against the contract.
func (w *world) conforms(method string, a answer) {
	w.t.Helper()
	route := w.route(method, a.Request.URL)
	if route == nil {
		return // a path or method that is not in it; the test knows why
	}
	if a.StatusCode < 300 {
		w.seen[method+" "+route.Path] = true
	}
	if a.StatusCode >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
		w.t.Errorf("%s %s: an error of type %q", method, a.Request.URL, a.Header.Get("Content-Type"))
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: a.Request, Route: route},
		Status:                 a.StatusCode, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true,
			ExcludeResponseBody: !strings.Contains(a.Header.Get("Content-Type"), "json")},
	})
	if err != nil {
		w.t.Errorf("%s %s answers %d against the contract: %v\n%s", method, a.Request.URL, a.StatusCode, err, a.body)
	}
}

// route finds the operation of a request; a literal segment is preferred to a
// parameter.
func (w *world) route(method string, u *url.URL) (best *routers.Route) {
	got := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/api/v1"), "/")
	for path, item := range w.doc.Paths.Map() {
		want := strings.Split(path, "/")
		op := item.Operations()[method]
		same := len(got) == len(want) && op != nil
		for i := 0; same && i < len(want); i++ {
			same = want[i] == got[i] || strings.HasPrefix(want[i], "{")
		}
		if same && (best == nil || strings.Count(path, "{") < strings.Count(best.Path, "{")) {
			best = &routers.Route{Spec: w.doc, Path: path, PathItem: item, Method: method, Operation: op}
		}
	}
	return best
}

// file writes a file for a test and returns its path.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
