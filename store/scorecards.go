package store

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// Scorecards returns the running scores of a target's issued forecasts, or of
// all targets where target is empty, by target and horizon. Precision and
// recall count forecasts: of those over the threshold, the share that came
// true; of those that came true, the share over the threshold. FalsePerWeek
// counts warnings: consecutive false forecasts over the threshold are one.
// Numbers that nothing is known of are NaN.
func (s *Store) Scorecards(ctx context.Context, target string) ([]forecaster.Scorecard, error) {
	leads, err := s.leads(ctx)
	if err != nil {
		return nil, s.explain("read scorecards", err)
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT c.target, t.name, c.horizon,
		(SELECT m.name FROM scores n JOIN models m ON m.id = n.model
		 WHERE n.target = c.target AND n.horizon = c.horizon ORDER BY n.day DESC LIMIT 1),
		sum(matured), sum(levels), sum(loss), sum(naive_loss), sum(covered), sum(events), sum(brier), sum(naive_brier),
		sum(happened), sum(warned), sum(hits), sum(false_starts), sum(exposure), min(first), max(last)
		FROM scores c JOIN targets t ON t.id = c.target WHERE ?1 = '' OR t.name = ?1
		GROUP BY c.target, c.horizon ORDER BY t.name, c.horizon`, target)
	if err != nil {
		return nil, s.explain("read scorecards", err)
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []forecaster.Scorecard
	for rows.Next() {
		var id, horizon int64
		var card forecaster.Scorecard
		var sum score
		err := rows.Scan(&id, &card.Target, &horizon, &card.Model, &sum.matured, &sum.levels, &sum.loss, &sum.naiveLoss, &sum.covered,
			&sum.events, &sum.brier, &sum.naiveBrier, &sum.happened, &sum.warned, &sum.hits, &sum.falseStarts, &sum.exposure, &sum.first, &sum.latest)
		if err != nil {
			return nil, s.explain("read scorecards", err)
		}
		card.Horizon = time.Duration(horizon) * time.Second
		card.LeadSeconds = median(leads[slotKey{id, horizon}]) / 1000
		sum.fill(&card)
		out = append(out, card)
	}
	return out, s.explain("read scorecards", rows.Err())
}

func (s *score) fill(c *forecaster.Scorecard) {
	c.Forecasts = int(s.matured)
	c.From, c.Through = time.UnixMilli(s.first).UTC(), time.UnixMilli(s.latest).UTC()
	c.Skill = 1 - ratio(s.brier, s.naiveBrier)
	c.Coverage = math.NaN()
	if s.levels > 0 {
		c.Skill = 1 - ratio(s.loss, s.naiveLoss)
		c.Coverage = ratio(float64(s.covered), float64(s.levels))
	}
	events := float64(s.events)
	c.Brier = ratio(s.brier, events)
	c.BaseRate = ratio(float64(s.happened), events)
	c.Precision = ratio(float64(s.hits), float64(s.warned))
	c.Recall = ratio(float64(s.hits), float64(s.happened))
	c.FalsePerWeek = ratio(float64(s.falseStarts), float64(s.exposure)/(7*24*3600))
}

// leads returns the leads of warnings that came true, in ms.
func (s *Store) leads(ctx context.Context) (map[slotKey][]float64, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT target, horizon, lead FROM leads")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	out := map[slotKey][]float64{}
	for rows.Next() {
		var k slotKey
		var lead float64
		if err := rows.Scan(&k.target, &k.horizon, &lead); err != nil {
			return nil, err
		}
		out[k] = append(out[k], lead)
	}
	return out, rows.Err()
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// ratio is a ÷ b, NaN where b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}
