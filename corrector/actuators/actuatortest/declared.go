package actuatortest

import (
	"context"
	"fmt"
	"sync"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/forecaster"
)

// Declared is a baseline that a test fills; the zero value declares nothing.
type Declared struct {
	mu        sync.Mutex
	manifests map[string]string
}

// Declare declares an object, in YAML or JSON; "" does no more.
func (d *Declared) Declare(object cluster.Ref, manifest string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.manifests == nil {
		d.manifests = map[string]string{}
	}
	d.manifests[object.String()] = manifest
}

// Manifest implements actuators.Manifests.
func (d *Declared) Manifest(_ context.Context, object cluster.Ref, _ string) ([]byte, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	manifest := d.manifests[object.String()]
	if manifest == "" {
		return nil, "", fmt.Errorf("%s is not declared: %w", object, forecaster.ErrNotFound)
	}
	return []byte(manifest), "r1", nil
}
