package store_test

import (
	"database/sql"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// settled puts a forecast of a level by a model, its shadow's beside it, and
// what came of both.
func settled(t *testing.T, s *store.Store, at time.Time, risk, happened float64) {
	t.Helper()
	mine, shadow := level("T", "a", at, 1, risk), level("T", "a", at, 2, risk/2)
	shadow.Model = "m2"
	if err := s.PutForecasts(t.Context(), []models.Forecast{mine}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutShadows(t.Context(), []models.Forecast{shadow}); err != nil {
		t.Fatal(err)
	}
	due, err := s.Due(t.Context(), "T", at.Add(time.Hour), 10)
	if err != nil || len(due) != 2 || due[0].Shadow || !due[1].Shadow || due[1].Model != "m2" {
		t.Fatalf("got %+v, %v; want the forecast and its shadow", due, err)
	}
	for i := range due {
		due[i].Actual, due[i].Naive, due[i].Happened, due[i].Matured = 1.5, 2, happened, at.Add(time.Hour)
		due[i].Loss, due[i].NaiveLoss, due[i].Weight = 0.1*float64(i+1), 0.4, 0.5
	}
	if err := s.PutOutcomes(t.Context(), due); err != nil {
		t.Fatal(err)
	}
}

func TestScoresAreByModelAndShadow(t *testing.T) {
	s := fresh(t)
	for i, c := range []struct{ risk, happened float64 }{{0.05, 0}, {0.05, 0}, {0.05, 1}, {0.9, 1}, {0.5, math.NaN()}} {
		settled(t, s, start.Add(time.Duration(i)*tick), c.risk, c.happened)
	}
	cards, err := s.Scorecards(t.Context(), "T")
	if err != nil || len(cards) != 2 {
		t.Fatalf("got %+v, %v; want a card a model", cards, err)
	}
	mine, shadow := cards[0], cards[1]
	if mine.Model != "m1" || mine.Shadow || shadow.Model != "m2" || !shadow.Shadow || mine.Forecasts != 5 || shadow.Forecasts != 5 {
		t.Errorf("got %+v and %+v", mine, shadow)
	}
	for name, c := range map[string][2]float64{
		"skill":             {mine.Skill, 0.75},
		"pinball":           {mine.Pinball, 0.1},
		"coverage":          {mine.Coverage, 1},
		"shadow's skill":    {shadow.Skill, 0.5},
		"calibration error": {mine.Calibration, (3*(1.0/3-0.05) + 0.1) / 4},
	} {
		if math.Abs(c[0]-c[1]) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, c[0], c[1])
		}
	}
	if r := mine.Reliability; len(r) != 2 || r[0].Forecasts != 3 || math.Abs(r[0].Risk-0.05) > 1e-12 || math.Abs(r[0].Happened-1.0/3) > 1e-12 || r[1].Happened != 1 {
		t.Errorf("got %+v, want two bins", r)
	}
	turns, err := s.Turns(t.Context(), "T", start.Add(tick))
	if err != nil || len(turns) != 8 {
		t.Fatalf("got %d turns, %v; want 4 and their shadows", len(turns), err)
	}
	want := forecaster.Turn{Horizon: horizons[0], Origin: start.Add(tick), Model: "m1", Forecasts: 1, Loss: 0.05, Naive: 0.2, Levels: 1, Covered: 1, Events: 1, Risk: 0.05}
	if turns[0] != want || !turns[1].Shadow || turns[1].Loss != 0.1 {
		t.Errorf("got %+v, want %+v", turns[0], want)
	}
	issued, err := s.Issued(t.Context(), "T", "service/ml/a", start, 0)
	if err != nil || len(issued) != 5 {
		t.Errorf("got %d rows, %v; want nobody to be shown the shadow's", len(issued), err)
	}
	if err := s.Prune(t.Context(), start.Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if cards, err := s.Scorecards(t.Context(), ""); err != nil || len(cards) != 0 {
		t.Errorf("got %+v, %v; want all forgotten", cards, err)
	}
	if turns, err := s.Turns(t.Context(), "T", start); err != nil || len(turns) != 0 {
		t.Errorf("got %+v, %v; want all forgotten", turns, err)
	}
}

// TestOlderForecastNeverReplacesANewer is what a clock that goes back does.
func TestOlderForecastNeverReplacesANewer(t *testing.T) {
	s := fresh(t)
	for _, at := range []time.Time{start.Add(time.Hour), start} {
		if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "a", at, 1, 0.5)}); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := s.Forecast(t.Context(), "T", "service/ml/a"); err != nil || !f.Origin.Equal(start.Add(time.Hour)) {
		t.Errorf("got %s, %v; want the newer", f.Origin, err)
	}
	if issued, err := s.Issued(t.Context(), "T", "service/ml/a", start.Add(-time.Hour), 0); err != nil || len(issued) != 1 {
		t.Errorf("got %+v, %v; want the newer alone", issued, err)
	}
}

// TestMigrationKeepsWhatWasScored opens a store of the first schema with a day
// of scores and a forecast under way.
func TestMigrationKeepsWhatWasScored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "driftcast.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, store.Migrations(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	at := start.UnixMilli()
	for _, text := range []string{
		"INSERT INTO targets (id, name) VALUES (1, 'T')", "INSERT INTO models (id, name) VALUES (1, 'm1')",
		"INSERT INTO subjects (id, kind, text) VALUES (1, 'service', 'service/ml/a')",
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO issued (target, horizon, slot, subject, origin, due, gap, model, median, lower, upper, risk)
		VALUES (1, 900, ?1/300000, 1, ?1, ?1+900000, 300, 1, 1, 0, 2, 0.1)`, at); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO scores VALUES (1, 900, ?1/86400000, 1, 10, 10, 3, 4, 8, 10, 1, 0, 2, 3, 1, 2, 604800, ?1, ?1)`, at); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO leads VALUES (1, 900, ?1, 1, 60000)`, at); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	cards, err := s.Scorecards(t.Context(), "T")
	if err != nil || len(cards) != 1 {
		t.Fatalf("got %+v, %v; want the card", cards, err)
	}
	if c := cards[0]; c.Model != "m1" || c.Forecasts != 10 || c.Coverage != 0.8 || c.Brier != 0.1 || c.FalsePerWeek != 2 || c.Skill == c.Skill {
		t.Errorf("got %+v, want what was known, and no skill of medians alone", c)
	}
	due, err := s.Due(t.Context(), "T", start.Add(time.Hour), 10)
	if err != nil || len(due) != 1 || due[0].Median != 1 || due[0].Quantiles[0] == due[0].Quantiles[0] {
		t.Fatalf("got %+v, %v; want the forecast under way, its quantiles unknown", due, err)
	}
	due[0].Actual, due[0].Matured = 1, start.Add(time.Hour)
	if err := s.PutOutcomes(t.Context(), due); err != nil {
		t.Fatal(err)
	}
	if cards, err := s.Scorecards(t.Context(), "T"); err != nil || len(cards) != 1 || cards[0].Forecasts != 11 {
		t.Errorf("got %+v, %v; want it counted", cards, err)
	}
}
