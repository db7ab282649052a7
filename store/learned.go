package store

import (
	"context"
	"database/sql"
	"errors"
)

// PutLearned implements forecaster.Memory.
func (s *Store) PutLearned(ctx context.Context, target, what string, learned []byte) error {
	return s.write(ctx, "put what was learned of "+target, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO learned (target, what, body) VALUES (?,?,?)", target, what, learned)
		return err
	})
}

// Learned implements forecaster.Memory.
func (s *Store) Learned(ctx context.Context, target, what string) (learned []byte, err error) {
	err = s.reader.QueryRowContext(ctx, "SELECT body FROM learned WHERE target = ? AND what = ?", target, what).Scan(&learned)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return learned, s.explain("read what was learned of "+target, err)
}
