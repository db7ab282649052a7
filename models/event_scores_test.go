package models_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// forecasts draws risks with ties and their outcomes, some unknown.
func forecasts(t *rapid.T) (p, y []float64) {
	n := rapid.IntRange(0, 60).Draw(t, "n")
	for range n {
		p = append(p, float64(rapid.IntRange(0, 12).Draw(t, "risk"))/12)
		y = append(y, rapid.SampledFrom([]float64{0, 0, 1, math.NaN()}).Draw(t, "outcome"))
	}
	return p, y
}

func close(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-12
}

func TestScoresAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := forecasts(t)
		var wins, pairs, squares, n float64
		for i := range p {
			if math.IsNaN(y[i]) {
				continue
			}
			n++
			squares += math.Pow(p[i]-y[i], 2)
			for j := range p {
				if y[i] == 1 && y[j] == 0 {
					pairs++
					switch {
					case p[i] > p[j]:
						wins++
					case p[i] == p[j]:
						wins += 0.5
					}
				}
			}
		}
		if got, want := models.AUROC(p, y), wins/pairs; !close(got, want) {
			t.Errorf("AUROC: got %v, want %v", got, want)
		}
		if got, want := models.Brier(p, y), squares/n; !close(got, want) {
			t.Errorf("Brier: got %v, want %v", got, want)
		}
		if got, want := models.AveragePrecision(p, y), bruteAveragePrecision(p, y); !close(got, want) {
			t.Errorf("average precision: got %v, want %v", got, want)
		}
		rows := 0
		for _, b := range models.Reliability(p, y) {
			rows += b.Rows
		}
		if rows != int(n) {
			t.Errorf("reliability: %d rows, want %v", rows, n)
		}
		if e := models.CalibrationError(p, y); n > 0 && !(e >= 0 && e <= 1) {
			t.Errorf("calibration error %v", e)
		}
	})
}

// bruteAveragePrecision sums precision × gained recall threshold by threshold.
func bruteAveragePrecision(p, y []float64) float64 {
	thresholds := slices.Clone(p)
	slices.Sort(thresholds)
	thresholds = slices.Compact(thresholds)
	slices.Reverse(thresholds)
	all := 0.0
	for _, v := range y {
		if v == 1 {
			all++
		}
	}
	var area, before float64
	for _, threshold := range thresholds {
		var hits, raised float64
		for i := range p {
			if p[i] >= threshold && !math.IsNaN(y[i]) {
				raised++
				hits += y[i]
			}
		}
		if raised > 0 {
			area += hits / raised * (hits - before)
			before = hits
		}
	}
	return area / all
}

func TestScoresOfKnownCases(t *testing.T) {
	y := []float64{0, 0, 1, 1}
	for name, c := range map[string]struct {
		p                 []float64
		auroc, ap, b, ece float64
	}{
		"perfect": {[]float64{0, 0, 1, 1}, 1, 1, 0, 0},
		"blind":   {[]float64{0.5, 0.5, 0.5, 0.5}, 0.5, 0.5, 0.25, 0},
		"wrong":   {[]float64{1, 1, 0, 0}, 0, 0.5, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := [4]float64{models.AUROC(c.p, y), models.AveragePrecision(c.p, y), models.Brier(c.p, y), models.CalibrationError(c.p, y)}
			if want := [4]float64{c.auroc, c.ap, c.b, c.ece}; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	if got := models.BrierSkill([]float64{0, 0, 1, 1}, []float64{0.5, 0.5, 0.5, 0.5}, y); got != 1 {
		t.Errorf("skill of a perfect forecast: got %v, want 1", got)
	}
}

// TestBudgetIsTheMostThatFits wants the lowest threshold whose episodes fit.
func TestBudgetIsTheMostThatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		subjects, steps := rapid.IntRange(1, 9).Draw(t, "subjects"), rapid.SampledFrom([]int{1, 1, 7, 60}).Draw(t, "steps")
		var rows []models.RiskRow
		for s := range subjects {
			for i := range steps {
				rows = append(rows, models.RiskRow{Subject: s, Step: 10 * i, Risk: math.Round(20*rng.Float64()) / 20})
			}
		}
		budget := features.Budget{Count: rapid.Float64Range(0.1, 300).Draw(t, "budget"), Per: 5 * time.Hour}
		got := models.BudgetThreshold(rows, time.Minute, budget)
		every := 10
		if steps == 1 {
			every = 1
		}
		allowed := budget.Count * float64(every*steps) / 300
		if n := models.Episodes(rows, got); float64(n) > allowed {
			t.Fatalf("threshold %v raises %d of %v allowed", got, n, allowed)
		}
		next := -1.0
		for _, r := range rows {
			if r.Risk < got {
				next = max(next, r.Risk)
			}
		}
		if n := models.Episodes(rows, next); steps == 1 && next >= 0 && float64(n) <= allowed { // no episodes to run together
			t.Fatalf("threshold %v, but %v fits into %v too", got, next, allowed)
		}
	})
}

func TestBudgetCountsEpisodes(t *testing.T) {
	rows := []models.RiskRow{}
	for i, risk := range []float64{0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.1} { // two: one dip is no end
		rows = append(rows, models.RiskRow{Subject: 1, Step: i, Risk: risk})
	}
	if got := models.Episodes(rows, 0.5); got != 2 {
		t.Errorf("got %d episodes, want 2", got)
	}
	day := features.Budget{Count: 2, Per: 9 * time.Minute}
	if got := models.BudgetThreshold(rows, time.Minute, day); got > 0.9 || got <= 0.1 {
		t.Errorf("threshold %v for two, want one between the risks", got)
	}
	day.Count = 1
	if got := models.BudgetThreshold(rows, time.Minute, day); got <= 0.9 {
		t.Errorf("threshold %v for one, want it above what cannot be told apart", got)
	}
	if got := models.BudgetThreshold(nil, time.Minute, day); got == got {
		t.Errorf("threshold %v without rows, want NaN", got)
	}
	if got := models.BudgetThreshold(rows, time.Minute, features.Budget{}); got != 0 {
		t.Errorf("threshold %v without a budget, want 0", got)
	}
}
