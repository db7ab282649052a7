package collector

import (
	"fmt"
	"syscall"
)

// room refuses to write where less than the reserve is free: the TSDB moves
// samples that it has taken from memory to disk later on, and it panics where it
// cannot.
func (h *History) room() error {
	free, ok := freeBytes(h.opts.Path)
	if ok && free < uint64(h.opts.Reserve) {
		return fmt.Errorf("%w: %d MiB are free on its disk, and %d are held in reserve", syscall.ENOSPC, free>>20, h.opts.Reserve>>20)
	}
	return nil
}
