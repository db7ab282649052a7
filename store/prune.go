package store

import (
	"context"
	"database/sql"
	"time"
)

// Prune forgets forecasts, outcomes, scores, finished runs, changes and resolved
// warnings from before a time. Corrections and the audit trail are kept for
// ever. It works in many short transactions, so that a step never waits long.
func (s *Store) Prune(ctx context.Context, before time.Time) error {
	ms := before.UnixMilli()
	for _, p := range []struct {
		text string
		arg  int64
	}{
		{"DELETE FROM details WHERE key IN (SELECT key FROM latest WHERE origin < ?)", ms},
		{"DELETE FROM latest WHERE origin < ?", ms},
		{"DELETE FROM scores WHERE day < ?", floorDiv(ms, 86_400_000)},
		{"DELETE FROM reliability WHERE day < ?", floorDiv(ms, 86_400_000)},
		{"DELETE FROM turns WHERE origin < ?", ms},
		{"DELETE FROM shadows WHERE origin < ?", ms},
		{"DELETE FROM leads WHERE began < ?", ms},
		{"DELETE FROM changes WHERE at < ?", ms},
		{"DELETE FROM warnings WHERE resolved = 1 AND starts < ?", ms},
		{"DELETE FROM runs WHERE started < ? AND json_extract(body, '$.State') NOT IN ('queued', 'running')", ms},
	} {
		err := s.write(ctx, "prune", func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, p.text, p.arg)
			return err
		})
		if err != nil {
			return err
		}
	}
	names, err := s.targetNames(ctx)
	if err != nil {
		return s.explain("prune", err)
	}
	for _, name := range names {
		horizons, err := s.horizons(ctx, name)
		if err != nil {
			return s.explain("prune", err)
		}
		for _, h := range horizons {
			if err := s.pruneIssued(ctx, h, floorDiv(ms, spacing(h.horizon)*1000)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pruneIssued deletes the slots before one, a few at a time.
func (s *Store) pruneIssued(ctx context.Context, h issuedHorizon, before int64) error {
	const few = 8
	for h.first < before {
		to := min(h.first+few, before)
		err := s.write(ctx, "prune", func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "DELETE FROM issued WHERE target = ? AND horizon = ? AND slot < ?", h.target, h.horizon, to); err != nil {
				return err
			}
			var next sql.NullInt64 // slots nothing was issued in are skipped
			err := tx.QueryRowContext(ctx, "SELECT min(slot) FROM issued WHERE target = ? AND horizon = ?", h.target, h.horizon).Scan(&next)
			h.first = before
			if next.Valid {
				h.first = next.Int64
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) targetNames(ctx context.Context) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT name FROM targets")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}
