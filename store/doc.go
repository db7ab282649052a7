// Package store keeps what Driftcast must remember in one SQLite file: the
// latest forecasts, what was forecast before and what became of it, training
// runs, warnings, corrections and their audit trail.
//
// One process writes; any number may read meanwhile (WAL). Every commit is
// synced to disk before it is acknowledged. Times are kept to the millisecond,
// except in warnings, runs, corrections and audit rows, which keep them whole.
package store
