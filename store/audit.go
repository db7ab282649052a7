package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// auditBody is what a row says; its JSON, as stored, is what the hash covers.
type auditBody struct {
	Seq        int64
	At         time.Time
	Actor      string
	Action     string
	Correction forecaster.Correction
}

func auditHash(previous, body string) string {
	sum := sha256.Sum256([]byte(previous + "\n" + body))
	return hex.EncodeToString(sum[:])
}

// appendAudit adds the next row of the chain.
func (s *Store) appendAudit(ctx context.Context, tx *sql.Tx, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error) {
	e := forecaster.AuditEntry{At: s.now().UTC(), Actor: actor, Action: action, Correction: c}
	err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&e.Seq, &e.Previous)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, err
	}
	e.Seq++
	body, err := json.Marshal(auditBody{e.Seq, e.At, e.Actor, e.Action, e.Correction})
	if err != nil {
		return e, err
	}
	e.Hash = auditHash(e.Previous, string(body))
	_, err = tx.ExecContext(ctx, "INSERT INTO audit (seq, previous, hash, body) VALUES (?,?,?,?)", e.Seq, e.Previous, e.Hash, string(body))
	return e, err
}

// Note appends a row that belongs to no correction: who did what, and why, such
// as the kill switch. It is on disk when Note returns.
func (s *Store) Note(ctx context.Context, actor, action, reason string) (entry forecaster.AuditEntry, err error) {
	err = s.write(ctx, "note "+action, func(tx *sql.Tx) error {
		entry, err = s.appendAudit(ctx, tx, actor, action, forecaster.Correction{Actor: actor, Reason: reason, Changed: s.now().UTC()})
		return err
	})
	if err != nil {
		return forecaster.AuditEntry{}, err
	}
	return entry, nil
}

// Audit returns the rows after a seq, oldest first.
func (s *Store) Audit(ctx context.Context, after int64, limit int) ([]forecaster.AuditEntry, error) {
	return s.auditPage(ctx, "WHERE seq > ? ORDER BY seq LIMIT ?", after, pageSize(limit))
}

// AuditOf returns the rows after a seq that are about one correction, oldest
// first. It takes an index's word for which they are; only Audit and VerifyAudit
// read all that is there.
func (s *Store) AuditOf(ctx context.Context, correction string, after int64, limit int) ([]forecaster.AuditEntry, error) {
	return s.auditPage(ctx, auditOf, correction, after, pageSize(limit))
}

// auditOf says whose the rows are as the index audit_correction says it, to the
// letter: otherwise SQLite would not use it.
const auditOf = "WHERE CASE WHEN json_valid(body) THEN json_extract(body, '$.Correction.ID') END = ? AND seq > ? ORDER BY seq LIMIT ?"

func (s *Store) auditPage(ctx context.Context, tail string, args ...any) (page []forecaster.AuditEntry, err error) {
	err = s.walkAudit(ctx, tail, func(e forecaster.AuditEntry, _ string) error {
		page = append(page, e)
		return nil
	}, args...)
	return page, s.explain("read the audit trail", err)
}

// VerifyAudit walks the whole chain and returns how many rows hold. The error
// names the first row that does not.
func (s *Store) VerifyAudit(ctx context.Context) (rows int64, err error) {
	previous := ""
	err = s.walkAudit(ctx, "ORDER BY seq", func(e forecaster.AuditEntry, body string) error {
		switch {
		case e.Seq != rows+1:
			return fmt.Errorf("audit row %d is missing: row %d follows row %d", rows+1, e.Seq, rows)
		case e.Previous != previous:
			return fmt.Errorf("audit row %d does not follow from row %d: its previous hash differs", e.Seq, rows)
		case e.Hash != auditHash(previous, body):
			return fmt.Errorf("audit row %d was changed: its hash does not match what it says", e.Seq)
		}
		rows, previous = rows+1, e.Hash
		return nil
	})
	if err != nil {
		return rows, s.explain("verify the audit trail", err)
	}
	var highest sql.NullInt64
	err = s.reader.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'").Scan(&highest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return rows, s.explain("verify the audit trail", err)
	}
	if highest.Int64 > rows {
		return rows, fmt.Errorf("audit row %d is missing: the trail once reached row %d", rows+1, highest.Int64)
	}
	return rows, nil
}

const auditRows = "SELECT seq, previous, hash, body FROM audit "

// walkAudit visits rows. What a row says is taken from its body; Seq is the
// key it is stored under.
func (s *Store) walkAudit(ctx context.Context, tail string, visit func(e forecaster.AuditEntry, body string) error, args ...any) error {
	rows, err := s.reader.QueryContext(ctx, auditRows+tail, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	for rows.Next() {
		var e forecaster.AuditEntry
		var text string
		if err := rows.Scan(&e.Seq, &e.Previous, &e.Hash, &text); err != nil {
			return err
		}
		var body auditBody
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return fmt.Errorf("audit row %d was changed: %w", e.Seq, err)
		}
		if body.Seq != e.Seq {
			return fmt.Errorf("audit row %d was changed: it says that it is row %d", e.Seq, body.Seq)
		}
		e.At, e.Actor, e.Action, e.Correction = body.At, body.Actor, body.Action, body.Correction
		if err := visit(e, text); err != nil {
			return err
		}
	}
	return rows.Err()
}
