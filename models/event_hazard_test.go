package models_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/driftcast/driftcast/models"
)

// crossing is a known hazard that is high where two columns have the same sign:
// a line cannot see it.
func crossing(seed uint64, rows int) known {
	k := knownHazard(seed, rows, 0.001)
	rng := rand.New(rand.NewPCG(seed, 8))
	for row := range k.frame.Rows {
		x := k.frame.Features(row)
		rate := 0.0003
		if x[0]*x[1] > 0 {
			rate = 0.006
		}
		wait := rng.ExpFloat64() / rate
		for h, horizon := range k.frame.Target.Horizons {
			k.frame.Labels[2*row+h] = 0
			if wait <= horizon.Minutes() {
				k.frame.Labels[2*row+h] = 1
			}
			k.risk[row][h] = -math.Expm1(-rate * horizon.Minutes())
		}
	}
	return k
}

// TestHazardFindsWhatALineCannot wants trees to add to the rule what it lacks,
// and to name it.
func TestHazardFindsWhatALineCannot(t *testing.T) {
	train, test := crossing(1, 10_000), crossing(2, 4_000)
	fitted := fitOn(t, models.Hazard{}, train.frame)
	var out models.Forecast
	for h := range test.frame.Target.Horizons {
		var risks, truth, labels []float64
		for row := range test.frame.Rows {
			if err := fitted.Predict(test.frame, row, &out); err != nil {
				t.Fatal(err)
			}
			risks, truth = append(risks, out.Risks[h].Probability), append(truth, test.risk[row][h])
			labels = append(labels, test.frame.Label(row, h))
		}
		got, best := models.AUROC(risks, labels), models.AUROC(truth, labels)
		if e := models.CalibrationError(risks, labels); got < best-0.05 || e > 0.03 { // chance alone makes 0.015 of 4,000 rows
			t.Errorf("horizon %d: AUROC %.3f of %.3f, calibration error %.4f", h, got, best, e)
		}
	}
	named := map[string]int{}
	for row := range 200 {
		for i, d := range explained(t, fitted, test, row) {
			if i < 2 {
				named[d.Column]++
			}
		}
	}
	if named["row_remaps_change_6h"] < 150 || named["temperature"] < 120 || named["noise"] > 60 {
		t.Errorf("the two strongest drivers of 200 rows are %v", named)
	}
}

// TestHazardServesTheRule wants no more than a rule where there is nothing to
// find: the base rate, to within what chance does to it.
func TestHazardServesTheRule(t *testing.T) {
	k := knownHazard(3, 6000, 0.001)
	rng := rand.New(rand.NewPCG(1, 9))
	for i := range k.frame.X {
		k.frame.X[i] = rng.NormFloat64()
	}
	base, fitted := fitOn(t, models.BaseRate{}, k.frame), fitOn(t, models.Hazard{}, k.frame)
	var a, b models.Forecast
	for row := range k.frame.Rows {
		if err := base.Predict(k.frame, row, &a); err != nil {
			t.Fatal(err)
		}
		if err := fitted.Predict(k.frame, row, &b); err != nil {
			t.Fatal(err)
		}
		for h := range a.Risks {
			if p, q := a.Risks[h].Probability, b.Risks[h].Probability; q < p/2 || q > 2*p {
				t.Fatalf("row %d: risk %.4f where the base rate is %.4f", row, q, p)
			}
		}
	}
}
