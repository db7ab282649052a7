package main

import (
	"path/filepath"
	"strings"
)

// calledAs is how people call this program: kubectl runs whatever is named
// kubectl-driftcast as "kubectl driftcast", and hands its environment on, so
// that KUBECONFIG is the one that kubectl itself uses.
func calledAs(program string) string {
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	if plugin, ok := strings.CutPrefix(name, "kubectl-"); ok {
		return "kubectl " + strings.ReplaceAll(plugin, "_", "-")
	}
	return "driftcast"
}
