package store

import (
	"context"
	"io/fs"
	"testing"

	"github.com/driftcast/driftcast/models"
)

// Exec lets a test do to the file what no method does: damage it, or fill it.
func (s *Store) Exec(ctx context.Context, text string, args ...any) error {
	_, err := s.writer.ExecContext(ctx, text, args...)
	return err
}

// QueryText is what a query of one text answers.
func (s *Store) QueryText(ctx context.Context, text string, args ...any) (answer string, err error) {
	err = s.reader.QueryRowContext(ctx, text, args...).Scan(&answer)
	return answer, err
}

// AuditOfQuery is the query of AuditOf.
const AuditOfQuery = auditRows + auditOf

// QueryPlan is how SQLite would answer a query.
func (s *Store) QueryPlan(ctx context.Context, text string, args ...any) (plan string, err error) {
	rows, err := s.reader.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", err
		}
		plan += detail + "\n"
	}
	return plan, rows.Err()
}

// DecodeDetail and EncodeDetail are what FuzzDetail is about.
func DecodeDetail(b []byte, f *models.Forecast) error { return decodeDetail(b, f) }

// EncodeDetail is the other way round.
func EncodeDetail(f *models.Forecast) []byte { return encodeDetail(f) }

// Migrations are the schema's steps.
func Migrations(t testing.TB) fs.FS {
	t.Helper()
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
