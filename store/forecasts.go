package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// PutForecasts keeps the latest forecast of every (target, subject) given, and
// for scoring a thin row per horizon (see spacing), all in one transaction. The
// horizons are those of Risks; a NaN probability asks for the row of a horizon
// (a level without an objective has no risk) and is not kept otherwise.
func (s *Store) PutForecasts(ctx context.Context, forecasts []models.Forecast) error {
	if len(forecasts) == 0 {
		return nil
	}
	return s.write(ctx, "put forecasts", func(tx *sql.Tx) error {
		latest, err := prepare(ctx, tx,
			`INSERT INTO latest (key, origin, interval, model, risk, risks) VALUES (?,?,?,?,?,?)
			 ON CONFLICT DO UPDATE SET origin = excluded.origin, interval = excluded.interval, model = excluded.model,
			   risk = excluded.risk, risks = excluded.risks WHERE excluded.origin >= origin`,
			`INSERT INTO details (key, body) VALUES (?,?) ON CONFLICT DO UPDATE SET body = excluded.body`,
			fmt.Sprintf(issue, "issued"))
		if err != nil {
			return err
		}
		newest := map[int64]int64{}
		for i := range forecasts {
			f := &forecasts[i]
			ids, err := s.ids(ctx, tx, f)
			if err != nil {
				return err
			}
			key, origin := latestKey(ids.target, ids.subject), f.Origin.UnixMilli()
			newer, err := latest[0].ExecContext(ctx, key, origin, int64(f.Interval), ids.model, highest(f.Risks), encodeRisks(f.Risks))
			if err != nil {
				return err
			}
			if n, err := newer.RowsAffected(); err != nil || n == 0 { // a clock that went back says nothing new
				if err != nil {
					return err
				}
				continue
			}
			if _, err := latest[1].ExecContext(ctx, key, encodeDetail(f)); err != nil {
				return err
			}
			if err := s.putIssued(ctx, latest[2], f, ids); err != nil {
				return err
			}
			newest[ids.target] = max(newest[ids.target], origin)
		}
		for target, origin := range newest {
			if _, err := tx.ExecContext(ctx, "UPDATE targets SET newest = max(newest, ?) WHERE id = ?", origin, target); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutShadows keeps what a challenger said beside the champion, for scoring
// alone. It is called after the PutForecasts of the same origin, and keeps a row
// where that did, so that the two are scored on the same.
func (s *Store) PutShadows(ctx context.Context, forecasts []models.Forecast) error {
	if len(forecasts) == 0 {
		return nil
	}
	return s.write(ctx, "put shadow forecasts", func(tx *sql.Tx) error {
		stmts, err := prepare(ctx, tx, fmt.Sprintf(issue, "shadows"))
		if err != nil {
			return err
		}
		for i := range forecasts {
			ids, err := s.ids(ctx, tx, &forecasts[i])
			if err != nil {
				return err
			}
			if err := s.putIssued(ctx, stmts[0], &forecasts[i], ids); err != nil {
				return err
			}
		}
		return nil
	})
}

// vanished is how far behind its target's newest origin a forecast may be
// before Forecasts leaves it out: its subject is no longer forecast.
const vanished = time.Hour

// Forecasts lists the latest forecasts with their paths and drivers, and the
// cursor of the next page, which is empty on the last. Subjects that are no
// longer forecast are left out.
func (s *Store) Forecasts(ctx context.Context, q forecaster.ForecastQuery) (items []models.Forecast, next string, err error) {
	sql, args, order, err := listForecasts(q)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.reader.QueryContext(ctx, sql, args...)
	if err != nil {
		return nil, "", s.explain("list forecasts", err)
	}
	defer rows.Close() //nolint:errcheck // read to the end below, whose error counts
	limit := pageSize(q.Limit)
	var last cursor
	for rows.Next() {
		if len(items) == limit {
			return items, last.encode(), nil
		}
		f, at, err := scanForecast(rows)
		if err != nil {
			return nil, "", s.explain("list forecasts", err)
		}
		at.Order = order
		items, last = append(items, f), at
	}
	return items, "", s.explain("list forecasts", rows.Err())
}

const selectForecast = `SELECT t.name, s.text, m.name, l.origin, l.interval, l.risks, d.body, l.key, %s AS r
FROM latest l JOIN targets t ON t.id = l.key >> 32 JOIN subjects s ON s.id = l.key & 0xffffffff
JOIN models m ON m.id = l.model JOIN details d ON d.key = l.key WHERE %s %s`

// listForecasts builds the statement of a list; order names the sort, which a
// cursor belongs to.
func listForecasts(q forecaster.ForecastQuery) (text string, args []any, order string, err error) {
	risk := "coalesce(l.risk, -1)"
	if q.Horizon > 0 {
		risk = fmt.Sprintf(`coalesce(json_extract(l.risks, '$."%d"'), -1)`, int64(q.Horizon/time.Second))
	}
	order = q.Sort
	if order == "" {
		order = "risk"
	}
	orders := map[string]struct{ by, after string }{
		"risk":    {"r DESC, l.key", "(r, -l.key) < (?, -?)"},
		"subject": {"s.text, l.key", "(s.text, l.key) > (?, ?)"},
		"target":  {"t.name, s.text", "(t.name, s.text) > (?, ?)"},
	}
	by, ok := orders[order]
	if !ok {
		return "", nil, "", fmt.Errorf("sort %q: want risk, subject or target: %w", q.Sort, forecaster.ErrQuery)
	}
	where := []string{"l.origin >= t.newest - ?"}
	args = []any{vanished.Milliseconds()}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if q.Target != "" {
		add("t.name = ?", q.Target)
	}
	if q.Kind != "" {
		add("s.kind = ?", q.Kind)
	}
	if q.Search != "" {
		add("instr(lower(s.text), lower(?)) > 0", q.Search)
	}
	if q.MinRisk > 0 {
		add("r >= ?", q.MinRisk)
	}
	if q.Cursor != "" {
		at, err := decodeCursor(q.Cursor, order)
		if err != nil {
			return "", nil, "", err
		}
		switch order {
		case "risk":
			add(by.after, at.Number, at.Key)
		case "subject":
			add(by.after, at.Second, at.Key)
		case "target":
			add(by.after, at.First, at.Second)
		}
	}
	tail := fmt.Sprintf("ORDER BY %s LIMIT %d", by.by, pageSize(q.Limit)+1)
	return fmt.Sprintf(selectForecast, risk, strings.Join(where, " AND "), tail), args, order, nil
}

// Forecast returns the latest forecast of one subject, however old, or
// forecaster.ErrNotFound.
func (s *Store) Forecast(ctx context.Context, target, subject string) (models.Forecast, error) {
	row := s.reader.QueryRowContext(ctx, fmt.Sprintf(selectForecast, "l.risk", "t.name = ? AND s.text = ?", ""), target, subject)
	f, _, err := scanForecast(row)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fmt.Errorf("forecast of %s for %s: %w", target, subject, forecaster.ErrNotFound)
	}
	return f, s.explain("read forecast", err)
}

func prepare(ctx context.Context, tx *sql.Tx, texts ...string) ([]*sql.Stmt, error) {
	out := make([]*sql.Stmt, len(texts))
	for i, text := range texts {
		stmt, err := tx.PrepareContext(ctx, text) // closed with the transaction
		if err != nil {
			return nil, err
		}
		out[i] = stmt
	}
	return out, nil
}
