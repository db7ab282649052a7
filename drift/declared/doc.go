// Package declared reads the state that a team declares for its cluster from Git
// or from a directory: plain manifests, kustomizations and rendered charts,
// polled by revision.
//
// Nothing is written, nothing is run: no chart is rendered, no plugin of
// kustomize is started, nothing remote is loaded but the repository itself. What
// cannot be read is a Problem with file, line, field and remedy; the rest of the
// source still counts, and Findings tells the unread as Unknown, never as clean.
package declared
