package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// driftKey names an object in whatever version of its kind.
func driftKey(r cluster.Ref) string {
	return strings.Join([]string{r.Group, r.Kind, r.Namespace, r.Name}, "/")
}

// PutEpisodes implements drift.Memory.
func (s *Store) PutEpisodes(ctx context.Context, episodes []drift.Episode) error {
	if len(episodes) == 0 {
		return nil
	}
	return s.write(ctx, "put episodes of drift", func(tx *sql.Tx) error {
		stmts, err := prepare(ctx, tx, `INSERT INTO drift_episodes (object, path, since, until, kind, subject, body) VALUES (?,?,?,?,?,?,?)
			ON CONFLICT DO UPDATE SET until = excluded.until, kind = excluded.kind, subject = excluded.subject, body = excluded.body`)
		if err != nil {
			return err
		}
		for _, e := range episodes {
			body, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("episode of %s: %w", e.Object, err)
			}
			if _, err := stmts[0].ExecContext(ctx, driftKey(e.Object), e.Path, e.Since.UnixMilli(), nullTime(e.Until), e.Kind, e.Subject.String(), body); err != nil {
				return err
			}
		}
		return nil
	})
}

// Episodes implements drift.Memory.
func (s *Store) Episodes(ctx context.Context, q drift.EpisodeQuery) (list []drift.Episode, err error) {
	where, args := []string{"1"}, []any{}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if !q.From.IsZero() {
		add("(until IS NULL OR until >= ?)", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		add("since < ?", q.To.UnixMilli())
	}
	if q.Object != nil {
		add("object = ?", driftKey(*q.Object))
	}
	if q.Subject != nil {
		add("subject = ?", q.Subject.String())
	}
	if q.Kind != "" {
		add("kind = ?", q.Kind)
	}
	if q.Open {
		add("until IS NULL")
	}
	limit := -1
	if q.Limit > 0 {
		limit = q.Limit
	}
	rows, err := s.reader.QueryContext(ctx, "SELECT body FROM drift_episodes WHERE "+strings.Join(where, " AND ")+
		" ORDER BY since DESC, object, path LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, s.explain("episodes of drift", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var body []byte
		var e drift.Episode
		if err := rows.Scan(&body); err != nil {
			return nil, s.explain("episodes of drift", err)
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, s.explain("episodes of drift", err)
		}
		list = append(list, e)
	}
	return list, s.explain("episodes of drift", rows.Err())
}

// PruneEpisodes forgets episodes that ended before a time, and says how many.
func (s *Store) PruneEpisodes(ctx context.Context, before time.Time) (n int64, err error) {
	err = s.write(ctx, "prune episodes of drift", func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM drift_episodes WHERE until < ?", before.UnixMilli())
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

// PutBaselines implements drift.Baselines.
func (s *Store) PutBaselines(ctx context.Context, put, forget []drift.Remembered) error {
	if len(put)+len(forget) == 0 {
		return nil
	}
	return s.write(ctx, "put what managers declared", func(tx *sql.Tx) error {
		stmts, err := prepare(ctx, tx, "DELETE FROM drift_baselines WHERE object = ? AND manager = ?",
			"INSERT OR REPLACE INTO drift_baselines (object, manager, ref, uid, at, source, body) VALUES (?,?,?,?,?,?,?)")
		if err != nil {
			return err
		}
		for _, r := range forget {
			if _, err := stmts[0].ExecContext(ctx, driftKey(r.Object), r.Manager); err != nil {
				return err
			}
		}
		for _, r := range put {
			ref, err := json.Marshal(r.Object)
			if err != nil {
				return fmt.Errorf("baseline of %s: %w", r.Object, err)
			}
			if _, err := stmts[1].ExecContext(ctx, driftKey(r.Object), r.Manager, ref, r.UID, r.At.UnixMilli(), r.Source, r.Body); err != nil {
				return err
			}
		}
		return nil
	})
}

// Baselines implements drift.Baselines.
func (s *Store) Baselines(ctx context.Context) (list []drift.Remembered, err error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT ref, manager, uid, at, source, body FROM drift_baselines ORDER BY object, manager")
	if err != nil {
		return nil, s.explain("what managers declared", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r drift.Remembered
		var ref []byte
		var at int64
		if err := rows.Scan(&ref, &r.Manager, &r.UID, &at, &r.Source, &r.Body); err != nil {
			return nil, s.explain("what managers declared", err)
		}
		if err := json.Unmarshal(ref, &r.Object); err != nil {
			return nil, s.explain("what managers declared", err)
		}
		r.At = time.UnixMilli(at).UTC()
		list = append(list, r)
	}
	return list, s.explain("what managers declared", rows.Err())
}
