package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	promapi "github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/future"
	"github.com/driftcast/driftcast/models"
)

// foretold is a store with one forecast a target and no past.
type foretold struct{ fakeForecasts }

func (foretold) Forecasts(_ context.Context, q forecaster.ForecastQuery) ([]models.Forecast, string, error) {
	for _, f := range []models.Forecast{levelForecast(), eventForecast()} {
		if f.Target == q.Target {
			return []models.Forecast{f}, "", nil
		}
	}
	return nil, "", nil
}

func (foretold) IssuedOf(context.Context, forecaster.IssuedQuery, func(forecaster.Issued) error) error {
	return nil
}

func withFuture(t testing.TB) func(*api.Options) {
	outlook, err := future.New(future.Options{Store: foretold{}, Now: func() time.Time { return origin },
		Targets: func() []features.Target { return []features.Target{latency, notReady} }})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *api.Options) { o.Future = outlook }
}

// form sends a request as Prometheus' clients do; a body goes as a form.
func (w *world) form(method, path, form string, headers ...string) answer {
	if method == http.MethodPost {
		return w.raw(method, "/prometheus"+path, form, append(headers, "Content-Type: application/x-www-form-urlencoded")...)
	}
	return w.raw(method, "/prometheus"+path+"?"+form, "", headers...)
}

// TestPrometheusAnswers wants Prometheus' own shapes, for every format that it
// reads. The forecast of the level is 0.7 + 0.35 a minute; its origin is 05:00.
func TestPrometheusAnswers(t *testing.T) {
	w := newWorld(t, withFuture(t))
	const (
		query  = "query=TimeToFirstToken:predicted{ml_forecast%3D\"yhat\"}"
		metric = `{"metric":{"__name__":"TimeToFirstToken:predicted","ml_forecast":"yhat","namespace":"serving","service":"chat"},`
		vector = `{"status":"success","data":{"resultType":"vector","result":[` + metric + `"value":[1795410600,"4.2"]}]}}`
		matrix = `{"status":"success","data":{"resultType":"matrix","result":[` + metric + `"values":[[1795410600,"4.2"],[1795410900,"5.95"]]}]}}`
	)
	for name, c := range map[string]struct{ method, path, form, want string }{
		"at a time":                    {"GET", "/api/v1/query", query + "&time=1795410600", vector},
		"as a form":                    {"POST", "/api/v1/query", query + "&time=1795410600", vector},
		"at a time in words":           {"GET", "/api/v1/query", query + "&time=2026-11-23T05:10:00Z", vector},
		"in another zone":              {"GET", "/api/v1/query", query + "&time=2026-11-23T06:10:00.000%2B01:00", vector},
		"at a fraction of a second":    {"GET", "/api/v1/query", "query=time()&time=1795410600.25", `{"status":"success","data":{"resultType":"scalar","result":[1795410600.250,"1795410600.25"]}}`},
		"now, by the server's clock":   {"GET", "/api/v1/query", "query=time()", `{"status":"success","data":{"resultType":"scalar","result":[1795410000,"1795410000"]}}`},
		"Grafana's test":               {"POST", "/api/v1/query", "query=1%2B1&time=4", `{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}`},
		"before 1970":                  {"GET", "/api/v1/query", "query=1&time=-1.5", `{"status":"success","data":{"resultType":"scalar","result":[-1.500,"1"]}}`},
		"no finite number":             {"GET", "/api/v1/query", "query=-1/0", `{"status":"success","data":{"resultType":"scalar","result":[1795410000,"-Inf"]}}`},
		"no number":                    {"GET", "/api/v1/query", "query=0/0", `{"status":"success","data":{"resultType":"scalar","result":[1795410000,"NaN"]}}`},
		"a tiny number":                {"GET", "/api/v1/query", "query=1e-9", `{"status":"success","data":{"resultType":"scalar","result":[1795410000,"1e-09"]}}`},
		"a text":                       {"GET", "/api/v1/query", `query="a\"b"`, `{"status":"success","data":{"resultType":"string","result":[1795410000,"a\"b"]}}`},
		"nothing":                      {"GET", "/api/v1/query", "query=up", `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		"a range":                      {"GET", "/api/v1/query_range", query + "&start=1795410600&end=1795410960&step=300", matrix},
		"a range in other words":       {"POST", "/api/v1/query_range", query + "&start=2026-11-23T05:10:00Z&end=2026-11-23T05:16:00Z&step=5m", matrix},
		"a range with a timeout":       {"POST", "/api/v1/query_range", query + "&start=1795410600&end=1795410960&step=300s&timeout=10s", matrix},
		"a range of one moment":        {"GET", "/api/v1/query_range", "query=1&start=60&end=60&step=1", `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[60,"1"]]}]}}`},
		"at most one series":           {"GET", "/api/v1/query", `query=count by (quantile) (driftcast_forecast_quantile)&time=1795410600&limit=1`, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"quantile":"0.1"},"value":[1795410600,"1"]}]},"warnings":["results truncated due to limit"]}`},
		"a hint":                       {"GET", "/api/v1/query", "query=rate(TimeToFirstToken:predicted{service%3D\"none\"}[5m])", `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		"labels":                       {"GET", "/api/v1/labels", "", `{"status":"success","data":["__name__","horizon","kind","ml_forecast","namespace","node","quantile","service","subject","target"]}`},
		"labels of some":               {"POST", "/api/v1/labels", `match[]={__name__%3D~".%2B:predicted",}&start=1795410000&end=1795420000&limit=40000`, `{"status":"success","data":["__name__","ml_forecast","namespace","service"]}`},
		"some labels":                  {"GET", "/api/v1/labels", "limit=2", `{"status":"success","data":["__name__","horizon"],"warnings":["results truncated due to limit"]}`},
		"names":                        {"GET", "/api/v1/label/__name__/values", "", `{"status":"success","data":["TimeToFirstToken:predicted","driftcast_forecast_quantile","driftcast_risk_ratio"]}`},
		"values of a label":            {"GET", "/api/v1/label/horizon/values", "match[]=driftcast_risk_ratio", `{"status":"success","data":["15m","1h","6h"]}`},
		"values of no label":           {"GET", "/api/v1/label/none/values", "", `{"status":"success","data":[]}`},
		"of an escaped label":          {"GET", "/api/v1/label/U__horizon/values", "match[]={target%3D\"NodeNotReady\"}", `{"status":"success","data":["1h","6h"]}`},
		"series":                       {"GET", "/api/v1/series", `match[]={node!=""}&limit=1`, `{"status":"success","data":[{"__name__":"driftcast_risk_ratio","horizon":"1h","kind":"node","node":"gpu-17","subject":"gpu-17","target":"NodeNotReady"}],"warnings":["results truncated due to limit"]}`},
		"series of all time":           {"GET", "/api/v1/series", `match[]={node!="",horizon="6h"}&start=-292273086-05-16T16:47:06Z&end=%2B292277025-08-18T07:12:54.999999999Z`, `{"status":"success","data":[{"__name__":"driftcast_risk_ratio","horizon":"6h","kind":"node","node":"gpu-17","subject":"gpu-17","target":"NodeNotReady"}]}`},
		"metadata":                     {"GET", "/api/v1/metadata", "metric=TimeToFirstToken:predicted", `{"status":"success","data":{"TimeToFirstToken:predicted":[{"type":"gauge","help":"Forecast of TimeToFirstToken: its median (yhat) and 0.1 and 0.9 quantiles (yhat_lower, yhat_upper).","unit":"s"}]}}`},
		"no rules":                     {"GET", "/api/v1/rules", "", `{"status":"success","data":{"groups":[]}}`},
		"no exemplars":                 {"POST", "/api/v1/query_exemplars", "query=up", `{"status":"success","data":[]}`},
		"nothing said before the lead": {"GET", "/api/v1/query", query + "&time=1795410030", `{"status":"success","data":{"resultType":"vector","result":[]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.form(c.method, c.path, strings.NewReplacer(" ", "+", `"`, "%22", "{", "%7B", "}", "%7D").Replace(c.form))
			if got := strings.TrimSpace(string(a.body)); a.StatusCode != 200 || got != c.want {
				t.Errorf("got %d\n%s\nwant\n%s", a.StatusCode, got, c.want)
			}
			if kind := a.Header.Get("Content-Type"); kind != "application/json" {
				t.Errorf("got content type %s", kind)
			}
		})
	}
}

// fakeFuture has one answer.
type fakeFuture struct{ err error }

func (f fakeFuture) Query(context.Context, string, time.Time) (collector.Answer, error) {
	return collector.Answer{Kind: "vector"}, f.err
}
func (f fakeFuture) QueryRange(context.Context, string, collector.Window) (collector.Answer, error) {
	return collector.Answer{Kind: "matrix"}, f.err
}
func (f fakeFuture) Series(context.Context, []string, time.Time, time.Time, int) ([]collector.Series, bool, error) {
	return nil, false, f.err
}

func TestPrometheusRefuses(t *testing.T) {
	broken := errors.New("a secret path is gone")
	change := withFuture(t)
	world := func(err error) *world {
		return newWorld(t, func(o *api.Options) {
			change(o)
			o.BodyLimit = 1000
			if err != nil {
				o.Future = fakeFuture{err}
			}
		})
	}
	whole := world(nil)
	for name, c := range map[string]struct {
		method, path, form string
		err                error // of the engine; nil: the real one
		status             int
		kind, says         string
	}{
		"no query":                {"GET", "/api/v1/query", "", nil, 400, "bad_data", "parse error"},
		"no PromQL":               {"POST", "/api/v1/query", "query=sum(", nil, 400, "bad_data", "unclosed"},
		"no time":                 {"GET", "/api/v1/query", "query=1&time=noon", nil, 400, "bad_data", "time"},
		"a time out of time":      {"GET", "/api/v1/query", "query=1&time=1e300", nil, 400, "bad_data", "range"},
		"no number of seconds":    {"GET", "/api/v1/query", "query=1&time=NaN", nil, 400, "bad_data", "range"},
		"no start":                {"GET", "/api/v1/query_range", "query=1&end=1&step=1", nil, 400, "bad_data", "start"},
		"end before start":        {"GET", "/api/v1/query_range", "query=1&start=2&end=1&step=1", nil, 400, "bad_data", "end timestamp"},
		"no step":                 {"GET", "/api/v1/query_range", "query=1&start=1&end=2", nil, 400, "bad_data", "step"},
		"a step of nothing":       {"GET", "/api/v1/query_range", "query=1&start=1&end=2&step=0", nil, 400, "bad_data", "step"},
		"a step too small":        {"GET", "/api/v1/query_range", "query=1&start=1&end=2&step=1e-9", nil, 400, "bad_data", "millisecond"},
		"too many points":         {"GET", "/api/v1/query_range", "query=1&start=0&end=11001&step=1", nil, 400, "bad_data", "11,000"},
		"far too many points":     {"GET", "/api/v1/query_range", "query=1&start=-90000000000000&end=90000000000000&step=1y", nil, 400, "bad_data", "11,000"},
		"a limit below nothing":   {"GET", "/api/v1/query", "query=1&limit=-1", nil, 400, "bad_data", "limit"},
		"a timeout of no length":  {"GET", "/api/v1/query", "query=1&timeout=soon", nil, 400, "bad_data", "timeout"},
		"a timeout that is over":  {"GET", "/api/v1/query", "query=TimeToFirstToken:predicted&timeout=0", nil, 503, "timeout", ""},
		"two series of one name":  {"GET", "/api/v1/query", "query=label_replace(driftcast_forecast_quantile,\"quantile\",\"\",\"\",\"\")&time=1795410600", nil, 422, "execution", "same labelset"},
		"no selector":             {"GET", "/api/v1/series", "", nil, 400, "bad_data", "match[]"},
		"a selector of all":       {"GET", "/api/v1/series", "match[]={x=~\".*\"}", nil, 400, "bad_data", "non-empty"},
		"a wrong selector":        {"POST", "/api/v1/labels", "match[]={", nil, 400, "bad_data", "parse error"},
		"a wrong label":           {"GET", "/api/v1/label/%FF/values", "", nil, 400, "bad_data", "label name"},
		"a wrong form":            {"GET", "/api/v1/query", "query=%zz", nil, 400, "bad_data", "form"},
		"a form too large":        {"POST", "/api/v1/query", "query=" + strings.Repeat("1", 2000), nil, 413, "bad_data", "bytes"},
		"something else":          {"GET", "/api/v1/alertmanagers", "", nil, 404, "not_found", "/prometheus/api/v1/alertmanagers"},
		"somewhere else":          {"GET", "/graph", "", nil, 404, "not_found", "not answered here"},
		"a method that is none":   {"DELETE", "/api/v1/series", "match[]=up", nil, 404, "not_found", "not answered here"},
		"the engine gives up":     {"GET", "/api/v1/query", "query=1", &collector.QueryError{Kind: "execution", Err: errors.New("too many")}, 422, "execution", "too many"},
		"nobody waits any longer": {"GET", "/api/v1/query", "query=1", &collector.QueryError{Kind: "canceled", Err: errors.New("gone")}, 499, "canceled", "gone"},
		"we are broken":           {"GET", "/api/v1/query", "query=1", &collector.QueryError{Kind: "internal", Err: broken}, 500, "internal", "log"},
		"we are broken elsewhere": {"GET", "/api/v1/labels", "", broken, 500, "internal", "log"},
	} {
		t.Run(name, func(t *testing.T) {
			w := whole
			if c.err != nil {
				w = world(c.err)
			}
			a := w.form(c.method, c.path, strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D").Replace(c.form))
			got := decode[struct{ Status, ErrorType, Error string }](t, a)
			if a.StatusCode != c.status || got.Status != "error" || got.ErrorType != c.kind || !strings.Contains(got.Error, c.says) {
				t.Errorf("got %d %+v, want %d %s: %s", a.StatusCode, got, c.status, c.kind, c.says)
			}
			if strings.Contains(got.Error, "secret") {
				t.Errorf("%q is told to strangers", got.Error)
			}
		})
	}
}

// TestPrometheusAccess wants what the other routes that read want.
func TestPrometheusAccess(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("grafana: {token: 0123456789abcdef0123456789abcdef, role: view}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	change := withFuture(t)
	w := newWorld(t, func(o *api.Options) {
		change(o)
		o.TokensFile, o.RateLimit, o.RateBurst = tokens, 0.001, 3
	})
	ask := func(headers ...string) (int, string) {
		a := w.form("POST", "/api/v1/query", "query=1", headers...)
		return a.StatusCode, decode[struct{ ErrorType string }](t, a).ErrorType
	}
	if status, kind := ask(); status != 401 || kind != "unauthorized" {
		t.Errorf("without a token: got %d %s, want 401", status, kind)
	}
	known := "Authorization: Bearer 0123456789abcdef0123456789abcdef"
	if status, _ := ask(known); status != 200 {
		t.Errorf("as a viewer: got %d, want 200", status)
	}
	if status, _ := ask(known, "Sec-Fetch-Site: cross-site", "Origin: https://grafana.example"); status != 200 {
		t.Errorf("by a form from another site, which changes nothing: got %d, want 200", status)
	}
	if status, kind := ask(known); status != 429 || kind != "bad_data" {
		t.Errorf("too often: got %d %s, want 429", status, kind)
	}
	if a := newWorld(t, nil).form("GET", "/api/v1/query", "query=1"); a.StatusCode != 404 || !strings.Contains(string(a.body), `"errorType"`) {
		t.Errorf("without a future: got %d %s, want 404", a.StatusCode, a.body)
	}
}

// TestPrometheusClient asks by Prometheus' own Go client.
func TestPrometheusClient(t *testing.T) {
	w := newWorld(t, withFuture(t))
	c, err := promapi.NewClient(promapi.Config{Address: w.url + "/prometheus"})
	if err != nil {
		t.Fatal(err)
	}
	prom := promv1.NewAPI(c)
	at := origin.Add(10 * time.Minute)
	value, _, err := prom.Query(t.Context(), "driftcast_risk_ratio", origin)
	if vector, ok := value.(model.Vector); err != nil || !ok || len(vector) != 4 {
		t.Errorf("query: got %v, %v; want 4 risks", value, err)
	}
	value, _, err = prom.QueryRange(t.Context(), "TimeToFirstToken:predicted", promv1.Range{Start: at, End: at.Add(time.Hour), Step: time.Minute})
	if matrix, ok := value.(model.Matrix); err != nil || !ok || len(matrix) != 3 || len(matrix[0].Values) != 51 {
		t.Errorf("range: got %v, %v; want 3 series of 51 minutes", value, err)
	}
	names, _, err := prom.LabelNames(t.Context(), nil, origin, at)
	if err != nil || len(names) != 10 {
		t.Errorf("labels: got %v, %v", names, err)
	}
	values, _, err := prom.LabelValues(t.Context(), "ml_forecast", []string{"TimeToFirstToken:predicted"}, origin, at)
	if err != nil || fmt.Sprint(values) != "[yhat yhat_lower yhat_upper]" {
		t.Errorf("values: got %v, %v", values, err)
	}
	series, _, err := prom.Series(t.Context(), []string{"driftcast_risk_ratio"}, time.Time{}, at)
	if err != nil || len(series) != 4 {
		t.Errorf("series: got %v, %v", series, err)
	}
	metadata, err := prom.Metadata(t.Context(), "", "1")
	if err != nil || len(metadata) != 1 {
		t.Errorf("metadata: got %v, %v", metadata, err)
	}
	info, err := prom.Buildinfo(t.Context())
	if err != nil || info.Version == "" || info.Revision != "test" {
		t.Errorf("build: got %+v, %v", info, err)
	}
	if rules, err := prom.Rules(t.Context()); err != nil || len(rules.Groups) != 0 {
		t.Errorf("rules: got %v, %v", rules, err)
	}
	if found, err := prom.QueryExemplars(t.Context(), "up", origin, at); err != nil || len(found) != 0 {
		t.Errorf("exemplars: got %v, %v", found, err)
	}
	_, _, err = prom.Query(t.Context(), "sum(", origin)
	var refused *promv1.Error
	if !errors.As(err, &refused) || refused.Type != promv1.ErrBadData {
		t.Errorf("no PromQL: got %v, want bad_data", err)
	}
}

// TestPrometheusVersion holds what we say we are against what we are built of.
func TestPrometheusVersion(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	of := regexp.MustCompile(`prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)`).FindStringSubmatch(string(text))
	if of == nil {
		t.Fatal("go.mod names no prometheus/prometheus")
	}
	want := fmt.Sprintf("%s.%s.%s", of[1], strings.TrimPrefix(of[2], "0"), of[3])
	a := newWorld(t, withFuture(t)).form("GET", "/api/v1/status/buildinfo", "")
	if got := decode[struct{ Data struct{ Version string } }](t, a).Data.Version; got != want {
		t.Errorf("got %s, want %s as in go.mod", got, want)
	}
}

// FuzzPrometheusForm sends any form: the answer is JSON in Prometheus' shape,
// and no fault of ours.
func FuzzPrometheusForm(f *testing.F) {
	for _, seed := range []string{"query=1&time=1795410000", "query=1&start=0&end=9&step=1", "query=up&limit=3&timeout=1m", "match[]=up&start=1e9&end=-1e9",
		"query=1&start=2026-11-23T05:00:00.123456789%2B14:00&end=1e14&step=100000y", "time=0x1p-2&query=a[1m:1s]", "query=a[10m:]", "match[]={__name__=~\"(.*\"}"} {
		f.Add(seed)
	}
	o := options(f)
	withFuture(f)(&o)
	server, err := api.New(o)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, form string) {
		for _, path := range []string{"query", "query_range", "series", "labels", "label/node/values", "metadata"} {
			r := httptest.NewRequest(http.MethodGet, "/prometheus/api/v1/"+path, nil)
			r.URL.RawQuery = form
			a := httptest.NewRecorder()
			server.Handler().ServeHTTP(a, r)
			var got struct{ Status, ErrorType string }
			if err := json.Unmarshal(a.Body.Bytes(), &got); err != nil || (got.Status == "success") != (a.Code == 200) || a.Code == 500 {
				t.Fatalf("%s?%s: got %d %s (%v)", path, url.QueryEscape(form), a.Code, a.Body, err)
			}
		}
	})
}
