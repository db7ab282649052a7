// Package deploy carries what a deployment needs: the target packs, embedded in
// the binary as its defaults, and (tested here) the manifests, rules and
// dashboards beside them.
package deploy

import "embed"

// Targets holds the built-in target packs, targets/*.yml.
//
//go:embed targets/*.yml
var Targets embed.FS
