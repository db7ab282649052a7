// Package alerter sends warnings to every peer of an Alertmanager cluster.
//
// It keeps Prometheus' manners: alerts go to each peer's /api/v2/alerts on its
// own, in batches, are sent again while they last, end by themselves when
// nobody renews them, and are sent as resolved for some minutes afterwards.
// Forecasts warn and never page: severity is "warning" unless the target's own
// labels say otherwise. Probabilities and times are annotations, never labels,
// so that an alert keeps its identity while they change.
package alerter
