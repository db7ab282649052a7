package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// PutChanges keeps changes. One that is there already, by its ID, stays as it
// is: it was seen twice.
func (s *Store) PutChanges(ctx context.Context, changes []cluster.Change) error {
	if len(changes) == 0 {
		return nil
	}
	return s.write(ctx, "put changes", func(tx *sql.Tx) error {
		put, err := tx.PrepareContext(ctx, `INSERT INTO changes (id, at, subject, object, namespace, kind, manager, body)
			VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		defer put.Close() //nolint:errcheck // ends with the transaction
		for _, c := range changes {
			body, err := json.Marshal(c)
			if err != nil {
				return fmt.Errorf("change %s of %s: %w", c.ID, c.Object, err)
			}
			_, err = put.ExecContext(ctx, c.ID, c.At.UnixMilli(), c.Subject.String(), c.Object.String(), c.Object.Namespace, string(c.Kind), c.Manager, string(body))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Changes lists changes by when they happened, newest first, and the cursor of
// the next page, which is empty on the last.
func (s *Store) Changes(ctx context.Context, q cluster.ChangeQuery) (items []cluster.Change, next string, err error) {
	const order = "changes"
	where, args := []string{"1"}, []any{}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	for _, c := range []struct{ column, value string }{
		{"subject", q.Subject}, {"object", q.Object}, {"namespace", q.Namespace}, {"kind", string(q.Kind)}, {"manager", q.Manager},
	} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	if !q.From.IsZero() {
		add("at >= ?", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		add("at < ?", q.To.UnixMilli())
	}
	if q.Cursor != "" {
		at, err := decodeCursor(q.Cursor, order)
		if err != nil {
			return nil, "", err
		}
		add("(at, id) < (?, ?)", at.Key, at.First)
	}
	limit := pageSize(q.Limit)
	items, err = bodies[cluster.Change](ctx, s, "list changes", "SELECT body FROM changes WHERE "+
		strings.Join(where, " AND ")+" ORDER BY at DESC, id DESC LIMIT ?", append(args, limit+1)...)
	if err == nil && len(items) > limit {
		items = items[:limit]
		last := items[limit-1]
		next = cursor{Order: order, Key: last.At.UnixMilli(), First: last.ID}.encode()
	}
	return items, next, err
}

// Remember keeps what was last seen of objects, or forgets it: cluster.Memory.
func (s *Store) Remember(ctx context.Context, batch []cluster.Seen) error {
	if len(batch) == 0 {
		return nil
	}
	return s.write(ctx, "remember objects", func(tx *sql.Tx) error {
		for _, seen := range batch {
			key := seenKey(seen.Object)
			if seen.Gone {
				if _, err := tx.ExecContext(ctx, "DELETE FROM seen WHERE object = ?", key); err != nil {
					return err
				}
				continue
			}
			body, err := json.Marshal(seen)
			if err != nil {
				return fmt.Errorf("%s: %w", seen.Object, err)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO seen (object, body) VALUES (?,?) ON CONFLICT DO UPDATE SET body = excluded.body", key, string(body)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Recall lists what was last seen of all objects: cluster.Memory.
func (s *Store) Recall(ctx context.Context) iter.Seq2[cluster.Seen, error] {
	return func(yield func(cluster.Seen, error) bool) {
		rows, err := s.reader.QueryContext(ctx, "SELECT body FROM seen")
		if err != nil {
			yield(cluster.Seen{}, s.explain("recall objects", err))
			return
		}
		defer rows.Close() //nolint:errcheck // errors of reading are in rows.Err
		for rows.Next() {
			var body []byte
			var seen cluster.Seen
			err := rows.Scan(&body)
			if err == nil {
				err = json.Unmarshal(body, &seen)
			}
			if !yield(seen, s.explain("recall objects", err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(cluster.Seen{}, s.explain("recall objects", err))
		}
	}
}

// seenKey leaves the version out: it is the same object in any.
func seenKey(r cluster.Ref) string {
	return strings.Join([]string{r.Group, r.Kind, r.Namespace, r.Name}, "/")
}
