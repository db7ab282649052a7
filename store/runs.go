package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/driftcast/driftcast/forecaster"
)

// PutRun keeps a run, replacing what was kept under its ID.
func (s *Store) PutRun(ctx context.Context, r forecaster.Run) error {
	if r.ID == "" {
		return errors.New("put run: it has no id")
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("put run %s: %w", r.ID, err)
	}
	return s.write(ctx, "put run", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO runs (id, started, body) VALUES (?,?,?)
			ON CONFLICT DO UPDATE SET started = excluded.started, body = excluded.body`, r.ID, r.Started.UnixMilli(), string(body))
		return err
	})
}

// Run returns one run, or forecaster.ErrNotFound.
func (s *Store) Run(ctx context.Context, id string) (forecaster.Run, error) {
	got, err := bodies[forecaster.Run](ctx, s, "read run", "SELECT body FROM runs WHERE id = ?", id)
	if err != nil {
		return forecaster.Run{}, err
	}
	if len(got) == 0 {
		return forecaster.Run{}, fmt.Errorf("run %s: %w", id, forecaster.ErrNotFound)
	}
	return got[0], nil
}

// Runs returns the newest runs, newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]forecaster.Run, error) {
	return bodies[forecaster.Run](ctx, s, "list runs", "SELECT body FROM runs ORDER BY started DESC, rowid DESC LIMIT ?", pageSize(limit))
}

// bodies reads a list of JSON documents.
func bodies[T any](ctx context.Context, s *Store, what, query string, args ...any) ([]T, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []T
	for rows.Next() {
		var body []byte
		var item T
		if err := rows.Scan(&body); err != nil {
			return nil, s.explain(what, err)
		}
		if err := json.Unmarshal(body, &item); err != nil {
			return nil, s.explain(what, err)
		}
		out = append(out, item)
	}
	return out, s.explain(what, rows.Err())
}
