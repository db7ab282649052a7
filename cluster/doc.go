// Package cluster watches a Kubernetes cluster and remembers it as history.
//
// An Observer keeps every watched object in a small form (Object), notices what
// changes on it, field by field and by which field manager (Change), and samples
// its state into series that PromQL can be asked of (Described lists them):
//
//	kube-apiserver ──list, watch──► Transform ─► Object ─┬─► Change ─► store, beside the forecasts it explains
//	                                                     └─► Sample ─► History and /metrics
//
// It only reads. Secrets, the values of environment variables and what looks like
// a credential anywhere else are redacted before anything is kept.
//
// One cache.Reflector a kind, the heart of an informer, fills a shelf of our own:
// it goes on where a watch ended, and lists again where that is too old (410
// Gone). The shelf compares a list with what stood there, and the first list with
// what a Memory kept, so that what happened in between is told as Missed. What the
// paths of changes say:
//
//	/spec/template/spec/containers/name=c/image   a field of the desired state
//	/status/conditions/type=Ready/status          a node's condition
//	/versions/driver                              a node's version
//	/rollout/began, /finished, /stalled           Before and After: {"images":…,"revision":…}
//	/status/containerStatuses/name=c              a restart; After: the reason, as it is
//	/status/revision, /sync, /health              what Argo CD or Flux say
//
// Connect makes the clients, whose rate is capped. An Election lets one of several
// replicas act. Explain tells which verb on which resource a role lacks.
package cluster
