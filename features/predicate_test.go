package features_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
)

// conditions are what people write, over series a and b (whose node and gpu
// label them) and c (a node's).
var conditions = []string{
	"a == 0",
	"(a) > 1",
	"0 < a",
	"a > b",
	"a - b > 0",
	"a > 0 and b > 0",
	"a > 1 or b > 1",
	"a > 0 unless b > 1",
	"a unless b",
	"a and on (node) c",
	"a > 0 and on (node) c == 1",
	"(a == 1 or a == 2) and b",
	"changes(a[5m]) > 0 and (a == 1 or a == 2)",
	"sum by (node, gpu) (a > 0) > 1",
	"a > bool 1",
	"(a > bool 0) == 1",
	"max_over_time((a > 1)[3m:1m]) > 1",
	"-a < 0",
}

// TestPredicateIsTheConditionAsZeroAndOne evaluates each condition and its
// predicate with Prometheus' own engine over random series. Where the condition
// has a series, the predicate is 1; elsewhere it is 0 or absent.
func TestPredicateIsTheConditionAsZeroAndOne(t *testing.T) {
	engine := promqltest.NewTestEngine(t, false, 2*time.Minute, 1e6)
	labels := []string{"node", "gpu"}
	rapid.Check(t, func(r *rapid.T) {
		condition := rapid.SampledFrom(conditions).Draw(r, "condition")
		var load strings.Builder
		load.WriteString("load 1m\n")
		for _, name := range []string{"a", "b"} {
			for _, where := range []string{`node="x",gpu="0"`, `node="x",gpu="1"`, `node="y",gpu="0"`} {
				fmt.Fprintf(&load, "  %s{%s} %s\n", name, where, drawSamples(r))
			}
		}
		fmt.Fprintf(&load, "  c{node=\"x\"} %s\n", drawSamples(r))
		storage := promqltest.LoadedStorage(t, load.String())
		defer func() { _ = storage.Close() }()

		predicate, err := features.Predicate(condition, labels)
		if err != nil {
			r.Fatal(err)
		}
		evaluate := func(expr string) map[string]float64 {
			q, err := engine.NewRangeQuery(context.Background(), storage, nil, expr, time.Unix(0, 0), time.Unix(0, 0).Add(9*time.Minute), time.Minute)
			if err != nil {
				r.Fatalf("%s: %v", expr, err)
			}
			defer q.Close()
			result := q.Exec(context.Background())
			if result.Err != nil {
				r.Fatalf("%s: %v", expr, result.Err)
			}
			values := map[string]float64{}
			for _, series := range result.Value.(promql.Matrix) {
				for _, f := range series.Floats {
					values[fmt.Sprint(series.Metric.Get("node"), series.Metric.Get("gpu"), f.T)] = f.F
				}
			}
			return values
		}
		truth, got := evaluate(condition), evaluate(predicate)
		for at, v := range got {
			want := 0.0
			if held, there := truth[at]; there && (held != 0 || !strings.Contains(condition, "> bool 1")) {
				want = 1
			}
			if v != want {
				r.Fatalf("%s at %s: got %v, want %v\n%s", predicate, at, v, want, load.String())
			}
		}
		for at := range truth {
			if _, there := got[at]; !there {
				r.Fatalf("%s is true at %s, and absent as predicate", condition, at)
			}
		}
		if condition == "a == 0" {
			for at := range evaluate("a") {
				if _, there := got[at]; !there {
					r.Fatalf("a has a sample at %s, and the predicate has none", at)
				}
			}
		}
	})
}

func drawSamples(r *rapid.T) string {
	var samples []string
	for range 10 {
		samples = append(samples, rapid.SampledFrom([]string{"0", "1", "2", "1", "_"}).Draw(r, "sample"))
	}
	return strings.Join(samples, " ")
}
