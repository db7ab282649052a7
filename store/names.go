package store

import (
	"context"
	"database/sql"

	"github.com/driftcast/driftcast/collector"
)

// names remembers the ids of interned names. Ids never change and are never
// deleted, so the memory of a committed id stays true.
type names struct {
	targets, models map[string]int64
	subjects        map[collector.Subject]int64
}

func (s *Store) targetID(ctx context.Context, tx *sql.Tx, name string) (int64, error) {
	return intern(ctx, tx, &s.names.targets, name, "INSERT INTO targets (name) VALUES (?1) ON CONFLICT DO UPDATE SET name = name RETURNING id", name)
}

func (s *Store) modelID(ctx context.Context, tx *sql.Tx, name string) (int64, error) {
	return intern(ctx, tx, &s.names.models, name, "INSERT INTO models (name) VALUES (?1) ON CONFLICT DO UPDATE SET name = name RETURNING id", name)
}

func (s *Store) subjectID(ctx context.Context, tx *sql.Tx, sub collector.Subject) (int64, error) {
	return intern(ctx, tx, &s.names.subjects, sub,
		"INSERT INTO subjects (kind, text) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET kind = kind RETURNING id", sub.Kind, sub.String())
}

func intern[K comparable](ctx context.Context, tx *sql.Tx, ids *map[K]int64, key K, insert string, args ...any) (int64, error) {
	if id, ok := (*ids)[key]; ok {
		return id, nil
	}
	var id int64
	if err := tx.QueryRowContext(ctx, insert, args...).Scan(&id); err != nil {
		return 0, err
	}
	if *ids == nil {
		*ids = map[K]int64{}
	}
	(*ids)[key] = id
	return id, nil
}

// latestKey is the key of latest and details.
func latestKey(target, subject int64) int64 { return target<<32 | subject }
