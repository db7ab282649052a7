package store

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/forecaster"
)

// scorecardKey is one scorecard; turns of models are told apart by their ids.
type scorecardKey struct {
	target, horizon, model int64
	shadow                 bool
}

// Scorecards returns the running scores of a target's issued forecasts, or of
// all targets where target is empty, by target, horizon and model, the newest
// model first and shadows last. Precision and recall count forecasts: of those
// over the threshold, the share that came true; of those that came true, the
// share over the threshold. FalsePerWeek counts warnings: consecutive false
// forecasts over the threshold are one. Numbers that nothing is known of are
// NaN.
func (s *Store) Scorecards(ctx context.Context, target string) ([]forecaster.Scorecard, error) {
	leads, err := s.leads(ctx)
	if err != nil {
		return nil, s.explain("read scorecards", err)
	}
	curves, err := s.reliability(ctx, target)
	if err != nil {
		return nil, s.explain("read scorecards", err)
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT c.target, t.name, c.horizon, c.model, m.name, c.shadow,
		sum(matured), sum(levels), sum(scored), sum(loss), sum(weighted), sum(naive_weighted), sum(covered), sum(events), sum(brier), sum(naive_brier),
		sum(happened), sum(warned), sum(hits), sum(false_starts), sum(exposure), min(first), max(last)
		FROM scores c JOIN targets t ON t.id = c.target JOIN models m ON m.id = c.model WHERE ?1 = '' OR t.name = ?1
		GROUP BY c.target, c.horizon, c.model, c.shadow ORDER BY t.name, c.horizon, c.shadow, max(last) DESC, m.name`, target)
	if err != nil {
		return nil, s.explain("read scorecards", err)
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []forecaster.Scorecard
	for rows.Next() {
		var k scorecardKey
		var card forecaster.Scorecard
		var sum score
		err := rows.Scan(&k.target, &card.Target, &k.horizon, &k.model, &card.Model, &k.shadow,
			&sum.matured, &sum.levels, &sum.scored, &sum.loss, &sum.weighted, &sum.naiveWeighted, &sum.covered,
			&sum.events, &sum.brier, &sum.naiveBrier, &sum.happened, &sum.warned, &sum.hits, &sum.falseStarts, &sum.exposure, &sum.first, &sum.latest)
		if err != nil {
			return nil, s.explain("read scorecards", err)
		}
		card.Horizon, card.Shadow = time.Duration(k.horizon)*time.Second, k.shadow
		card.LeadSeconds = median(leads[k]) / 1000
		card.Reliability = curves[k]
		sum.fill(&card)
		out = append(out, card)
	}
	return out, s.explain("read scorecards", rows.Err())
}

func (s *score) fill(c *forecaster.Scorecard) {
	c.Forecasts = int(s.matured)
	c.From, c.Through = time.UnixMilli(s.first).UTC(), time.UnixMilli(s.latest).UTC()
	c.Skill = 1 - ratio(s.brier, s.naiveBrier)
	c.Coverage, c.Pinball = math.NaN(), math.NaN()
	if s.levels > 0 {
		c.Skill = 1 - ratio(s.weighted, s.naiveWeighted)
		c.Coverage = ratio(float64(s.covered), float64(s.levels))
		c.Pinball = ratio(s.loss, float64(s.scored))
	}
	events := float64(s.events)
	c.Brier = ratio(s.brier, events)
	c.BaseRate = ratio(float64(s.happened), events)
	c.Precision = ratio(float64(s.hits), float64(s.warned))
	c.Recall = ratio(float64(s.hits), float64(s.happened))
	c.FalsePerWeek = ratio(float64(s.falseStarts), float64(s.exposure)/(7*24*3600))
	var off, n float64
	for _, b := range c.Reliability {
		off += math.Abs(b.Risk-b.Happened) * float64(b.Forecasts)
		n += float64(b.Forecasts)
	}
	c.Calibration = ratio(off, n)
}

// reliability returns the reliability curves.
func (s *Store) reliability(ctx context.Context, target string) (map[scorecardKey][]forecaster.Reliability, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT target, horizon, model, shadow, sum(forecasts), sum(risk), sum(happened) FROM reliability
		WHERE ?1 = '' OR target = (SELECT id FROM targets WHERE name = ?1) GROUP BY target, horizon, model, shadow, bin
		ORDER BY target, horizon, model, shadow, bin`, target)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	out := map[scorecardKey][]forecaster.Reliability{}
	for rows.Next() {
		var k scorecardKey
		var n int
		var risk, happened float64
		if err := rows.Scan(&k.target, &k.horizon, &k.model, &k.shadow, &n, &risk, &happened); err != nil {
			return nil, err
		}
		out[k] = append(out[k], forecaster.Reliability{Risk: risk / float64(n), Happened: happened / float64(n), Forecasts: n})
	}
	return out, rows.Err()
}

// Turns returns how the forecasts of a target came out, by origin, those with
// an origin at or after a time: the oldest first, by horizon.
func (s *Store) Turns(ctx context.Context, target string, since time.Time) ([]forecaster.Turn, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT horizon, origin, m.name, shadow, forecasts, loss, naive, levels, covered, events, risk, happened
		FROM turns JOIN models m ON m.id = turns.model
		WHERE target = (SELECT id FROM targets WHERE name = ?) AND origin >= ? ORDER BY horizon, origin, shadow`, target, since.UnixMilli())
	if err != nil {
		return nil, s.explain("read turns", err)
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	var out []forecaster.Turn
	for rows.Next() {
		var t forecaster.Turn
		var horizon, origin int64
		if err := rows.Scan(&horizon, &origin, &t.Model, &t.Shadow, &t.Forecasts, &t.Loss, &t.Naive, &t.Levels, &t.Covered, &t.Events, &t.Risk, &t.Happened); err != nil {
			return nil, s.explain("read turns", err)
		}
		t.Horizon, t.Origin = time.Duration(horizon)*time.Second, time.UnixMilli(origin).UTC()
		out = append(out, t)
	}
	return out, s.explain("read turns", rows.Err())
}

// leads returns the leads of warnings that came true, in ms.
func (s *Store) leads(ctx context.Context) (map[scorecardKey][]float64, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT target, horizon, model, shadow, lead FROM leads")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read to the end below
	out := map[scorecardKey][]float64{}
	for rows.Next() {
		var k scorecardKey
		var lead float64
		if err := rows.Scan(&k.target, &k.horizon, &k.model, &k.shadow, &lead); err != nil {
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
