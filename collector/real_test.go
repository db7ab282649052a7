package collector_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// TestRealPrometheus collects from a Prometheus that scrapes itself.
func TestRealPrometheus(t *testing.T) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus on this machine: install the Debian package prometheus")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	settings := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: self\n  static_configs: [{targets: [%q]}]\n", address)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := collector.NewPrometheus(collector.PrometheusOptions{URL: "http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	h := openHistory(t, collector.HistoryOptions{})
	signals := []collector.Signal{
		{Name: "scrape_up", Expr: "up", Interval: time.Second, Subject: collector.SubjectSpec{Kind: "service", Labels: []string{"instance"}}},
		{Name: "impossible", Expr: "sum(up", Interval: time.Second},
	}
	c, err := collector.New(collector.Options{Source: p, History: h, Signals: func() []collector.Signal { return signals }, Lookback: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var report collector.Report
	for deadline := time.Now().Add(20 * time.Second); ; {
		if report, err = c.Collect(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		if report.Signals[0].Err == nil && report.Samples() > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing collected: %+v", report)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"bad_data", "unclosed left parenthesis", "sum(up"} {
		if got := fmt.Sprint(report.Signals[1].Err); !strings.Contains(got, want) {
			t.Errorf("error %q lacks %q", got, want)
		}
	}
	got := samples(t, h, "scrape_up")
	if len(got.Values) == 0 || got.Values[len(got.Values)-1] != 1 || got.Labels.Value("instance") != address {
		t.Errorf("stored %v", got)
	}
	// 11,000 points are the most that a real Prometheus gives; we ask for more.
	end := time.Now().Truncate(time.Second)
	r, err := p.QueryRange(t.Context(), "vector(1)", collector.Window{Start: end.Add(-30_000 * time.Second), End: end, Step: time.Second})
	if err != nil || len(r.Series) != 1 || len(r.Series[0].Times) != 30_001 {
		t.Errorf("long window: %d series, %v", len(r.Series), err)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := p.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "unavailable") {
		t.Errorf("ready after it was killed: %v", err)
	}
}
