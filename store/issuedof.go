package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// fewSubjects are looked up one by one; of more, whole slots are read.
const fewSubjects = 64

// IssuedOf hands what was forecast of one target at one horizon to yield, each
// subject's origins ascending, until yield returns an error, which it returns.
// Few rows are read of what is not asked for.
func (s *Store) IssuedOf(ctx context.Context, q forecaster.IssuedQuery, yield func(forecaster.Issued) error) error {
	slots, target, err := s.slotsOf(ctx, q)
	if err != nil || len(slots) == 0 {
		return s.explain("read issued forecasts", err)
	}
	texts, err := s.subjectsLike(ctx, q.Search)
	if err != nil || len(texts) == 0 {
		return s.explain("read issued forecasts", err)
	}
	text := `SELECT i.subject, i.origin, i.median, i.lower, i.upper, i.risk, i.quantiles FROM json_each(?) n CROSS JOIN issued i
		WHERE i.target = ? AND i.horizon = ? AND i.slot = n.value AND i.origin BETWEEN ? AND ?`
	args := []any{listed(slots), target, int64(q.Horizon / time.Second), q.From.UnixMilli(), q.To.UnixMilli()}
	if len(texts) <= fewSubjects {
		var ids []int64
		for id := range texts {
			ids = append(ids, id)
		}
		text = `SELECT i.subject, i.origin, i.median, i.lower, i.upper, i.risk, i.quantiles FROM json_each(?) n CROSS JOIN json_each(?) w CROSS JOIN issued i
			WHERE i.target = ? AND i.horizon = ? AND i.slot = n.value AND i.subject = w.value AND i.origin BETWEEN ? AND ?`
		args = slices.Insert(args, 1, any(listed(ids)))
	}
	rows, err := s.reader.QueryContext(ctx, text, args...)
	if err != nil {
		return s.explain("read issued forecasts", err)
	}
	defer rows.Close() //nolint:errcheck // read to the end below, whose error counts
	for rows.Next() {
		var subject, origin int64
		var median, lower, upper, risk sql.NullFloat64
		var between sql.RawBytes
		if err := rows.Scan(&subject, &origin, &median, &lower, &upper, &risk, &between); err != nil {
			return s.explain("read issued forecasts", err)
		}
		name, wanted := texts[subject]
		if !wanted {
			continue
		}
		one := forecaster.Issued{Subject: name, Origin: time.UnixMilli(origin).UTC(), Risk: value(risk),
			Quantiles: decodeBetween(between, value(lower), value(median), value(upper))}
		if len(between) == 0 { // a row from before these were kept
			one.Quantiles[0], one.Quantiles[models.Median], one.Quantiles[len(one.Quantiles)-1] = value(lower), value(median), value(upper)
		}
		ascend(&one.Quantiles)
		if err := yield(one); err != nil {
			return err
		}
	}
	return s.explain("read issued forecasts", rows.Err())
}

// ascend repairs what rounding to float32 has put out of order. NaN stays.
func ascend(q *[len(models.Quantiles)]float64) {
	highest := q[0]
	for k, v := range q {
		if v < highest {
			q[k] = highest
		} else if v == v {
			highest = v
		}
	}
}

// slotsOf lists the slots whose origins are asked for, ascending.
func (s *Store) slotsOf(ctx context.Context, q forecaster.IssuedQuery) (slots []int64, target int64, err error) {
	horizons, err := s.horizons(ctx, q.Target)
	if err != nil {
		return nil, 0, err
	}
	for _, h := range horizons {
		if time.Duration(h.horizon)*time.Second != q.Horizon {
			continue
		}
		every := spacing(h.horizon) * 1000
		for n := max(h.first, floorDiv(q.From.UnixMilli(), every)); n <= min(h.last, floorDiv(q.To.UnixMilli(), every)); n++ {
			// The neighbours of what is wanted, too: a line is drawn between them.
			if q.Needs == nil || q.Needs(time.UnixMilli((n-1)*every), time.UnixMilli((n+2)*every)) {
				slots = append(slots, n)
			}
		}
		return slots, h.target, nil
	}
	return nil, 0, nil
}

func (s *Store) subjectsLike(ctx context.Context, search string) (map[int64]string, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT id, text FROM subjects WHERE ?1 = '' OR instr(lower(text), lower(?1)) > 0", search)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	out := map[int64]string{}
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		out[id] = text
	}
	return out, rows.Err()
}

func listed(numbers []int64) string {
	text, _ := json.Marshal(numbers) // integers always marshal
	return string(text)
}
