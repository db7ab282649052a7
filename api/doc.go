// Package api serves Driftcast over HTTP: REST by the contract openapi.yaml,
// the event stream, health, metrics and the web page. Echo stays in here.
//
// # Who may do what
//
// With a tokens file (Options.TokensFile) every call under /api/v1 and /metrics
// needs "Authorization: Bearer <token>"; role view reads, role edit changes
// too, and reload and pprof need edit. Health and the page's own files are open.
//
// Without one, reads are open to whoever reaches the listener, as they are with
// Prometheus, and changes are taken only where nobody else can reach it: the
// listener is on loopback, the peer is on loopback, nothing says that a proxy
// stands between, and the Host is a loopback name (or that of the external URL,
// against DNS rebinding). TLS, client certificates and basic auth come from the
// web configuration file of Prometheus' exporter-toolkit.
//
// Changes must say Content-Type: application/json and must not come from
// another site (Sec-Fetch-Site, Origin); no CORS header is ever sent.
//
// # How a request walks
//
//	observe → limit → admit → answer → conform → handler
//
// observe gives it an id, times it, logs it and recovers; limit is the rate per
// client; admit is the access above; answer buffers, tags, compresses and, for
// forecasts, repeats what it remembers; conform checks against the contract.
package api
