package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// PutWarnings keeps warnings, one a (target, subject, StartsAt). Resolved ones
// are kept for counting, not as active.
func (s *Store) PutWarnings(ctx context.Context, warnings []forecaster.Warning) error {
	if len(warnings) == 0 {
		return nil
	}
	return s.write(ctx, "put warnings", func(tx *sql.Tx) error {
		for _, w := range warnings {
			body, err := encodeWarning(w)
			if err != nil {
				return fmt.Errorf("warning %s of %s: %w", w.Target, w.Subject, err)
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO warnings (target, subject, starts, resolved, body) VALUES (?,?,?,?,?)
				ON CONFLICT DO UPDATE SET resolved = excluded.resolved, body = excluded.body`,
				w.Target, w.Subject.String(), w.StartsAt.UnixMilli(), w.Resolved, body)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ActiveWarnings returns the warnings that are not resolved, by target and
// subject.
func (s *Store) ActiveWarnings(ctx context.Context) ([]forecaster.Warning, error) {
	got, err := bodies[warningJSON](ctx, s, "list warnings", "SELECT body FROM warnings WHERE resolved = 0 ORDER BY target, subject")
	out := make([]forecaster.Warning, len(got))
	for i := range got {
		out[i] = got[i].decode()
	}
	return out, err
}

// RaisedSince counts the warnings of a target that started at or after a time,
// resolved or not.
func (s *Store) RaisedSince(ctx context.Context, target string, since time.Time) (n int, err error) {
	err = s.reader.QueryRowContext(ctx, "SELECT count(*) FROM warnings WHERE target = ? AND starts >= ?", target, since.UnixMilli()).Scan(&n)
	return n, s.explain("count warnings", err)
}

// warningJSON is a Warning whose drivers may hold NaN, which JSON has no word
// for.
type warningJSON struct {
	forecaster.Warning
	Missing []int `json:",omitempty"` // drivers whose value is NaN
}

func encodeWarning(w forecaster.Warning) (string, error) {
	out := warningJSON{Warning: w}
	out.Drivers = slices.Clone(w.Drivers)
	for i := range out.Drivers {
		d := &out.Drivers[i]
		if finite(d.Value) == nil {
			d.Value, out.Missing = 0, append(out.Missing, i)
		}
		if finite(d.Contribution) == nil {
			d.Contribution = 0
		}
	}
	text, err := json.Marshal(out)
	return string(text), err
}

func (w warningJSON) decode() forecaster.Warning {
	for _, i := range w.Missing {
		if i < len(w.Drivers) {
			w.Drivers[i].Value = math.NaN()
		}
	}
	return w.Warning
}
