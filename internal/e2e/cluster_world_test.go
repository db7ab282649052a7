//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/driftcast/driftcast/internal/promtest"
)

// exporter serves the heat of nodes, which a real Prometheus scrapes each second.
type exporter struct {
	*httptest.Server
	mu    sync.Mutex
	since map[string]time.Time // series → since when it warms up; zero: it is cool
	fixed map[string]float64   // series that stay as they are
	rng   *rand.Rand
}

func newExporter(t *testing.T) *exporter {
	e := &exporter{since: map[string]time.Time{}, fixed: map[string]float64{}, rng: rand.New(rand.NewPCG(5, 6))}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for series, since := range e.since {
			value := float64(cool)
			if !since.IsZero() {
				value = min(warming(time.Since(since)), bound-0.6) // what has not happened yet is what is forecast
			}
			fmt.Fprintf(w, "%s %g\n", series, value+e.rng.Float64()-0.5)
		}
		for series, value := range e.fixed {
			fmt.Fprintf(w, "%s %g\n", series, value)
		}
	}))
	t.Cleanup(e.Close)
	return e
}

// warm lets a node warm up towards the bound, and stay just below it.
func (e *exporter) warm(story, node string) { e.set(story, node, time.Now()) }

// cool lets a node be well.
func (e *exporter) cool(story, node string) { e.set(story, node, time.Time{}) }

func (e *exporter) set(story, node string, since time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.since[fmt.Sprintf("heat{story=%q,node=%q}", story, node)] = since
}

// The one signal of the stories is a node's heat: from well to warm in a step,
// then up by one a second until it breaks the bound. In the past of every node
// it always went on.
const (
	cool  = 60
	warm  = 74
	bound = 85
	hot   = 90
)

func warming(after time.Duration) float64 { return warm + after.Seconds() }

// heatTarget is the target of a story's nodes. The correction is by a policy
// that lists it.
func heatTarget(story string) string {
	return fmt.Sprintf(`
  - target: %s
    subject: {kind: node, labels: [node]}
    level: max by (node) (heat{story=%q})
    objective: "< %d"
    for: 0s
    horizons: [5s, 15s]
    warn: {risk: 0.3}
`, story, story, bound)
}

// world is everything around the driftcast of a story.
type world struct {
	t        *testing.T
	dir      string
	exporter *exporter
	prom     *promtest.Server
	promAddr string
	server   *promtest.Server   // the driftcast that is asked
	replicas []*promtest.Server // all of them; the one that answers leads, and becomes server
}

// newWorld starts a Prometheus over the exporter whose past, 20 minutes at a
// sample a second, is written as blocks before it starts: each node was hot once.
func newWorld(t *testing.T, nodes map[string][]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), exporter: newExporter(t), promAddr: promtest.FreeAddr(t)}
	for story, names := range nodes {
		for _, node := range names {
			w.exporter.cool(story, node)
		}
	}
	seed(t, filepath.Join(w.dir, "tsdb"), nodes)
	w.scrape()
	return w
}

// scrape starts the Prometheus, on the blocks that are there.
func (w *world) scrape() {
	w.t.Helper()
	writeFile(w.t, filepath.Join(w.dir, "prometheus.yml"), fmt.Sprintf(
		"global: {scrape_interval: 1s}\nscrape_configs:\n- {job_name: story, honor_labels: true, static_configs: [{targets: [%q]}]}\n",
		strings.TrimPrefix(w.exporter.URL, "http://")))
	w.prom = promtest.PrometheusAt(w.t, w.promAddr, filepath.Join(w.dir, "prometheus.yml"), filepath.Join(w.dir, "tsdb"))
}

// seed writes the past of every node into blocks.
func seed(t *testing.T, dir string, nodes map[string][]string) {
	t.Helper()
	const past = 20 * time.Minute
	writer, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, int64(4*time.Hour/time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	begin := time.Now().Add(-past).Truncate(time.Second)
	app := writer.Appender(t.Context())
	for story, names := range nodes {
		for i, node := range names {
			series := labels.FromStrings("__name__", "heat", "story", story, "node", node, "job", "story", "instance", "past")
			next := 20 + 15*i // second of the past at which it warms up
			for s := range int((past - 5*time.Second) / time.Second) {
				value := float64(cool)
				switch after := time.Duration(s-next) * time.Second; {
				case s > 1140: // well, as the present begins
				case after < 0:
				case warming(after) > hot:
					next = s + 30 + rng.IntN(30)
				default:
					value = warming(after)
				}
				if _, err := app.Append(0, series, begin.Add(time.Duration(s)*time.Second).UnixMilli(), value+rng.Float64()-0.5); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// configure writes driftcast.yml: targets for the stories, and what the test
// adds to the rest (corrections, kubernetes, drift …).
func (w *world) configure(rest string, stories ...string) string {
	w.t.Helper()
	targets := "groups:\n- name: stories\n  interval: 1s\n  targets:\n"
	slices.Sort(stories)
	for _, story := range stories {
		targets += heatTarget(story)
	}
	writeFile(w.t, filepath.Join(w.dir, "targets.yml"), targets)
	file := filepath.Join(w.dir, "driftcast.yml")
	writeFile(w.t, file, fmt.Sprintf(`prometheus: {url: %q}
target_files: [targets.yml]
history: {backfill: 20m}
forecast: {interval: 1s}
training: {schedule: off, window: 20m}
`, w.prom.URL)+rest)
	return file
}

// serve starts a driftcast and waits until its first step has ended.
func (w *world) serve() *promtest.Server {
	w.t.Helper()
	w.server = w.replica("driftcast.yml", "/-/ready")
	return w.server
}

// replica starts a driftcast on the one storage, and waits until it answers at
// a path: one that stands by is alive and not ready.
func (w *world) replica(config, answers string) *promtest.Server {
	w.t.Helper()
	addr := promtest.FreeAddr(w.t)
	s := promtest.Start(w.t, addr, answers, binary(w.t), "serve", "--config.file="+filepath.Join(w.dir, config),
		"--storage.path="+filepath.Join(w.dir, "data"), "--web.listen-address="+addr, "--log.level=info")
	w.replicas = append(w.replicas, s)
	return s
}

// driftcast runs a command as a person at a terminal would.
func (w *world) driftcast(args ...string) (string, error) {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), binary(w.t), args...).CombinedOutput()
	w.t.Logf("$ driftcast %s\n%s", strings.Join(args, " "), out)
	return string(out), err
}

func (w *world) must(args ...string) string {
	w.t.Helper()
	out, err := w.driftcast(args...)
	if err != nil {
		w.t.Fatalf("driftcast %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// learned waits until every story's target is forecast by a model that was
// trained on the past, and no longer by the naive one.
func (w *world) learned(stories ...string) {
	w.t.Helper()
	eventually(w.t, 180*time.Second, "a champion for every target", func() error {
		var page struct {
			Items []struct{ Target, Model string }
		}
		if err := get(w.server.URL+"/api/v1/forecasts?limit=1000", &page); err != nil {
			return err
		}
		trained := map[string]bool{}
		for _, f := range page.Items {
			trained[f.Target] = f.Model != "naive"
		}
		for _, story := range stories {
			if !trained[story] {
				return fmt.Errorf("%s is still naive", story)
			}
		}
		return nil
	})
}

// correction is one as the API gives it.
type correction struct {
	ID, State, Policy, Target, Reason, Plan, Actor string
	Subject                                        struct{ ID string }
	Risk                                           float64
}

// corrections lists those of a target, newest first.
func (w *world) corrections(target string) (of []correction, err error) {
	var page struct{ Items []correction }
	for _, w.server = range w.replicas {
		if err = get(w.server.URL+"/api/v1/corrections?limit=1000", &page); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	for _, c := range page.Items {
		if c.Target == target {
			of = append(of, c)
		}
	}
	return of, nil
}

// awaitCorrection waits for a correction of a target on a node in one of the
// states; the reason must begin as told.
func (w *world) awaitCorrection(limit time.Duration, target, node, reason string, states ...string) correction {
	w.t.Helper()
	var found correction
	eventually(w.t, limit, fmt.Sprintf("a correction for %s of %s that is %s", target, node, strings.Join(states, " or ")), func() error {
		list, err := w.corrections(target)
		if err != nil {
			return err
		}
		for _, c := range list {
			if strings.HasSuffix(c.Subject.ID, node) && slices.Contains(states, c.State) && strings.HasPrefix(c.Reason, reason) {
				found = c
				return nil
			}
		}
		text, _ := json.Marshal(list)
		return fmt.Errorf("there are %s; forecasts %s", text, w.risks(target, node))
	})
	return found
}

// calm waits until the risk of a node has been low for so long that the warning
// of it is resolved.
func (w *world) calm(target, node string) {
	w.t.Helper()
	var since time.Time
	eventually(w.t, 60*time.Second, "calm of "+node, func() error {
		var f struct {
			Origin time.Time
			Risks  []struct{ Probability float64 }
		}
		if err := get(w.server.URL+"/api/v1/forecasts/"+target+"/node%2F"+node, &f); err != nil {
			return err
		}
		for _, risk := range f.Risks {
			if risk.Probability > 0.2 {
				since = time.Time{}
				return fmt.Errorf("the risk is %.2f", risk.Probability)
			}
		}
		if since.IsZero() {
			since = f.Origin
		}
		if lasted := f.Origin.Sub(since); lasted < 5*time.Second {
			return fmt.Errorf("for %s only", lasted)
		}
		return nil
	})
}

// ask asks for a correction by hand.
func (w *world) ask(body string, into *correction) error {
	return w.post("/api/v1/corrections", body, into)
}

// post sends JSON, and reads the JSON of the answer.
func (w *world) post(path, body string, into any) error {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s: %s", path, resp.Status, text)
	}
	return json.Unmarshal(text, into)
}

// risks tells what is forecast for a node, for a test that waits in vain.
func (w *world) risks(target, node string) string {
	var f struct {
		Value  float64
		Risks  []struct{ Horizon, Probability any }
		Origin any
		Model  string
	}
	if err := get(w.server.URL+"/api/v1/forecasts/"+target+"/node%2F"+node, &f); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%+v", f)
}
