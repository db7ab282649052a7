//go:build e2e

package e2e_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/driftcast/driftcast/internal/cluster"
)

// shared is the control plane of all tests that break nothing for others: each
// takes a Namespace of its own, and nodes that it adds by a label of its own.
var shared struct {
	once  sync.Once
	plane *cluster.Cluster
	err   error
}

// controlPlane returns the shared control plane, and starts it for the first
// who asks.
func controlPlane(t *testing.T) *cluster.Cluster {
	t.Helper()
	shared.once.Do(func() { shared.plane, shared.err = cluster.New(context.Background(), cluster.Options{Nodes: 6}) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.plane
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.plane != nil {
		shared.plane.Close(code != 0)
	}
	os.Exit(code)
}
