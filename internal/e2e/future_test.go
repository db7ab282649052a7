//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	promapi "github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/internal/promtest"
)

// TestFutureIsAPrometheus copies a day of forecasts from the demo, whose clock
// all but stands, into a real Prometheus, and asks both the same by Prometheus'
// own promtool and Go client: the answers must be the same.
func TestFutureIsAPrometheus(t *testing.T) {
	for _, need := range []string{"promtool", "prometheus"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("%s is not installed: apt-get install prometheus", need)
		}
	}
	addr := promtest.FreeAddr(t)
	demo := promtest.Start(t, addr, "/-/healthy", binary(t), "demo", "--nodes=4", "--gpus=4", "--days=2", "--speed=0.001",
		"--storage.path="+t.TempDir(), "--web.listen-address="+addr)
	ours := client(t, demo.URL+"/prometheus")
	var status struct{ Now, LastStep time.Time }
	eventually(t, 4*time.Minute, "forecasts to ask about", func() error {
		if err := get(demo.URL+"/api/v1/status", &status); err != nil {
			return err
		}
		if status.LastStep.IsZero() {
			return fmt.Errorf("no step has ended")
		}
		return nil
	})
	origin := status.Now.Truncate(5 * time.Minute)
	day := promv1.Range{Start: origin.Add(5 * time.Minute), End: origin.Add(24 * time.Hour), Step: 5 * time.Minute}
	real := copied(t, ours, day, `{__name__=~"TimeToFirstToken:predicted|GpuPower:predicted"}`, `driftcast_forecast_quantile{target="TimeToFirstToken"}`)
	theirs := client(t, real.URL)

	at := origin.Add(6*time.Hour + 25*time.Minute)
	within := promv1.Range{Start: origin.Add(2 * time.Hour), End: origin.Add(20 * time.Hour), Step: 25 * time.Minute}
	for _, expr := range []string{ // ranges begin between two samples: Prometheus 2 takes one at their very beginning, 3 does not
		`TimeToFirstToken:predicted`,
		`TimeToFirstToken:predicted{ml_forecast="yhat"} offset 40m`,
		`GpuPower:predicted{ml_forecast="yhat",gpu=~"[01]"} offset -55m`,
		`TimeToFirstToken:predicted{ml_forecast="yhat"} @ ` + fmt.Sprint(at.Unix()),
		`sum by (ml_forecast) (GpuPower:predicted)`,
		`topk(2, TimeToFirstToken:predicted{ml_forecast="yhat_upper"})`,
		`max_over_time(TimeToFirstToken:predicted{ml_forecast="yhat"}[121m])`,
		`avg_over_time(GpuPower:predicted{ml_forecast="yhat"}[91m] offset -90m)`,
		`TimeToFirstToken:predicted{ml_forecast="yhat_upper"} - ignoring(ml_forecast) TimeToFirstToken:predicted{ml_forecast="yhat_lower"}`,
		`driftcast_forecast_quantile{target="TimeToFirstToken",quantile="0.9"} == on(service) group_left() TimeToFirstToken:predicted{ml_forecast="yhat_upper"}`,
		`quantile_over_time(0.5, (driftcast_forecast_quantile{target="TimeToFirstToken",quantile="0.5"})[181m:10m])`,
		`min_over_time(timestamp(TimeToFirstToken:predicted{ml_forecast="yhat"} > 0)[121m:5m] offset -120m) - time()`,
		`count({__name__=~"(TimeTo|GpuP).+:predicted"}) by (__name__)`,
		`vector(1) + time()`, `scalar(vector(3))`, `"text"`, `nothing_at_all`,
	} {
		for _, ask := range []func(promv1.API) (model.Value, promv1.Warnings, error){
			func(p promv1.API) (model.Value, promv1.Warnings, error) { return p.Query(t.Context(), expr, at) },
			func(p promv1.API) (model.Value, promv1.Warnings, error) {
				return p.QueryRange(t.Context(), expr, within)
			},
		} {
			got, _, err := ask(ours)
			want, _, wantErr := ask(theirs)
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%s: got %v, want %v", expr, err, wantErr)
			} else if err == nil && !same(got, want) {
				t.Errorf("%s: got\n%.2000v\nwant\n%.2000v", expr, got, want)
			}
		}
	}
	sameRefusals(t, ours, theirs, at)
	samePromtool(t, demo.URL+"/prometheus", real.URL, at, within)
}

func client(t *testing.T, url string) promv1.API {
	t.Helper()
	c, err := promapi.NewClient(promapi.Config{Address: url})
	if err != nil {
		t.Fatal(err)
	}
	return promv1.NewAPI(c)
}

// copied is a Prometheus that holds what another answers.
func copied(t *testing.T, from promv1.API, r promv1.Range, exprs ...string) *promtest.Server {
	t.Helper()
	dir := t.TempDir()
	text := &strings.Builder{}
	for _, expr := range exprs {
		value, _, err := from.QueryRange(t.Context(), expr, r)
		if err != nil {
			t.Fatal(err)
		}
		matrix, ok := value.(model.Matrix)
		if !ok || len(matrix) == 0 {
			t.Fatalf("%s: got %v, want series", expr, value)
		}
		sort.Slice(matrix, func(i, j int) bool { return matrix[i].Metric.String() < matrix[j].Metric.String() })
		for _, s := range matrix {
			for _, v := range s.Values {
				fmt.Fprintf(text, "%s %v %v\n", strings.ReplaceAll(s.Metric.String(), `", `, `",`), float64(v.Value), v.Timestamp.Unix())
			}
		}
	}
	text.WriteString("# EOF\n")
	writeFile(t, filepath.Join(dir, "forecasts.txt"), text.String())
	writeFile(t, filepath.Join(dir, "prometheus.yml"), "{}\n")
	tsdb := filepath.Join(dir, "tsdb")
	if out, err := exec.CommandContext(t.Context(), "promtool", "tsdb", "create-blocks-from", "openmetrics", filepath.Join(dir, "forecasts.txt"), tsdb).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	return promtest.PrometheusAt(t, promtest.FreeAddr(t), filepath.Join(dir, "prometheus.yml"), tsdb)
}

// same says that two values are equal but for rounding and the order of series.
func same(got, want model.Value) bool {
	switch want := want.(type) {
	case model.Matrix:
		got, ok := got.(model.Matrix)
		if !ok || len(got) != len(want) {
			return false
		}
		sort.Sort(got)
		sort.Sort(want)
		for i := range want {
			if !got[i].Metric.Equal(want[i].Metric) || len(got[i].Values) != len(want[i].Values) {
				return false
			}
			for k, v := range want[i].Values {
				if got[i].Values[k].Timestamp != v.Timestamp || !near(got[i].Values[k].Value, v.Value) {
					return false
				}
			}
		}
		return true
	case model.Vector:
		got, ok := got.(model.Vector)
		if !ok || len(got) != len(want) {
			return false
		}
		sort.Sort(got)
		sort.Sort(want)
		for i := range want {
			if !got[i].Metric.Equal(want[i].Metric) || got[i].Timestamp != want[i].Timestamp || !near(got[i].Value, want[i].Value) {
				return false
			}
		}
		return true
	}
	return got.Type() == want.Type() && got.String() == want.String()
}

func near(a, b model.SampleValue) bool {
	return math.Abs(float64(a-b)) <= 1e-9*(1+math.Abs(float64(b)))
}

// sameRefusals wants errors of the same kind, and the rest of what Grafana asks
// decoded alike.
func sameRefusals(t *testing.T, ours, theirs promv1.API, at time.Time) {
	t.Helper()
	for name, ask := range map[string]func(context.Context, promv1.API) error{
		"no PromQL": func(ctx context.Context, p promv1.API) error { _, _, err := p.Query(ctx, "sum(", at); return err },
		"many to many": func(ctx context.Context, p promv1.API) error {
			_, _, err := p.Query(ctx, "TimeToFirstToken:predicted * on(ml_forecast) TimeToFirstToken:predicted", at)
			return err
		},
		"too many points": func(ctx context.Context, p promv1.API) error {
			_, _, err := p.QueryRange(ctx, "1", promv1.Range{Start: at, End: at.Add(24 * time.Hour), Step: time.Second})
			return err
		},
		"end before start": func(ctx context.Context, p promv1.API) error {
			_, _, err := p.QueryRange(ctx, "1", promv1.Range{Start: at, End: at.Add(-time.Hour), Step: time.Minute})
			return err
		},
		"a wrong selector": func(ctx context.Context, p promv1.API) error {
			_, _, err := p.Series(ctx, []string{"{"}, at, at)
			return err
		},
		"build":    func(ctx context.Context, p promv1.API) error { _, err := p.Buildinfo(ctx); return err },
		"metadata": func(ctx context.Context, p promv1.API) error { _, err := p.Metadata(ctx, "", ""); return err },
		"rules":    func(ctx context.Context, p promv1.API) error { _, err := p.Rules(ctx); return err },
		"exemplars": func(ctx context.Context, p promv1.API) error {
			_, err := p.QueryExemplars(ctx, "up", at, at)
			return err
		},
	} {
		got, want := ask(t.Context(), ours), ask(t.Context(), theirs)
		kind := func(err error) string {
			kind, _, _ := strings.Cut(fmt.Sprint(err), ":")
			return kind
		}
		if kind(got) != kind(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// samePromtool wants promtool to print the same of both.
func samePromtool(t *testing.T, ours, theirs string, at time.Time, within promv1.Range) {
	t.Helper()
	const one = `TimeToFirstToken:predicted{ml_forecast="yhat"}`
	for _, args := range [][]string{
		{"query", "instant", "--time=" + fmt.Sprint(at.Unix()), "URL", "sort(" + one + ")"},
		{"query", "range", "--start=" + fmt.Sprint(within.Start.Unix()), "--end=" + fmt.Sprint(within.End.Unix()), "--step=25m", "URL", "sum(" + one + ")"},
		{"query", "series", "--match=" + one, "--start=" + fmt.Sprint(within.Start.Unix()), "--end=" + fmt.Sprint(within.End.Unix()), "URL"},
		{"query", "labels", "--match=" + one, "URL", "service"},
		{"query", "instant", "URL", "sum("},
	} {
		run := func(url string) string {
			all := append([]string(nil), args...)
			for i := range all {
				if all[i] == "URL" {
					all[i] = url
				}
			}
			out, err := exec.CommandContext(t.Context(), "promtool", all...).CombinedOutput()
			return fmt.Sprintf("%s%v", rounded(string(out)), err)
		}
		if got, want := run(ours), run(theirs); got != want || strings.TrimSpace(want) == "<nil>" {
			t.Errorf("promtool %s: got\n%s\nwant\n%s", strings.Join(args, " "), got, want)
		}
	}
}

// rounded cuts what is written of numbers after ten digits: what was copied as
// text may differ in the last one.
func rounded(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var v float64
		head, rest, arrow := strings.Cut(line, " => ")
		if !arrow {
			head, rest = "", line
		}
		number, tail, ok := strings.Cut(rest, " @")
		if _, err := fmt.Sscanf(number, "%g", &v); ok && err == nil {
			lines[i] = fmt.Sprintf("%s => %.10g @%s", head, v, tail)
		}
	}
	return strings.Join(lines, "\n")
}
