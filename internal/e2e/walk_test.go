//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/promtest"
)

const prometheusConfig = `
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
- job_name: prometheus
  static_configs: [{targets: [%q]}]
- job_name: node
  static_configs: [{targets: [%q], labels: {node: gpu-1}}]
`

// The objective is broken while the test says so: the temperature is a file
// that node_exporter reads.
const targetFile = `
groups:
- name: walk
  interval: 1s
  targets:
  - target: GpuTemperature
    subject: {kind: node, labels: [node]}
    level: gpu_temperature_celsius
    objective: "< 85"
    for: 0s
    horizons: [5s, 15s, 30s]
    warn: {risk: 0.25}
    labels: {team: ml-platform}
    annotations: {summary: "GPU will reach 85 °C"}
  - target: ScrapeSlow
    subject: {kind: service, labels: [job]}
    level: scrape_duration_seconds
    scale: log
    horizons: [15s, 30s]
  - target: TargetDown
    subject: {kind: service, labels: [job]}
    event: up == 0
    horizons: [15s, 30s]
`

const driftcastConfig = `
prometheus: {url: %q}
alertmanagers: [{url: %q}]
target_files: [targets.yml]
history: {backfill: 10m}
forecast: {interval: 1s}
training: {window: 10m}
`

// TestWalk is the whole walk: collect, train, forecast, warn, resolve; then a
// restart that refetches nothing, and the loss of Prometheus.
func TestWalk(t *testing.T) {
	dir := t.TempDir()
	temperature := func(celsius float64) {
		text := fmt.Sprintf("# TYPE gpu_temperature_celsius gauge\ngpu_temperature_celsius %g\n", celsius)
		tmp := filepath.Join(dir, "tmp")
		if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, "gpu.prom")); err != nil {
			t.Fatal(err)
		}
	}
	temperature(60)
	exporter := promtest.NodeExporter(t, dir)
	am := promtest.Alertmanager(t)
	promAddr, promDir := promtest.FreeAddr(t), filepath.Join(dir, "tsdb")
	promFile := filepath.Join(dir, "prometheus.yml")
	writeFile(t, promFile, fmt.Sprintf(prometheusConfig, promAddr, exporter.Addr))
	prom := promtest.PrometheusAt(t, promAddr, promFile, promDir)
	writeFile(t, filepath.Join(dir, "targets.yml"), targetFile)
	configFile := filepath.Join(dir, "driftcast.yml")
	writeFile(t, configFile, fmt.Sprintf(driftcastConfig, prom.URL, am.URL))

	serve := func() *promtest.Server {
		addr := promtest.FreeAddr(t)
		return promtest.Start(t, addr, "/-/ready", binary(t), "serve", "--config.file="+configFile,
			"--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--log.level=warn")
	}
	driftcast := serve()

	// Let the temperature live a little, below its bound, so that there is history to learn from.
	living, stop := context.WithCancel(t.Context())
	lived := make(chan struct{})
	go func() {
		defer close(lived)
		for i := 0; living.Err() == nil; i++ {
			temperature(60 + float64(i%5))
			time.Sleep(time.Second)
		}
	}()

	t.Log("collected, and forecasts are there")
	eventually(t, 120*time.Second, "a forecast for every target", func() error {
		var list struct {
			Items []struct {
				Target string `json:"target"`
			} `json:"items"`
		}
		if err := get(driftcast.URL+"/api/v1/forecasts", &list); err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, item := range list.Items {
			seen[item.Target] = true
		}
		if len(seen) < 3 {
			return fmt.Errorf("got targets %v of %d forecasts, want 3 targets", seen, len(list.Items))
		}
		return nil
	})

	t.Log("retrain on demand; too little history is a clear answer, and a little later it is enough")
	run := ""
	eventually(t, 300*time.Second, "the retraining ends well", func() error {
		if run == "" {
			run = post(t, driftcast.URL+"/api/v1/retrainings", `{"target":"GpuTemperature"}`)
		}
		var got struct{ State, Message string }
		if err := get(driftcast.URL+run, &got); err != nil {
			return err
		}
		switch got.State {
		case "promoted", "kept":
			t.Logf("%s: %s", got.State, got.Message)
			return nil
		case "failed":
			if !strings.Contains(got.Message, "too few rows") {
				t.Fatalf("training failed: %s", got.Message)
			}
			run = ""
			time.Sleep(10 * time.Second)
		}
		return fmt.Errorf("run is %q: %s", got.State, got.Message)
	})

	stop()
	<-lived
	t.Log("a warning arrives in Alertmanager")
	celsius := 60.0
	eventually(t, 90*time.Second, "a firing alert", func() error {
		// It climbs towards the bound and stays just below: what has not happened yet is what is forecast.
		if celsius += 0.5; celsius > 84.9 {
			celsius -= 1.4
		}
		temperature(celsius)
		return alert(am.URL, "GpuTemperature", true)
	})
	t.Log("and is resolved")
	temperature(60)
	eventually(t, 90*time.Second, "no firing alert", func() error { return alert(am.URL, "GpuTemperature", false) })

	t.Log("a restart refetches nothing")
	before := status(t, driftcast.URL)
	driftcast.Stop()
	driftcast = serve()
	eventually(t, 30*time.Second, "a step after the restart", func() error {
		samples := metric(t, driftcast.URL, "driftcast_collector_samples_total")
		if samples == 0 {
			return fmt.Errorf("no sample collected yet")
		}
		// Ten minutes of backfill would be hundreds of samples a series; only the seconds since the stop may come.
		if samples > 300 {
			t.Fatalf("the restart fetched %g samples: it refetched what History holds (before: %v)", samples, before)
		}
		return nil
	})

	t.Log("killing Prometheus degrades the status and loses nothing")
	points := pastPoints(t, driftcast.URL)
	prom.Kill()
	eventually(t, 60*time.Second, "degraded status", func() error {
		if got := status(t, driftcast.URL); got != "degraded" {
			return fmt.Errorf("status %q", got)
		}
		return nil
	})
	if after := pastPoints(t, driftcast.URL); after < points {
		t.Errorf("past points fell from %d to %d when Prometheus died", points, after)
	}
	promtest.PrometheusAt(t, promAddr, promFile, promDir)
	eventually(t, 90*time.Second, "ok again", func() error {
		if got := status(t, driftcast.URL); got != "ok" {
			return fmt.Errorf("status %q", got)
		}
		return nil
	})
}

// binary is the driftcast that `make build` made.
func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../driftcast")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make build first", err)
	}
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func get(address string, into any) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %.300s", address, resp.Status, text)
	}
	return json.Unmarshal(text, into)
}

// post sends JSON and returns the Location of what it made.
func post(t *testing.T, address, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	location, err := url.Parse(resp.Header.Get("Location"))
	if resp.StatusCode != http.StatusAccepted || err != nil || location.Path == "" {
		t.Fatalf("POST %s: %s: %s", address, resp.Status, text)
	}
	return location.Path
}

// alert says whether an alert of that name fires (or, want false, does not).
func alert(am, name string, want bool) error {
	var alerts []struct {
		Labels      map[string]string
		Annotations map[string]string
	}
	if err := get(am+"/api/v2/alerts?active=true", &alerts); err != nil {
		return err
	}
	for _, a := range alerts {
		if a.Labels["alertname"] == name {
			if !want {
				return fmt.Errorf("still firing: %v", a.Labels)
			}
			if a.Labels["severity"] != "warning" || a.Labels["node"] != "gpu-1" || a.Labels["team"] != "ml-platform" {
				return fmt.Errorf("labels %v", a.Labels)
			}
			return nil
		}
	}
	if want {
		return fmt.Errorf("%d alerts, none of %s", len(alerts), name)
	}
	return nil
}

func status(t *testing.T, server string) string {
	t.Helper()
	var got struct{ State string }
	if err := get(server+"/api/v1/status", &got); err != nil {
		t.Fatal(err)
	}
	return got.State
}

// metric sums the samples of a metric over its labels.
func metric(t *testing.T, server, name string) float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, line := range strings.Split(string(text), "\n") {
		var value float64
		if i := strings.LastIndexByte(line, ' '); i > 0 && strings.HasPrefix(line, name) {
			if _, err := fmt.Sscan(line[i+1:], &value); err == nil {
				sum += value
			}
		}
	}
	return sum
}

func pastPoints(t *testing.T, server string) int {
	t.Helper()
	var got struct {
		Past struct{ Times []float64 }
	}
	if err := get(server+"/api/v1/forecasts/GpuTemperature/"+url.PathEscape("node/gpu-1"), &got); err != nil {
		t.Fatal(err)
	}
	return len(got.Past.Times)
}
