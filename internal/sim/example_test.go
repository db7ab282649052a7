package sim_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/driftcast/driftcast/internal/sim"
)

// A cluster lives for a day; a correction is obeyed within the hour.
func Example() {
	begin := time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC)
	cluster, err := sim.New(sim.Options{Seed: 1, Start: begin, FaultRate: -1})
	if err != nil {
		log.Fatal(err)
	}
	ctx, sink := context.Background(), new(counter) // or a collector.History
	if _, err := cluster.Advance(ctx, begin.Add(24*time.Hour), sink); err != nil {
		log.Fatal(err)
	}
	if err := cluster.Cordon("gpu-01"); err != nil {
		log.Fatal(err)
	}
	if _, err := cluster.Advance(ctx, begin.Add(25*time.Hour), sink); err != nil {
		log.Fatal(err)
	}
	node, err := cluster.Node("gpu-01")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(node.Unschedulable, node.Ready, node.Pods)
	// Output: true true 0
}
