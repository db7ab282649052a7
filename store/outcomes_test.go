package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

const tick = 5 * time.Minute

func TestIssuedAreThinned(t *testing.T) {
	s := fresh(t)
	for i := range 60 { // an hour, a step a minute
		at := start.Add(time.Duration(i) * time.Minute)
		if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "a", at, float64(i), 0.1, 0.2), level("T", "b", at, 0, 0.1, 0.2)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"service/ml/a", "service/ml/b"} {
		got, err := s.Issued(t.Context(), "T", name, start, 0)
		if err != nil {
			t.Fatal(err)
		}
		count := map[time.Duration]int{}
		for i, o := range got {
			count[o.Horizon]++
			if i > 0 && o.Origin.After(got[i-1].Origin) {
				t.Errorf("%s comes after %s, want the newest first", o.Origin, got[i-1].Origin)
			}
			if !o.Matured.IsZero() || o.Actual == o.Actual || o.Happened == o.Happened {
				t.Errorf("got %+v, want nothing to be known of it", o)
			}
		}
		if count[horizons[0]] != 12 || count[horizons[1]] != 8 { // 5 minutes, and an eighth of an hour
			t.Errorf("%s: got %v rows by horizon, want 12 and 8", name, count)
		}
	}
	got, err := s.Issued(t.Context(), "T", "service/ml/a", start.Add(30*time.Minute), 3)
	if err != nil || len(got) != 3 || !got[0].Origin.Equal(start.Add(55*time.Minute)) || got[0].Median != 55 || got[0].Lower != 54 || got[0].Upper != 56 || got[0].Risk != 0.1 {
		t.Errorf("got %+v, %v; want the newest three", got, err)
	}
}

func TestDueAndOutcomes(t *testing.T) {
	s := fresh(t)
	if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "a", start, 1, 0.1, 0.2), level("U", "a", start, 1, 0.1)}); err != nil {
		t.Fatal(err)
	}
	due := func(after time.Duration) []forecaster.Outcome {
		t.Helper()
		got, err := s.Due(t.Context(), "T", start.Add(after), 10)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := due(15*time.Minute - 1); len(got) != 0 {
		t.Errorf("got %+v before the horizon has passed", got)
	}
	got := due(15 * time.Minute)
	if len(got) != 1 || got[0].Horizon != horizons[0] || got[0].Median != 1 {
		t.Fatalf("got %+v, want the short horizon", got)
	}
	got[0].Actual, got[0].Naive, got[0].Happened, got[0].Warned, got[0].Matured = 1.2, 1.1, 1, true, start.Add(20*time.Minute)
	got[0].Began = start.Add(10 * time.Minute)
	for range 2 { // the second time changes nothing
		if err := s.PutOutcomes(t.Context(), got); err != nil {
			t.Fatal(err)
		}
	}
	if left := due(time.Hour); len(left) != 1 || left[0].Horizon != horizons[1] {
		t.Errorf("got %+v, want the long horizon alone", left)
	}
	issued, err := s.Issued(t.Context(), "T", "service/ml/a", start, 10)
	if err != nil || len(issued) != 2 {
		t.Fatal(issued, err)
	}
	if diff := cmp.Diff(got[0], issued[0], cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-put +issued)\n%s", diff)
	}
	cards, err := s.Scorecards(t.Context(), "")
	if err != nil || len(cards) != 1 || cards[0].Forecasts != 1 {
		t.Errorf("got %+v, %v; want one outcome counted once", cards, err)
	}
}

// TestScorecardsTellAStory counts by hand: an event forecast every 5 minutes
// for 15 minutes ahead. Warned at 0 and 5 for nothing (one false warning), at
// 20, 25 and 30 for an event at 33, and not at 40 for an event at 50.
func TestScorecardsTellAStory(t *testing.T) {
	s := fresh(t)
	node := collector.Subject{Kind: "node", Name: "n1"}
	story := []struct {
		minute         int
		risk, happened float64
		began          int
	}{
		{0, 0.9, 0, 0}, {5, 0.8, 0, 0}, {10, 0.1, 0, 0}, {15, 0.1, 0, 0}, {20, 0.9, 1, 33}, {25, 0.9, 1, 33}, {30, 0.9, 1, 33}, {40, 0.2, 1, 50}, {45, 0.2, math.NaN(), 0},
	}
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	var brier float64
	for _, c := range story {
		f := models.Forecast{Target: "Down", Subject: node, Model: "hazard", Origin: at(c.minute), Interval: time.Minute,
			Risks: []models.Risk{{Horizon: 15 * time.Minute, Probability: c.risk}}}
		if err := s.PutForecasts(t.Context(), []models.Forecast{f}); err != nil {
			t.Fatal(err)
		}
		o := forecaster.Outcome{Target: "Down", Subject: node, Origin: f.Origin, Horizon: 15 * time.Minute, Naive: 0.5,
			Actual: math.NaN(), Happened: c.happened, Warned: c.risk >= 0.7, Matured: at(c.minute + 20)}
		if c.began > 0 {
			o.Began = at(c.began)
		}
		if err := s.PutOutcomes(t.Context(), []forecaster.Outcome{o}); err != nil {
			t.Fatal(err)
		}
		if c.happened == c.happened {
			brier += (c.risk - c.happened) * (c.risk - c.happened) / 8
		}
	}
	cards, err := s.Scorecards(t.Context(), "Down")
	if err != nil || len(cards) != 1 {
		t.Fatal(cards, err)
	}
	got := cards[0]
	for name, c := range map[string][2]float64{
		"forecasts":      {float64(got.Forecasts), 9},
		"brier":          {got.Brier, brier},
		"skill":          {got.Skill, 1 - brier/0.25},
		"base rate":      {got.BaseRate, 4.0 / 8},
		"precision":      {got.Precision, 3.0 / 5},
		"recall":         {got.Recall, 3.0 / 4},
		"false per week": {got.FalsePerWeek, 1 / (45.0 / (7 * 24 * 60))},
		"lead":           {got.LeadSeconds, 13 * 60},
	} {
		if math.Abs(c[0]-c[1]) > 1e-9*math.Abs(c[1]) {
			t.Errorf("%s: got %v, want %v", name, c[0], c[1])
		}
	}
	if got.Model != "hazard" || got.Coverage == got.Coverage || !got.From.Equal(at(0)) || !got.Through.Equal(at(45)) || got.Horizon != 15*time.Minute {
		t.Errorf("got %+v", got)
	}
}

func TestScorecardOfALevel(t *testing.T) {
	s := fresh(t)
	for i, actual := range []float64{1.5, 3, 1} { // the median is 1, the interval 0…2, naive says 2
		at := start.Add(time.Duration(i) * tick)
		if err := s.PutForecasts(t.Context(), []models.Forecast{level("T", "a", at, 1, math.NaN())}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Due(t.Context(), "T", at.Add(time.Hour), 10)
		if err != nil || len(got) != 1 || got[0].Risk == got[0].Risk {
			t.Fatalf("got %+v, %v; want a row without a risk", got, err)
		}
		if q := got[0].Quantiles; q[0] != 0 || q[3] != 0.75 || q[8] != 2 {
			t.Errorf("got quantiles %v, want 0 to 2", q)
		}
		got[0].Actual, got[0].Naive, got[0].Happened, got[0].Matured = actual, 2, math.NaN(), at.Add(time.Hour)
		got[0].Loss, got[0].NaiveLoss, got[0].Weight = math.Abs(actual-1)/2, math.Abs(actual-2)/2, 0.5
		if err := s.PutOutcomes(t.Context(), got); err != nil {
			t.Fatal(err)
		}
	}
	cards, err := s.Scorecards(t.Context(), "T")
	if err != nil || len(cards) != 1 {
		t.Fatal(cards, err)
	}
	if c := cards[0]; c.Skill != 0 || math.Abs(c.Pinball-2.5/6) > 1e-12 || c.Coverage != 2.0/3 || c.Brier == c.Brier || c.Precision == c.Precision {
		t.Errorf("got %+v", c)
	}
}

func TestPruneForgetsWhatIsOld(t *testing.T) {
	s := fresh(t)
	old := start.Add(-10 * 24 * time.Hour)
	for _, at := range []time.Time{old, start} {
		name := map[bool]string{true: "old", false: "new"}[at.Equal(old)]
		fs := []models.Forecast{level("T", name, at, 1, 0.1, 0.2), level("T", "both", at, 1, 0.1, 0.2)}
		if err := s.PutForecasts(t.Context(), fs); err != nil {
			t.Fatal(err)
		}
		if err := s.PutRun(t.Context(), forecaster.Run{ID: name, State: forecaster.RunKept, Started: at}); err != nil {
			t.Fatal(err)
		}
		w := forecaster.Warning{Target: "T", Subject: fs[0].Subject, StartsAt: at}
		w.Resolved = true
		if err := s.PutWarnings(t.Context(), []forecaster.Warning{w}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Record(t.Context(), "me", "propose", forecaster.Correction{ID: name, Proposed: at}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Prune(t.Context(), start.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forecast(t.Context(), "T", "service/ml/old"); err == nil {
		t.Error("the old forecast is still there")
	}
	if got, err := s.Issued(t.Context(), "T", "service/ml/both", old, 100); err != nil || len(got) != 2 || !got[0].Origin.Equal(start) {
		t.Errorf("got %+v, %v; want the two new rows", got, err)
	}
	if got, err := s.Due(t.Context(), "T", start.Add(24*time.Hour), 100); err != nil || len(got) != 4 {
		t.Errorf("got %d due, %v; want 4", len(got), err)
	}
	if runs, err := s.Runs(t.Context(), 10); err != nil || len(runs) != 1 || runs[0].ID != "new" {
		t.Errorf("got %+v, %v", runs, err)
	}
	if n, err := s.RaisedSince(t.Context(), "T", old); err != nil || n != 1 {
		t.Errorf("got %d warnings, %v; want 1", n, err)
	}
	if got, _, err := s.Corrections(t.Context(), forecaster.CorrectionQuery{}); err != nil || len(got) != 2 {
		t.Errorf("got %d corrections, %v; want both kept", len(got), err)
	}
}
