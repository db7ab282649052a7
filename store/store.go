package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options say where a Store lives.
type Options struct {
	Path   string           // the database file; its folder is made where missing
	Logger *slog.Logger     // nil: slog.Default
	Now    func() time.Time // stamps audit rows; nil: time.Now
}

// Store is the SQLite store. It is safe for concurrent use, and other
// processes may open the same file meanwhile.
type Store struct {
	path   string
	logger *slog.Logger
	now    func() time.Time
	writer *sql.DB // one connection: writes queue here instead of failing as busy
	reader *sql.DB

	mu    sync.Mutex // guards what follows, which only write transactions touch
	names names
	slots map[slotKey]slotMark
}

// Open opens the store, creating it or migrating it as needed. Its errors name
// the file and, where there is one, the remedy.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" {
		return nil, errors.New("open store: no path given")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("open store %s: %w; choose a folder that can be written", path, err)
	}
	s := &Store{path: path, logger: o.Logger, now: o.Now, slots: map[slotKey]slotMark{}}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.writer, err = sql.Open("sqlite", dsn(path, "immediate")); err != nil {
		return nil, s.explain("open", err)
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", dsn(path, "deferred")+"&_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(s.explain("open", err), s.writer.Close())
	}
	s.reader.SetMaxOpenConns(4)
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(s.explain("open", err), s.Close())
	}
	return s, nil
}

// Close closes the store; transactions that run are waited for.
func (s *Store) Close() error { return errors.Join(s.reader.Close(), s.writer.Close()) }

// dsn names the file and the pragmas of every connection. FULL makes a commit
// durable before it returns: a step makes a handful of commits, so the syncs
// are cheap, and the audit trail needs them.
func dsn(path, lock string) string {
	u := url.URL{Scheme: "file", Path: path}
	return u.String() + "?_txlock=" + lock +
		"&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
}

// migrate brings the schema up to date. Two processes that open a new file
// together both try; whoever comes second finds the work done.
func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, dir,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(s.logger))
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		current, target, err := provider.GetVersions(ctx)
		if err == nil && current > target {
			return fmt.Errorf("the schema is version %d, newer than this build's %d; use a newer driftcast", current, target)
		}
		if err == nil && current == target {
			return nil
		}
		if err == nil {
			_, err = provider.Up(ctx)
		}
		if err != nil && (attempt == 3 || ctx.Err() != nil) {
			return fmt.Errorf("migrate: %w", err)
		}
	}
}

// write runs do in one transaction on the one writing connection.
func (s *Store) write(ctx context.Context, what string, do func(tx *sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(what, err)
	}
	if err = do(tx); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		s.names = names{} // what was learnt in this transaction is gone
		clear(s.slots)
		return s.explain(what, err)
	}
	return nil
}
