package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/forecaster"
)

// Record keeps a correction as it now stands and appends the row of the audit
// trail that says who did what, in one transaction that is on disk when Record
// returns. What is stored must still be of c's Version (0: nothing is stored
// yet); the entry has the next one. Otherwise, and where another correction has
// the same Key, it is forecaster.ErrConflict and nothing changes.
func (s *Store) Record(ctx context.Context, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error) {
	var entry forecaster.AuditEntry
	if c.ID == "" {
		return entry, errors.New("record correction: it has no id")
	}
	was := c.Version
	c.Version++
	body, err := json.Marshal(c)
	if err != nil {
		return entry, fmt.Errorf("record correction %s: %w", c.ID, err)
	}
	err = s.write(ctx, "record correction "+c.ID, func(tx *sql.Tx) error {
		var stored int64
		err := tx.QueryRowContext(ctx, "SELECT version FROM corrections WHERE id = ?", c.ID).Scan(&stored)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if stored != was {
			return fmt.Errorf("correction %s has moved on since it was read (version %d, now %d): %w", c.ID, was, stored, forecaster.ErrConflict)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO corrections (id, key, state, policy, subject, object, holding, waiting, version, proposed, body)
			VALUES (?,?,?,?,?,?,?,?,?,?,?)
			ON CONFLICT (id) DO UPDATE SET key = excluded.key, state = excluded.state, policy = excluded.policy, subject = excluded.subject,
			  object = excluded.object, holding = excluded.holding, waiting = excluded.waiting, version = excluded.version,
			  proposed = excluded.proposed, body = excluded.body`,
			c.ID, c.Key, c.State, c.Policy, c.Subject.String(), forecaster.ObjectOf(c.Subject), c.Holds(), c.AwaitsOutcome(), c.Version,
			c.Proposed.UnixMilli(), string(body))
		if constraint(err) {
			return fmt.Errorf("correction %s: the key %q is another correction's: %w", c.ID, c.Key, forecaster.ErrConflict)
		}
		if err != nil {
			return err
		}
		entry, err = s.appendAudit(ctx, tx, actor, action, c)
		return err
	})
	if err != nil {
		return forecaster.AuditEntry{}, err
	}
	return entry, nil
}

// Correction returns one correction, or forecaster.ErrNotFound.
func (s *Store) Correction(ctx context.Context, id string) (forecaster.Correction, error) {
	got, err := bodies[forecaster.Correction](ctx, s, "read correction", "SELECT body FROM corrections WHERE id = ?", id)
	if err != nil {
		return forecaster.Correction{}, err
	}
	if len(got) == 0 {
		return forecaster.Correction{}, fmt.Errorf("correction %s: %w", id, forecaster.ErrNotFound)
	}
	return got[0], nil
}

// Corrections lists corrections by when they were proposed, newest first, and
// the cursor of the next page, which is empty on the last.
func (s *Store) Corrections(ctx context.Context, q forecaster.CorrectionQuery) (items []forecaster.Correction, next string, err error) {
	const order = "corrections"
	where, args := []string{"1"}, []any{}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if q.State != "" {
		add("state = ?", q.State)
	}
	if q.Subject != "" {
		add("subject = ?", q.Subject)
	}
	if q.Policy != "" {
		add("policy = ?", q.Policy)
	}
	if q.Object != "" {
		add("object = ?", q.Object)
	}
	if q.Acted {
		add("state IN (?,?,?,?,?)", forecaster.Approved, forecaster.Applied, forecaster.Verified, forecaster.Reverted, forecaster.Failed)
	}
	if q.Holding {
		add("holding = 1")
	}
	if q.Waiting {
		add("waiting = 1")
	}
	if q.Cursor != "" {
		at, err := decodeCursor(q.Cursor, order)
		if err != nil {
			return nil, "", err
		}
		add("(proposed, id) < (?, ?)", at.Key, at.First)
	}
	limit := pageSize(q.Limit)
	items, err = bodies[forecaster.Correction](ctx, s, "list corrections", "SELECT body FROM corrections WHERE "+
		strings.Join(where, " AND ")+" ORDER BY proposed DESC, id DESC LIMIT ?", append(args, limit+1)...)
	if err == nil && len(items) > limit {
		items = items[:limit]
		last := items[limit-1]
		next = cursor{Order: order, Key: last.Proposed.UnixMilli(), First: last.ID}.encode()
	}
	return items, next, err
}
