// Package collector brings the past in and keeps it: it samples signals from a
// Prometheus-compatible server (or imports them from files) onto a grid and
// stores them in History, an embedded Prometheus TSDB that answers PromQL.
//
// Nothing else in Driftcast imports the TSDB or speaks to Prometheus.
package collector
