package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// PutOutcomes marks issued forecasts as matured and adds them to the scores. An
// outcome that is not known (NaN) still matures: it is not asked for again. One
// that has matured before, or was never issued, changes nothing.
func (s *Store) PutOutcomes(ctx context.Context, outcomes []forecaster.Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	return s.write(ctx, "put outcomes", func(tx *sql.Tx) error {
		stmts, err := prepare(ctx, tx,
			`UPDATE issued SET matured = ?, naive = ?, actual = ?, happened = ?, warned = ?, began = ?
			 WHERE target = ? AND horizon = ? AND slot = ? AND subject = ? AND origin = ? AND matured IS NULL
			 RETURNING gap, model, median, lower, upper, risk`,
			`SELECT count(*) FROM issued WHERE target = ? AND horizon = ? AND slot = ? AND subject = ? AND warned = 1 AND happened = 0`,
			`INSERT INTO leads (target, horizon, began, subject, lead) VALUES (?,?,?,?,?)
			 ON CONFLICT DO UPDATE SET lead = max(lead, excluded.lead)`)
		if err != nil {
			return err
		}
		update, before, lead := stmts[0], stmts[1], stmts[2]
		sums := map[scoreKey]*score{}
		for _, o := range outcomes {
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
				if _, err := lead.ExecContext(ctx, target, horizon, o.Began.UnixMilli(), subject, o.Began.Sub(o.Origin).Milliseconds()); err != nil {
					return err
				}
			}
			key := scoreKey{target, horizon, floorDiv(origin, 86_400_000)}
			if sums[key] == nil {
				sums[key] = &score{}
			}
			sums[key].add(o, model, gap, falseStart)
		}
		for key, sum := range sums {
			if err := sum.save(ctx, tx, key); err != nil {
				return err
			}
		}
		return nil
	})
}

type scoreKey struct{ target, horizon, day int64 }

// score is a row of scores: sums over matured forecasts. A level's loss is the
// pinball loss of its median, |actual − median| ÷ 2, so that a naive forecast,
// which has no interval, is compared like with like.
type score struct {
	model                                              int64
	matured, levels, covered, events, happened         int64
	warned, hits, falseStarts, exposure, first, latest int64
	loss, naiveLoss, brier, naiveBrier                 float64
}

func (s *score) add(o forecaster.Outcome, model, gap int64, falseStart bool) {
	origin := o.Origin.UnixMilli()
	if s.matured == 0 || origin < s.first {
		s.first = origin
	}
	if origin >= s.latest {
		s.latest, s.model = origin, model
	}
	s.matured++
	if !math.IsNaN(o.Actual) && !math.IsNaN(o.Median) {
		s.levels++
		if !math.IsNaN(o.Naive) {
			s.loss += math.Abs(o.Actual-o.Median) / 2
			s.naiveLoss += math.Abs(o.Actual-o.Naive) / 2
		}
		s.covered += count(o.Actual >= o.Lower && o.Actual <= o.Upper)
	}
	if math.IsNaN(o.Happened) || math.IsNaN(o.Risk) {
		return
	}
	s.events++
	s.exposure += gap
	s.happened += count(o.Happened == 1)
	s.warned += count(o.Warned)
	s.hits += count(o.Warned && o.Happened == 1)
	s.falseStarts += count(falseStart)
	s.brier += (o.Risk - o.Happened) * (o.Risk - o.Happened)
	if !math.IsNaN(o.Naive) && math.IsNaN(o.Median) {
		s.naiveBrier += (o.Naive - o.Happened) * (o.Naive - o.Happened)
	}
}

func (s *score) save(ctx context.Context, tx *sql.Tx, k scoreKey) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO scores (target, horizon, day, model, matured, levels, loss, naive_loss, covered,
		events, brier, naive_brier, happened, warned, hits, false_starts, exposure, first, last)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET model = iif(excluded.last >= last, excluded.model, model),
		matured = matured + excluded.matured, levels = levels + excluded.levels, loss = loss + excluded.loss,
		naive_loss = naive_loss + excluded.naive_loss, covered = covered + excluded.covered, events = events + excluded.events,
		brier = brier + excluded.brier, naive_brier = naive_brier + excluded.naive_brier, happened = happened + excluded.happened,
		warned = warned + excluded.warned, hits = hits + excluded.hits, false_starts = false_starts + excluded.false_starts,
		exposure = exposure + excluded.exposure, first = min(first, excluded.first), last = max(last, excluded.last)`,
		k.target, k.horizon, k.day, s.model, s.matured, s.levels, s.loss, s.naiveLoss, s.covered,
		s.events, s.brier, s.naiveBrier, s.happened, s.warned, s.hits, s.falseStarts, s.exposure, s.first, s.latest)
	return err
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
