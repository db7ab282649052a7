//go:build linux || darwin || freebsd

package collector

import "syscall"

// freeBytes returns what an ordinary user may still write at a path; ok is
// false where that is not known.
func freeBytes(path string) (free uint64, ok bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(path, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
