package store

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/driftcast/driftcast/forecaster"
)

// scoreKey is a row of scores; turnKey is one of turns.
type scoreKey struct {
	target, horizon, day, model int64
	shadow                      bool
}

type turnKey struct {
	target, horizon, origin int64
	shadow                  bool
}

// score is a row of scores: sums over matured forecasts.
type score struct {
	matured, levels, scored, covered, events, happened int64
	warned, hits, falseStarts, exposure, first, latest int64
	loss, weighted, naiveWeighted, brier, naiveBrier   float64
	bins                                               [len(forecaster.RiskBins)]bin
}

// bin is a bin of a reliability curve.
type bin struct {
	forecasts, happened int64
	risk                float64
}

// turn is a row of turns.
type turn struct {
	model int64
	forecaster.Turn
}

// sums are what a batch of outcomes adds.
type sums struct {
	scores map[scoreKey]*score
	turns  map[turnKey]*turn
}

func (s *sums) add(o forecaster.Outcome, target, model, gap int64, falseStart bool) {
	origin, horizon := o.Origin.UnixMilli(), int64(o.Horizon.Seconds())
	k := scoreKey{target, horizon, floorDiv(origin, 86_400_000), model, o.Shadow}
	if s.scores[k] == nil {
		s.scores[k] = &score{}
	}
	s.scores[k].add(o, gap, falseStart)
	at := turnKey{target, horizon, origin, o.Shadow}
	if s.turns[at] == nil {
		s.turns[at] = &turn{model: model}
	}
	s.turns[at].add(o)
}

func (s *score) add(o forecaster.Outcome, gap int64, falseStart bool) {
	origin := o.Origin.UnixMilli()
	if s.matured == 0 || origin < s.first {
		s.first = origin
	}
	s.latest = max(s.latest, origin)
	s.matured++
	if !math.IsNaN(o.Actual) && !math.IsNaN(o.Median) {
		s.levels++
		s.covered += count(o.Actual >= o.Lower && o.Actual <= o.Upper)
		if !math.IsNaN(o.Loss) {
			s.scored++
			s.loss += o.Loss
		}
		if w := o.Weight * (o.Loss + o.NaiveLoss); !math.IsNaN(w) {
			s.weighted += o.Weight * o.Loss
			s.naiveWeighted += o.Weight * o.NaiveLoss
		}
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
	i, _ := slices.BinarySearch(forecaster.RiskBins[:], o.Risk)
	b := &s.bins[min(i, len(s.bins)-1)]
	b.forecasts++
	b.risk += o.Risk
	b.happened += count(o.Happened == 1)
}

func (t *turn) add(o forecaster.Outcome) {
	if !math.IsNaN(o.Actual) && !math.IsNaN(o.Median) {
		t.Levels++
		t.Covered += int(count(o.Actual >= o.Lower && o.Actual <= o.Upper))
		if w := o.Weight * (o.Loss + o.NaiveLoss); !math.IsNaN(w) {
			t.Forecasts++
			t.Loss += o.Weight * o.Loss
			t.Naive += o.Weight * o.NaiveLoss
		}
	}
	if math.IsNaN(o.Happened) || math.IsNaN(o.Risk) {
		return
	}
	t.Events++
	t.Risk += o.Risk
	t.Happened += int(count(o.Happened == 1))
	if !math.IsNaN(o.Naive) && math.IsNaN(o.Median) {
		t.Forecasts++
		t.Loss += (o.Risk - o.Happened) * (o.Risk - o.Happened)
		t.Naive += (o.Naive - o.Happened) * (o.Naive - o.Happened)
	}
}

const (
	addScore = `INSERT INTO scores (target, horizon, day, model, shadow, matured, levels, scored, loss, weighted, naive_weighted, covered,
		events, brier, naive_brier, happened, warned, hits, false_starts, exposure, first, last)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET matured = matured + excluded.matured, levels = levels + excluded.levels, scored = scored + excluded.scored,
		loss = loss + excluded.loss, weighted = weighted + excluded.weighted, naive_weighted = naive_weighted + excluded.naive_weighted,
		covered = covered + excluded.covered, events = events + excluded.events,
		brier = brier + excluded.brier, naive_brier = naive_brier + excluded.naive_brier, happened = happened + excluded.happened,
		warned = warned + excluded.warned, hits = hits + excluded.hits, false_starts = false_starts + excluded.false_starts,
		exposure = exposure + excluded.exposure, first = min(first, excluded.first), last = max(last, excluded.last)`
	addBin = `INSERT INTO reliability (target, horizon, day, model, shadow, bin, forecasts, risk, happened) VALUES (?,?,?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET forecasts = forecasts + excluded.forecasts, risk = risk + excluded.risk, happened = happened + excluded.happened`
	addTurn = `INSERT INTO turns (target, horizon, origin, shadow, model, forecasts, loss, naive, levels, covered, events, risk, happened)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET forecasts = forecasts + excluded.forecasts, loss = loss + excluded.loss, naive = naive + excluded.naive,
		levels = levels + excluded.levels, covered = covered + excluded.covered, events = events + excluded.events,
		risk = risk + excluded.risk, happened = happened + excluded.happened`
)

func (s *sums) save(ctx context.Context, tx *sql.Tx) error {
	stmts, err := prepare(ctx, tx, addScore, addBin, addTurn)
	if err != nil {
		return err
	}
	for k, c := range s.scores {
		if _, err := stmts[0].ExecContext(ctx, k.target, k.horizon, k.day, k.model, k.shadow, c.matured, c.levels, c.scored, c.loss, c.weighted,
			c.naiveWeighted, c.covered, c.events, c.brier, c.naiveBrier, c.happened, c.warned, c.hits, c.falseStarts, c.exposure, c.first, c.latest); err != nil {
			return err
		}
		for i, b := range c.bins {
			if b.forecasts == 0 {
				continue
			}
			if _, err := stmts[1].ExecContext(ctx, k.target, k.horizon, k.day, k.model, k.shadow, i, b.forecasts, b.risk, b.happened); err != nil {
				return err
			}
		}
	}
	for k, t := range s.turns {
		if _, err := stmts[2].ExecContext(ctx, k.target, k.horizon, k.origin, k.shadow, t.model, t.Forecasts, t.Loss, t.Naive,
			t.Levels, t.Covered, t.Events, t.Risk, t.Happened); err != nil {
			return err
		}
	}
	return nil
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
