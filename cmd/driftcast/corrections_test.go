package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const shownCorrection = `{"id":"c1","policy":"reapply","mode":"approve","target":"drift","subject":{"id":"workload/shop/web"},"risk":0.95,
"state":"blocked","reason":"contention: flux fights back","plan":"re-apply 1 field","diff":"image: v2 → v1\nreplicas: 3 → 2","contested":"","actor":"driftcast",
"changed":"2026-11-23T12:00:00Z","drift":{"kinds":["image"],"paths":["/spec/image"],"by":"flux","source":"git","revision":"abc1234"},
"guards":[{"guard":"freshness","passed":true,"says":"the newest sample is 3s old"},{"guard":"contention","passed":false,"says":"flux fights back"}],
"outcome":{"verdict":"helped","says":"it did not happen"}}`

// TestCorrectionsCommands types each command against a server that answers as
// the API does, and looks at what is asked and what is printed.
func TestCorrectionsCommands(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Header.Get("Idempotency-Key"), body))
		answer := shownCorrection
		switch {
		case r.URL.Path == "/api/v1/audit" && r.URL.Query().Get("correction") != "c1":
			answer = `{"items":[{"seq":2,"at":"2026-11-23T12:00:00Z","actor":"bob","action":"kill","reason":"incident 7"}]}`
		case r.URL.Path == "/api/v1/audit" && r.URL.Query().Get("after") == "0":
			answer = `{"items":[{"seq":1,"at":"2026-11-23T12:00:00Z","actor":"driftcast","action":"block","reason":"contention","correction":{"id":"c1","state":"blocked"}}],"nextAfter":1}`
		case r.URL.Path == "/api/v1/audit":
			answer = `{"items":[{"seq":3,"at":"2026-11-23T13:00:00Z","actor":"bob","action":"acknowledge","reason":"flux is suspended","correction":{"id":"c1","state":"blocked"}}]}`
		case r.URL.Path == "/api/v1/policies":
			answer = `{"items":[{"name":"cordon","actuator":"cordon","mode":"auto","targets":["GpuRowRemap"],"drifts":[],"score":{"text":"cordon: 14 proposed, 9 approved, 7 helped","waiting":2}}]}`
		case r.URL.Path == "/api/v1/corrections" && r.Method == http.MethodGet:
			answer = `{"items":[` + shownCorrection + `]}`
		case strings.HasSuffix(r.URL.Path, "/nope"):
			w.WriteHeader(http.StatusNotFound)
			answer = `{"title":"Not found","detail":"correction nope"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	for name, tt := range map[string]struct {
		args  string
		asked string // the last request; empty: any
		want  []string
		exit  int
	}{
		"list":        {"list --state blocked --subject workload/shop/web", "GET /api/v1/corrections?limit=200&state=blocked&subject=workload%2Fshop%2Fweb", []string{"helped", "contention: flux fights back"}, 0},
		"show":        {"show c1", "GET /api/v1/audit?correction=c1&limit=1000&after=1", []string{"image: v2 → v1", "replicas: 3 → 2", "drift", "git abc1234", "flux", "freshness", "the newest sample is 3s old", "no", "helped: it did not happen", "acknowledge", "flux is suspended"}, 0},
		"show json":   {"show c1 -o json", "", []string{`"passed": false`, `"seq": 3`}, 0},
		"policies":    {"policies --since 2026-11-01T00:00:00Z", "GET /api/v1/policies?since=2026-11-01T00%3A00%3A00Z", []string{"GpuRowRemap", "14 proposed, 9 approved, 7 helped"}, 0},
		"outcomes":    {"outcomes", "GET /api/v1/policies", []string{"7 helped"}, 0},
		"submit":      {"submit --policy cordon --subject node/n1 --dry-run --key k1", `POST /api/v1/corrections?dryRun=true k1 {"policy":"cordon","reason":"","subject":"node/n1"}`, []string{"blocked"}, 0},
		"acknowledge": {"acknowledge c1 --reason mine", `POST /api/v1/corrections/c1/acknowledge  {"reason":"mine"}`, []string{"c1"}, 0},
		"revert":      {"revert c1", `POST /api/v1/corrections/c1/revert  {"reason":""}`, []string{"c1"}, 0},
		"unknown":     {"show nope", "", []string{"Not found: correction nope"}, 2},
		"no policy":   {"submit --subject node/n1", "", []string{`required flag(s) "policy"`}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			args := slices.Concat([]string{"driftcast", "corrections"}, strings.Fields(tt.args), []string{"--server", server.URL})
			exit := run(t.Context(), args, strings.NewReader(""), &out, &out)
			if exit != tt.exit {
				t.Errorf("exit %d, want %d", exit, tt.exit)
			}
			if tt.asked != "" && asked != tt.asked {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), "incident 7") {
				t.Error("another entry's reason is shown")
			}
		})
	}
}
