// Package e2e holds the end-to-end tests: the driftcast binary beside a real
// Prometheus, Alertmanager, node_exporter and browser. They are built with the
// tag e2e and run by `make e2e`.
package e2e
