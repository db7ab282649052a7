package collector_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// A recording is read into memory and asked by PromQL; History answers the same
// way, and keeps it.
func ExampleLoadCSV() {
	const recording = `timestamp,queue,gpu_allocated,gpu_pending
1588291200,a,60,0
1588291260,a,64,3
1588291320,a,64,
1588291380,a,63,1
`
	memory, report, err := collector.LoadCSV(context.Background(), strings.NewReader(recording), collector.ImportOptions{
		Name: "recording.csv", LabelColumns: []string{"queue"}, Interval: time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Signals, report.Samples, "samples,", report.Missing, "missing")

	window := collector.Window{Start: report.First, End: report.Last, Step: time.Minute}
	result, err := memory.QueryRange(context.Background(), "gpu_pending > bool 0", window)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range result.Series {
		fmt.Println(s.Labels, s.Values)
	}
	// Output:
	// [gpu_allocated gpu_pending] 7 samples, 1 missing
	// {queue="a"} [0 1 1]
}
