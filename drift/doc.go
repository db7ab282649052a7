// Package drift finds what differs now between a cluster and its declared state:
// field by field, since when, by whom, how sure.
//
// What is declared comes, in this order of trust, from manifests in Git or in a
// directory (drift/declared), from server-side-apply managers and last-applied
// annotations on the object itself, from ReplicaSets and ControllerRevisions, and
// from the object's own recorded baseline.
//
// Two tiers: the default only reads, from what the observer (cluster) has in
// memory. The opt-in second sends each declaration to the server as a dry run,
// under a ServiceAccount of its own, which knows defaulting and admission; it does
// not see added fields, so the answer is the union of both. A comparison that
// failed is Unknown, never Synced.
package drift
