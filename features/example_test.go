package features_test

import (
	"context"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// A target file says what to forecast; Load lays what was collected onto a
// grid, and Extract cuts the rows and labels that a model learns from.
func Example() {
	file, err := features.ParseFile("nodes.yml", []byte(`
groups:
- name: nodes
  targets:
  - target: NodeNotReady
    subject: {kind: node, labels: [node]}
    event: kube_node_status_condition{condition="Ready",status="true"} == 0
    horizons: [5m]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, signal := range features.Collect([]*features.File{file}) {
		fmt.Println(signal.Name, "=", signal.Expr)
	}

	history := collector.NewMemory(time.Minute) // a collector fills it
	series := collector.Series{Labels: collector.Labels{{Name: "node", Value: "gpu-17"}}}
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for minute, notReady := range []float64{0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0} {
		series.Times = append(series.Times, start.Add(time.Duration(minute)*time.Minute).UnixMilli())
		series.Values = append(series.Values, notReady)
	}
	if err := history.Add("NodeNotReady", series); err != nil {
		fmt.Println(err)
		return
	}
	target := file.Targets()[0]
	panel, err := features.Load(context.Background(), history, target, collector.Window{Start: start, End: start.Add(12 * time.Minute)})
	if err != nil {
		fmt.Println(err)
		return
	}
	frame, err := features.Extract(panel, target, features.Options{
		Origins: features.Origins(panel, 3*time.Minute, time.Time{}, time.Time{}), Labels: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for row := range frame.Rows {
		fmt.Println(frame.SubjectOf(row), frame.OriginOf(row).Format("15:04"), "begins within 5 min:", frame.Label(row, 0))
	}
	// Output:
	// NodeNotReady = max by (node) (kube_node_status_condition{condition="Ready",status="true"} == bool 0)
	// node/gpu-17 00:00 begins within 5 min: 0
	// node/gpu-17 00:03 begins within 5 min: 1
	// node/gpu-17 00:09 begins within 5 min: NaN
	// node/gpu-17 00:12 begins within 5 min: NaN
}
