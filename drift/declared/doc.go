// Package declared reads the state that a team declares for its cluster from Git
// or from a directory: plain manifests, kustomizations and rendered charts,
// polled by revision.
package declared
