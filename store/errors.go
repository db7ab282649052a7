package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/driftcast/driftcast/forecaster"
)

// explain wraps what SQLite says with what was attempted, the file, and what an
// operator can do about it.
func (s *Store) explain(what string, err error) error {
	if err == nil || errors.Is(err, forecaster.ErrNotFound) ||
		errors.Is(err, forecaster.ErrConflict) || errors.Is(err, forecaster.ErrQuery) {
		return err
	}
	return fmt.Errorf("%s: store %s: %w%s", what, s.path, err, remedy(err))
}

func remedy(err error) string {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code() & 0xff { // the low byte is the primary code
	case sqlite3.SQLITE_FULL:
		return "; free some space or lower the retention"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "; the file is damaged: restore a backup, or move it away to start anew"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return "; the file and its folder must be writable by this user"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "; another process is writing: only one driftcast may serve from this file"
	case sqlite3.SQLITE_IOERR:
		return "; the disk cannot be read or written, look at its health and free space"
	}
	return ""
}

func constraint(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}
