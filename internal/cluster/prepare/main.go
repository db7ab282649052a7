// Command prepare builds what the end-to-end tests need, the control plane and
// Helm, and says so while it does: `make cluster`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/driftcast/driftcast/internal/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	built, err := cluster.Build(ctx, os.Stderr)
	helm := ""
	if err == nil {
		helm, err = cluster.BuildHelm(ctx, os.Stderr)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(built.Binary)
	fmt.Println(helm)
}
