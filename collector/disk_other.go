//go:build !linux && !darwin && !freebsd

package collector

// freeBytes does not know on this system.
func freeBytes(string) (free uint64, ok bool) { return 0, false }
