package models_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/models"
)

// explained returns the drivers of a row.
func explained(t *testing.T, fitted models.Fitted, k known, row int) []models.Driver {
	t.Helper()
	explainer, ok := fitted.(models.Explainer)
	if !ok {
		t.Fatalf("%T does not explain", fitted)
	}
	return explainer.Explain(k.frame, row, nil)
}

func TestDriversInWords(t *testing.T) {
	k := knownHazard(1, 12_000, 0.001)
	copy(k.frame.Features(3), []float64{3, 0.5, 0})
	copy(k.frame.Features(4), []float64{0, -2.5, 0})
	copy(k.frame.Features(5), []float64{math.NaN(), -0.1, 0})
	for _, m := range []models.Model{models.Logistic{}, models.Hazard{}, models.Forest{Trees: 8}, models.Network{}} {
		t.Run(m.Name(), func(t *testing.T) {
			fitted := fitOn(t, m, k.frame)
			for row, want := range map[int]string{3: "row remaps +3 in 6 h", 4: "temperature -2.5 °C", 5: "change of row remaps in 6 h missing"} {
				drivers := explained(t, fitted, k, row)
				among := 1
				if row == 5 { // a missing value weighs little
					among = 2
				}
				if len(drivers) < among || !slices.ContainsFunc(drivers[:among], func(d models.Driver) bool { return d.Text == want }) {
					t.Errorf("row %d: got %+v, want %q among the first %d", row, drivers, want, among)
				}
				for i := 1; i < len(drivers); i++ {
					if math.Abs(drivers[i].Contribution) > math.Abs(drivers[i-1].Contribution) {
						t.Errorf("row %d: drivers are not strongest first: %+v", row, drivers)
					}
				}
			}
		})
	}
}

// TestLogisticContributionsAreExact compares the contributions of two rows
// with the log-odds between them.
func TestLogisticContributionsAreExact(t *testing.T) {
	k := knownHazard(1, 12_000, 0.001)
	fitted := fitOn(t, models.Logistic{}, k.frame)
	odds := func(row int) float64 {
		var out models.Forecast
		if err := fitted.Predict(k.frame, row, &out); err != nil {
			t.Fatal(err)
		}
		p := out.Risks[len(out.Risks)-1].Probability
		return math.Log(p / (1 - p))
	}
	sum := func(row int) (s float64) {
		for _, d := range explained(t, fitted, k, row) {
			s += d.Contribution
		}
		return s
	}
	// Calibration stretches all differences alike.
	stretch := (odds(11) - odds(12)) / (sum(11) - sum(12))
	for row := 13; row < 60; row++ {
		want := odds(12) + stretch*(sum(row)-sum(12))
		if got := odds(row); math.Abs(got-want) > 1e-6 {
			t.Fatalf("row %d: log-odds %v, contributions say %v", row, got, want)
		}
	}
}

func TestNaiveModelsGiveTheirReason(t *testing.T) {
	p, target := clustered(30, 1500, 5)
	f := eventFrame(t, p, target)
	for _, c := range []struct {
		model models.Model
		want  string
	}{
		{models.BaseRate{}, "of all cases"},
		{models.BaseRate{PerSubject: true}, "times in the past"},
		{models.TimeSince{}, "last Fault "},
	} {
		drivers := explained(t, fitOn(t, c.model, f), known{frame: f}, len(f.Rows)-1)
		if len(drivers) != 1 || !strings.Contains(drivers[0].Text, c.want) {
			t.Errorf("%s: got %+v, want %q", c.model.Name(), drivers, c.want)
		}
	}
}
