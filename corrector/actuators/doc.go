// Package actuators carries corrections out: on nodes, workloads and any other
// object of a Kubernetes cluster, and through webhooks.
//
// Every actuator is a corrector.Actuator: Plan only reads and says what Apply
// would change, Apply leaves the correction's ID on what it changes, by which it
// is known again after a crash, and Revert undoes what this very correction did
// and nothing else. Every write carries the UID and resourceVersion of the object
// that was looked at, so it lands there or nowhere.
package actuators
