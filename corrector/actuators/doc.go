// Package actuators carries corrections out: on nodes, workloads and any other
// object of a Kubernetes cluster, and through webhooks.
//
// Every actuator is a corrector.Actuator: Plan only reads and says what Apply
// would change, Apply leaves the correction's ID on what it changes, by which it
// is known again after a crash, and Revert undoes what this very correction did
// and nothing else. Every write carries the UID and resourceVersion of the object
// that was looked at, so it lands there or nowhere. Plan tries the very write
// that Apply would make, as a dry run, and shows what the API server answers.
//
// What a correction leaves on an object until it is reverted:
//
//	driftcast.io/corrected-by     <actuator>=<correction>, one for each actuator
//	driftcast.io/undo-<actuator>  the fields that it changed, and what they were
//
// Values of environment variables are in neither, nor in a plan: to restore
// them, Revert reads the workload's earlier revision. An object, its namespace
// or its node opts out of corrections with driftcast.io/opt-out: "true".
//
// Drains and Jobs take longer than one call: Apply answers
// corrector.ErrUnfinished, with how it stands, and goes on when called again, by
// whichever process.
package actuators
