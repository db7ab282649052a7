package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/api"
)

// TestContractIsWhatIsServed walks every route and looks for it in the
// contract, and the reverse.
func TestContractIsWhatIsServed(t *testing.T) {
	w := newWorld(t, nil)
	var served, promised []string
	for _, r := range w.server.Routes() {
		if path, ok := strings.CutPrefix(r.Path, "/api/v1"); ok {
			served = append(served, r.Method+" "+path)
		}
	}
	for path, item := range w.doc.Paths.Map() {
		for method := range item.Operations() {
			promised = append(promised, method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path))
		}
	}
	for _, route := range served {
		if !slices.Contains(promised, route) {
			t.Errorf("%s is served but not in the contract", route)
		}
	}
	for _, route := range promised {
		if !slices.Contains(served, route) {
			t.Errorf("%s is in the contract but not served", route)
		}
	}
}

// TestEveryOperationAnswers asks every operation something it can answer; the
// world holds each answer against the schema.
func TestEveryOperationAnswers(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/forecasts", "", 200},
		{"GET", "/forecasts?target=NodeNotReady&kind=node&search=gpu&min_risk=0.2&horizon=1h&sort=subject&limit=5", "", 200},
		{"GET", "/forecasts/TimeToFirstToken/service%2Fserving%2Fchat", "", 200},
		{"GET", "/forecasts/TimeToFirstToken/service/serving/chat?from=2026-11-23T01:00:00Z&step=15m", "", 200},
		{"GET", "/forecasts/NodeNotReady/node%2Fgpu-17", "", 200},
		{"GET", "/explanations/TimeToFirstToken/service%2Fserving%2Fchat", "", 200},
		{"GET", "/explanations/TimeToFirstToken/service/serving/chat", "", 200},
		{"GET", "/explanations/TimeToFirstToken/service/serving/unknown", "", 404},
		{"GET", "/explanations/Unknown/service/serving/chat", "", 404},
		{"GET", "/targets", "", 200},
		{"GET", "/targets/TimeToFirstToken", "", 200},
		{"GET", "/signals", "", 200},
		{"GET", "/signals/kv_cache_usage/values?subject=service/serving/chat", "", 200},
		{"GET", "/signals/kv_cache_usage/values?subject=service%2Fserving%2Fchat&from=1795400000&to=1795410000&step=60", "", 200},
		{"GET", "/signals/kv_cache_usage/values?subject=service/serving/unknown", "", 200},
		{"GET", "/scorecards?target=TimeToFirstToken", "", 200},
		{"GET", "/regressions", "", 200},
		{"GET", "/regressions?target=TimeToFirstToken&state=standing", "", 200},
		{"GET", "/shifts", "", 200},
		{"GET", "/shifts?state=gone", "", 200},
		{"GET", "/drift", "", 200},
		{"GET", "/drift?verdict=drifted&kind=image&object_kind=Deployment&namespace=web&subject=workload/web/shop&source=git&manager=kubectl-edit&search=shop&limit=5", "", 200},
		{"GET", "/drift/episodes", "", 200},
		{"GET", "/drift/episodes?subject=workload/web/shop&kind=image&open=true&from=1795400000&to=2026-11-23T05:00:00Z&limit=5", "", 200},
		{"GET", "/changes", "", 200},
		{"GET", "/changes?subject=workload/web/shop&object=Deployment/web/shop&namespace=web&kind=updated&manager=kubectl-edit&from=1795400000&to=2026-11-23T05:00:00Z&limit=5", "", 200},
		{"GET", "/baselines", "", 200},
		{"GET", "/models", "", 200},
		{"GET", "/models?target=NodeNotReady", "", 200},
		{"GET", "/models/m2", "", 200},
		{"POST", "/models/TimeToFirstToken/promote", `{"id":"m2"}`, 200},
		{"POST", "/models/TimeToFirstToken/rollback", `{}`, 200},
		{"GET", "/retrainings?limit=1", "", 200},
		{"POST", "/retrainings", `{"target":"TimeToFirstToken"}`, 202},
		{"POST", "/retrainings", `{}`, 202},
		{"GET", "/retrainings/run-1", "", 200},
		{"GET", "/corrections?state=proposed&subject=node/gpu-17&policy=cordon", "", 200},
		{"POST", "/corrections", `{"policy":"cordon","subject":"node/gpu-17"}`, 201},
		{"POST", "/corrections?dryRun=true", `{"policy":"cordon","subject":"node/gpu-17","reason":"why not"}`, 200},
		{"GET", "/corrections/c1", "", 200},
		{"POST", "/corrections/c1/approve", `{}`, 200},
		{"POST", "/corrections/c1/reject", `{"reason":"no"}`, 200},
		{"POST", "/corrections/c1/revert", `{}`, 200},
		{"POST", "/corrections/c1/acknowledge", `{"reason":"the autoscaler is off now"}`, 200},
		{"GET", "/policies", "", 200},
		{"GET", "/policies?since=1795400000", "", 200},
		{"GET", "/audit?after=1&limit=1", "", 200},
		{"GET", "/audit/verify", "", 200},
		{"GET", "/kill-switch", "", 200},
		{"PUT", "/kill-switch", `{"engaged":true,"reason":"upgrade"}`, 200},
		{"GET", "/status", "", 200},
		{"GET", "/openapi.yaml", "", 200},
	} {
		a := w.do(c.method, c.path, c.body)
		if a.StatusCode != c.status {
			t.Errorf("%s %s: got %d, want %d: %s", c.method, c.path, a.StatusCode, c.status, a.body)
		}
		if a.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s has no request id", c.method, c.path)
		}
	}
	for path, item := range w.doc.Paths.Map() {
		for method := range item.Operations() {
			if !w.seen[method+" "+path] && path != "/events" { // the stream never ends: see TestStream
				t.Errorf("%s %s was never asked", method, path)
			}
		}
	}
}

func TestWrongRequests(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.BodyLimit = 1000 })
	submit := `{"policy":"cordon","subject":"node/gpu-17"}`
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		says               string // somewhere in the problem
	}{
		"unknown route":                 {"GET", "/nothing", "", nil, 404, "no such route"},
		"method not taken":              {"POST", "/forecasts", "{}", nil, 405, "method"},
		"unknown parameter":             {"GET", "/forecasts?colour=red", "", nil, 400, `"parameter":"colour"`},
		"repeated parameter":            {"GET", "/forecasts?limit=1&limit=2", "", nil, 400, "more than once"},
		"parameter where none is taken": {"GET", "/status?x=1", "", nil, 400, `"parameter":"x"`},
		"badly escaped query":           {"GET", "/forecasts?search=%zz", "", nil, 400, "escaped"},
		"limit over the most":           {"GET", "/forecasts?limit=1001", "", nil, 400, `"parameter":"limit"`},
		"limit that is no number":       {"GET", "/forecasts?limit=all", "", nil, 400, `"parameter":"limit"`},
		"unknown order":                 {"GET", "/forecasts?sort=colour", "", nil, 400, `"parameter":"sort"`},
		"unknown kind":                  {"GET", "/forecasts?kind=planet", "", nil, 400, `"parameter":"kind"`},
		"risk over one":                 {"GET", "/forecasts?min_risk=1.5", "", nil, 400, `"parameter":"min_risk"`},
		"risk that is not a number":     {"GET", "/forecasts?min_risk=NaN", "", nil, 400, `"parameter":"min_risk"`},
		"two wrong parameters at once":  {"GET", "/forecasts?min_risk=7&sort=x", "", nil, 400, `"parameter":"sort"`},
		"horizon in no unit we know":    {"GET", "/forecasts?horizon=3fortnights", "", nil, 400, `"parameter":"horizon"`},
		"horizon of nothing":            {"GET", "/forecasts?horizon=0s", "", nil, 400, `"parameter":"horizon"`},
		"bad cursor":                    {"GET", "/forecasts?cursor=bad", "", nil, 400, "cursor"},
		"empty parameter":               {"GET", "/signals/kv_cache_usage/values?subject=", "", nil, 400, `"parameter":"subject"`},
		"subject of no kind":            {"GET", "/forecasts/NodeNotReady/gpu-17", "", nil, 400, "kind/name"},
		"subject of an unknown kind":    {"GET", "/forecasts/NodeNotReady/planet%2Fx", "", nil, 400, "unknown kind"},
		"subject without a forecast":    {"GET", "/forecasts/NodeNotReady/node%2Fgpu-18", "", nil, 404, "gpu-18"},
		"past after the origin":         {"GET", "/forecasts/NodeNotReady/node%2Fgpu-17?from=2030-01-01T00:00:00Z", "", nil, 400, `"parameter":"from"`},
		"time that is none":             {"GET", "/forecasts/NodeNotReady/node%2Fgpu-17?from=yesterday", "", nil, 400, `"parameter":"from"`},
		"too many values":               {"GET", "/forecasts/NodeNotReady/node%2Fgpu-17?from=2020-01-01T00:00:00Z&step=60", "", nil, 400, "11000"},
		"values of an unknown signal":   {"GET", "/signals/nothing/values?subject=node/x", "", nil, 404, "nothing"},
		"values of nobody":              {"GET", "/signals/kv_cache_usage/values", "", nil, 400, `"parameter":"subject"`},
		"unknown verdict":               {"GET", "/drift?verdict=clean", "", nil, 400, `"parameter":"verdict"`},
		"unknown kind of drift":         {"GET", "/drift?kind=colour", "", nil, 400, `"parameter":"kind"`},
		"bad cursor of drift":           {"GET", "/drift?cursor=bad!", "", nil, 400, "cursor"},
		"bad cursor of episodes":        {"GET", "/drift/episodes?cursor=bad", "", nil, 400, "cursor"},
		"policies since when":           {"GET", "/policies?since=ever", "", nil, 400, `"parameter":"since"`},
		"changes of no subject":         {"GET", "/changes?subject=shop", "", nil, 400, "kind/name"},
		"changes that end first":        {"GET", "/changes?from=2000&to=1000", "", nil, 400, `"parameter":"to"`},
		"unknown kind of change":        {"GET", "/changes?kind=moved", "", nil, 400, `"parameter":"kind"`},
		"unknown target":                {"GET", "/targets/Nothing", "", nil, 404, "Nothing"},
		"unknown model":                 {"GET", "/models/m9", "", nil, 404, "m9"},
		"unknown run":                   {"GET", "/retrainings/run-9", "", nil, 404, "run-9"},
		"unknown correction":            {"GET", "/corrections/c9", "", nil, 404, "c9"},
		"unknown state":                 {"GET", "/corrections?state=lost", "", nil, 400, `"parameter":"state"`},
		"body cut short":                {"POST", "/corrections", `{"policy":"cordon",`, nil, 400, "cut short"},
		"body that is not JSON":         {"POST", "/corrections", "{\n  \"policy\": cordon}", nil, 400, `"line":2`},
		"two bodies":                    {"POST", "/corrections", submit + submit, nil, 400, "more after"},
		"empty body":                    {"POST", "/corrections", "", []string{"Content-Type: application/json"}, 400, "empty"},
		"body over the limit":           {"POST", "/corrections", `{"policy":"` + strings.Repeat("x", 2000) + `"}`, nil, 413, "1000 bytes"},
		"body of another type":          {"POST", "/corrections", submit, []string{"Content-Type: text/plain"}, 415, "application/json"},
		"form, as another site's page":  {"POST", "/corrections", "policy=cordon", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "application/json"},
		"page of another site":          {"POST", "/corrections", submit, []string{"Sec-Fetch-Site: cross-site"}, 403, "another site"},
		"origin of another site":        {"POST", "/corrections", submit, []string{"Origin: http://evil.example"}, 403, "another site"},
		"rebound name":                  {"POST", "/corrections", submit, []string{"Host: evil.example"}, 403, "loopback"},
		"through a proxy, no tokens":    {"POST", "/corrections", submit, []string{"X-Forwarded-For: 203.0.113.7"}, 403, "tokens file"},
		"missing field":                 {"POST", "/corrections", `{"policy":"cordon"}`, nil, 422, `subject`},
		"unknown field":                 {"POST", "/corrections", `{"policy":"cordon","subject":"node/x","force":true}`, nil, 422, "force"},
		"field of the wrong type":       {"POST", "/corrections", `{"policy":7,"subject":"node/x"}`, nil, 422, `"pointer":"/policy"`},
		"subject that is none":          {"POST", "/corrections", `{"policy":"cordon","subject":"gpu-17"}`, nil, 422, `"pointer":"/subject"`},
		"refused by the corrector":      {"POST", "/corrections", `{"policy":"nonsense","subject":"node/x"}`, nil, 422, "takes no nodes"},
		"key too long":                  {"POST", "/corrections", submit, []string{"Idempotency-Key: " + strings.Repeat("k", 201)}, 400, `"header":"Idempotency-Key"`},
		"changed since":                 {"POST", "/corrections/c1/approve", "{}", []string{`If-Match: "old"`}, 412, "changed since"},
		"approval of nothing":           {"POST", "/corrections/c9/approve", "{}", nil, 404, "c9"},
		"promotion of an unknown model": {"POST", "/models/TimeToFirstToken/promote", `{"id":"m9"}`, nil, 422, `"pointer":"/id"`},
		"promotion to a wrong target":   {"POST", "/models/NodeNotReady/promote", `{"id":"m2"}`, nil, 422, "TimeToFirstToken"},
		"promotion of no target":        {"POST", "/models/Nothing/promote", `{"id":"m2"}`, nil, 404, "Nothing"},
		"rollback to nothing":           {"POST", "/models/NodeNotReady/rollback", `{}`, nil, 409, "no earlier champion"},
		"retraining of nothing":         {"POST", "/retrainings", `{"target":"Nothing"}`, nil, 422, `"pointer":"/target"`},
		"kill switch neither way":       {"PUT", "/kill-switch", `{"engaged":"yes"}`, nil, 422, `"pointer":"/engaged"`},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			a := w.do(c.method, c.path, c.body, c.headers...)
			if a.StatusCode != c.status || !strings.Contains(string(a.body), c.says) {
				t.Errorf("got %d, want %d with %q:\n%s", a.StatusCode, c.status, c.says, a.body)
			}
			p := decode[struct {
				Status    int
				RequestID string `json:"requestId"`
			}](t, a)
			if p.Status != c.status || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") {
				t.Errorf("the problem says status %d, request id %q: %s", p.Status, p.RequestID, a.body)
			}
			if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("got Content-Type %q", kind)
			}
		})
	}
}

func TestMethodNotAllowedNamesTheMethods(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do(http.MethodDelete, "/kill-switch", "")
	if got := a.Header.Get("Allow"); a.StatusCode != 405 || !strings.Contains(got, "PUT") || !strings.Contains(got, "GET") {
		t.Errorf("got %d, Allow %q", a.StatusCode, got)
	}
}

// TestSyntaxErrorsHaveAPlace checks line and column.
func TestSyntaxErrorsHaveAPlace(t *testing.T) {
	w := newWorld(t, nil)
	for body, want := range map[string][2]int{
		"{\n  \"policy\": cordon}":          {2, 13},
		"[":                                 {1, 2},
		"{\"policy\": \"a\"}\n\n  x":        {3, 3},
		"{\"policy\": \"a\",\n\"subject\"}": {2, 10},
	} {
		a := w.do(http.MethodPost, "/corrections", body)
		p := decode[struct{ Errors []struct{ Line, Column int } }](t, a)
		if len(p.Errors) != 1 || [2]int{p.Errors[0].Line, p.Errors[0].Column} != want {
			t.Errorf("%q: got %+v, want line and column %v", body, p.Errors, want)
		}
	}
}
