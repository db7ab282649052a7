package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

type slotKey struct{ target, horizon int64 }

// slotMark is the newest slot that was written to, and by which origin.
type slotMark struct{ slot, origin, gap int64 }

type forecastIDs struct{ target, subject, model int64 }

func (s *Store) ids(ctx context.Context, tx *sql.Tx, f *models.Forecast) (ids forecastIDs, err error) {
	if ids.target, err = s.targetID(ctx, tx, f.Target); err != nil {
		return ids, err
	}
	if ids.model, err = s.modelID(ctx, tx, f.Model); err != nil {
		return ids, err
	}
	ids.subject, err = s.subjectID(ctx, tx, f.Subject)
	return ids, err
}

// spacing is how far apart the issued rows of a horizon (s) are kept: an eighth
// of it, at least 5 minutes. Forecasts in between overlap so much that they
// add rows, not knowledge.
func spacing(horizon int64) int64 { return max(300, horizon/8) }

// issue inserts into issued, or into shadows.
const issue = `INSERT OR IGNORE INTO %s
(target, horizon, slot, subject, origin, due, gap, model, median, lower, upper, risk, quantiles) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`

// putIssued writes the rows of a forecast whose slots are not taken yet. All
// subjects of an origin get the same slots.
func (s *Store) putIssued(ctx context.Context, stmt *sql.Stmt, f *models.Forecast, ids forecastIDs) error {
	origin := f.Origin.UnixMilli()
	for _, r := range f.Risks {
		horizon := int64(r.Horizon / time.Second)
		every := spacing(horizon)
		key, slot := slotKey{ids.target, horizon}, floorDiv(origin, every*1000)
		mark, known := s.slots[key]
		switch {
		case !known:
			mark = slotMark{slot, origin, every}
		case slot > mark.slot:
			mark = slotMark{slot, origin, min((origin-mark.origin)/1000, 4*every)}
		case slot == mark.slot && origin != mark.origin:
			continue
		}
		if slot >= mark.slot {
			s.slots[key] = mark
		}
		median, lower, upper := math.NaN(), math.NaN(), math.NaN()
		var between []byte
		if f.Interval > 0 {
			if i := slices.Index(f.Leads, int(r.Horizon/f.Interval)); i >= 0 {
				if len(f.Path) < (i+1)*len(models.Quantiles) {
					return fmt.Errorf("forecast of %s for %s: its path is shorter than its leads", f.Target, f.Subject)
				}
				q := f.Path[i*len(models.Quantiles) : (i+1)*len(models.Quantiles)]
				lower, median, upper = q[0], q[models.Median], q[len(q)-1]
				between = encodeBetween(q)
			}
		}
		_, err := stmt.ExecContext(ctx, ids.target, horizon, slot, ids.subject, origin, origin+horizon*1000, mark.gap, ids.model,
			null(median), null(lower), null(upper), null(r.Probability), between)
		if err != nil {
			return err
		}
	}
	return nil
}

const selectIssued = `SELECT t.name, s.text, m.name, i.origin, i.horizon, i.median, i.lower, i.upper, i.risk,
i.naive, i.actual, i.happened, i.warned, i.began, i.matured, i.quantiles FROM %s
JOIN targets t ON t.id = i.target JOIN subjects s ON s.id = i.subject JOIN models m ON m.id = i.model WHERE `

// Issued returns what was forecast for one subject since a time, with what
// became of it where the horizon has passed (Matured not zero): the newest
// limit rows, the newest origin first, its horizons ascending.
func (s *Store) Issued(ctx context.Context, target, subject string, since time.Time, limit int) ([]forecaster.Outcome, error) {
	horizons, err := s.horizons(ctx, target)
	if err != nil {
		return nil, s.explain("read issued forecasts", err)
	}
	var out []forecaster.Outcome
	for _, h := range horizons {
		// Slots are few: the key ends in the subject, so each is one look-up.
		got, err := s.outcomes(ctx, `WITH RECURSIVE slots(n) AS (SELECT ?1 UNION ALL SELECT n - 1 FROM slots WHERE n > ?2 LIMIT ?6) `+
			fmt.Sprintf(selectIssued, "slots CROSS JOIN issued i ON i.slot = slots.n")+
			`i.target = ?3 AND i.horizon = ?4 AND i.subject = (SELECT id FROM subjects WHERE text = ?5) AND i.origin >= ?7`,
			h.last, max(h.first, floorDiv(since.UnixMilli(), spacing(h.horizon)*1000)), h.target, h.horizon, subject, 100_000, since.UnixMilli())
		if err != nil {
			return nil, s.explain("read issued forecasts", err)
		}
		out = append(out, got...)
	}
	slices.SortFunc(out, func(a, b forecaster.Outcome) int {
		if c := b.Origin.Compare(a.Origin); c != 0 {
			return c
		}
		return int(a.Horizon/time.Second) - int(b.Horizon/time.Second)
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

type issuedHorizon struct{ target, horizon, first, last int64 }

// horizons lists the horizons of a target's issued rows with their slots, by
// skipping through the primary key.
func (s *Store) horizons(ctx context.Context, target string) ([]issuedHorizon, error) {
	rows, err := s.reader.QueryContext(ctx, `WITH RECURSIVE
	t(id) AS (SELECT id FROM targets WHERE name = ?1),
	h(horizon) AS (SELECT min(horizon) FROM issued, t WHERE target = t.id UNION ALL
	  SELECT (SELECT min(horizon) FROM issued, t WHERE target = t.id AND horizon > h.horizon) FROM h WHERE h.horizon IS NOT NULL)
	SELECT t.id, h.horizon, (SELECT min(slot) FROM issued WHERE target = t.id AND horizon = h.horizon),
	  (SELECT max(slot) FROM issued WHERE target = t.id AND horizon = h.horizon) FROM h, t WHERE h.horizon IS NOT NULL`, target)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []issuedHorizon
	for rows.Next() {
		var h issuedHorizon
		if err := rows.Scan(&h.target, &h.horizon, &h.first, &h.last); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// Due returns issued forecasts of a target, those of shadows after them, that
// have not matured and whose horizon ended at or before a time, the longest due
// first.
func (s *Store) Due(ctx context.Context, target string, before time.Time, limit int) ([]forecaster.Outcome, error) {
	var out []forecaster.Outcome
	for _, table := range []string{"issued", "shadows"} {
		got, err := s.outcomes(ctx, fmt.Sprintf(selectIssued, table+" i")+`i.target = (SELECT id FROM targets WHERE name = ?)
			AND i.matured IS NULL AND i.due <= ? ORDER BY i.due LIMIT ?`, target, before.UnixMilli(), limit-len(out))
		if err != nil {
			return nil, s.explain("read due forecasts", err)
		}
		for i := range got {
			got[i].Shadow = table == "shadows"
		}
		out = append(out, got...)
	}
	return out, nil
}

func (s *Store) outcomes(ctx context.Context, query string, args ...any) ([]forecaster.Outcome, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []forecaster.Outcome
	for rows.Next() {
		var o forecaster.Outcome
		var subject string
		var origin, horizon int64
		var median, lower, upper, risk, naive, actual, happened sql.NullFloat64
		var warned, began, matured sql.NullInt64
		var between []byte
		err := rows.Scan(&o.Target, &subject, &o.Model, &origin, &horizon, &median, &lower, &upper, &risk,
			&naive, &actual, &happened, &warned, &began, &matured, &between)
		if err != nil {
			return nil, err
		}
		if o.Subject, err = collector.ParseSubject(subject); err != nil {
			return nil, fmt.Errorf("issued forecast of %s: %w", o.Target, err)
		}
		o.Origin, o.Horizon = time.UnixMilli(origin).UTC(), time.Duration(horizon)*time.Second
		o.Median, o.Lower, o.Upper, o.Risk = value(median), value(lower), value(upper), value(risk)
		o.Naive, o.Actual, o.Happened, o.Warned = value(naive), value(actual), value(happened), warned.Int64 == 1
		o.Began, o.Matured = moment(began), moment(matured)
		o.Quantiles = decodeBetween(between, o.Lower, o.Median, o.Upper)
		o.Loss, o.NaiveLoss, o.Weight = math.NaN(), math.NaN(), math.NaN()
		out = append(out, o)
	}
	return out, rows.Err()
}

func null(v float64) sql.NullFloat64 {
	return sql.NullFloat64{Float64: v, Valid: !math.IsNaN(v) && !math.IsInf(v, 0)}
}

func value(v sql.NullFloat64) float64 {
	if !v.Valid {
		return math.NaN()
	}
	return v.Float64
}

func nullTime(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func moment(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
