package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
)

// rightsPatience is how long the start waits for the API server to say what the
// corrector may do.
const rightsPatience = 5 * time.Second

// actuatorsOf makes what carries corrections out: those of a cluster where one
// is named, and the webhooks. Rights that the policies lack are logged: their
// corrections will say so too.
func actuatorsOf(ctx context.Context, c config, declared actuators.Manifests, logger *slog.Logger) (map[string]corrector.Actuator, error) {
	byName := map[string]corrector.Actuator{}
	if c.Corrections.Kubeconfig != "" || c.Corrections.InCluster {
		clients, err := actuators.Connect(c.Corrections.Kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("corrections: %w", err)
		}
		if byName, err = actuators.Kubernetes(actuators.Options{Clients: clients, Manifests: declared, Now: time.Now, Logger: logger}); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, rightsPatience)
		defer cancel()
		if err := actuators.Check(ctx, clients, c.Corrections.Policies); err != nil {
			logger.Warn("a right is missing", "component", "corrector", "err", err)
		}
	}
	for _, w := range c.Corrections.Webhooks {
		hook, err := actuators.NewWebhook(w.WebhookOptions)
		if err != nil {
			return nil, fmt.Errorf("corrections: webhook %q: %w", w.Name, err)
		}
		byName[w.Name] = hook
	}
	return byName, nil
}
