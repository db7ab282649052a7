package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

const (
	mature = `UPDATE %s SET matured = ?, naive = ?, actual = ?, happened = ?, warned = ?, began = ?
		WHERE target = ? AND horizon = ? AND slot = ? AND subject = ? AND origin = ? AND matured IS NULL
		RETURNING gap, model, median, lower, upper, risk`
	falseBefore = `SELECT count(*) FROM %s WHERE target = ? AND horizon = ? AND slot = ? AND subject = ? AND warned = 1 AND happened = 0`
	addLead     = `INSERT INTO leads (target, horizon, began, subject, shadow, model, lead) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET model = iif(excluded.lead > lead, excluded.model, model), lead = max(lead, excluded.lead)`
)

// PutOutcomes marks issued forecasts as matured and adds them to the scores. An
// outcome that is not known (NaN) still matures: it is not asked for again. One
// that has matured before, or was never issued, changes nothing.
func (s *Store) PutOutcomes(ctx context.Context, outcomes []forecaster.Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	return s.write(ctx, "put outcomes", func(tx *sql.Tx) error {
		stmts, err := prepare(ctx, tx, fmt.Sprintf(mature, "issued"), fmt.Sprintf(falseBefore, "issued"), addLead,
			fmt.Sprintf(mature, "shadows"), fmt.Sprintf(falseBefore, "shadows"))
		if err != nil {
			return err
		}
		added := sums{map[scoreKey]*score{}, map[turnKey]*turn{}}
		for _, o := range outcomes {
			update, before, lead := stmts[0], stmts[1], stmts[2]
			if o.Shadow {
				update, before = stmts[3], stmts[4]
			}
			target, err := s.targetID(ctx, tx, o.Target)
			if err != nil {
				return err
			}
			subject, err := s.subjectID(ctx, tx, o.Subject)
			if err != nil {
				return err
			}
			horizon, origin := int64(o.Horizon/time.Second), o.Origin.UnixMilli()
			slot := floorDiv(origin, spacing(horizon)*1000)
			var gap, model int64
			var median, lower, upper, risk sql.NullFloat64
			err = update.QueryRowContext(ctx, o.Matured.UnixMilli(), null(o.Naive), null(o.Actual), null(o.Happened), o.Warned, nullTime(o.Began),
				target, horizon, slot, subject, origin).Scan(&gap, &model, &median, &lower, &upper, &risk)
			if err == sql.ErrNoRows { //nolint:errorlint // Scan returns it as it is
				continue
			}
			if err != nil {
				return err
			}
			o.Median, o.Lower, o.Upper, o.Risk = value(median), value(lower), value(upper), value(risk)
			falseStart := o.Warned && o.Happened == 0
			if falseStart { // the second false row of one warning is the same false warning
				var n int
				if err := before.QueryRowContext(ctx, target, horizon, slot-1, subject).Scan(&n); err != nil {
					return err
				}
				falseStart = n == 0
			}
			if o.Warned && o.Happened == 1 && !o.Began.IsZero() {
				if _, err := lead.ExecContext(ctx, target, horizon, o.Began.UnixMilli(), subject, o.Shadow, model, o.Began.Sub(o.Origin).Milliseconds()); err != nil {
					return err
				}
			}
			added.add(o, target, model, gap, falseStart)
		}
		return added.save(ctx, tx)
	})
}
