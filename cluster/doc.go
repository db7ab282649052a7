// Package cluster watches a Kubernetes cluster and remembers it as history.
//
// An Observer keeps every watched object in a small form (Object), notices what
// changes on it, field by field and by which field manager (Change), and samples
// its state into series that PromQL can be asked of:
//
//	kube-apiserver ──list, watch──► transform ─► Object ─┬─► Change ─► store, beside the forecasts it explains
//	                                                     └─► Sample ─► History and /metrics
//
// It only reads. Secrets and the values of environment variables are redacted
// before anything is kept. Connect makes the clients, whose rate is capped; Lead
// lets one of several replicas act.
package cluster
