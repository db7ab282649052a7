package models_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// TestALongHorizonCostsTheShortOnesNothing: two weeks hold no two weeks that
// could be told apart, so a week is asked of every model for nothing: what it
// says of an hour, six and a day stays the same to the last bit, and of the week
// it says that the day goes on.
func TestALongHorizonCostsTheShortOnesNothing(t *testing.T) {
	p, target := clustered(25, 14*24, 5)
	short := *target
	short.Horizons = []time.Duration{time.Hour, 6 * time.Hour, day}
	long := *target
	long.Horizons = append(slices.Clone(short.Horizons), 7*day)
	frame := func(of *features.Target, o features.Options) *features.Frame {
		f, err := features.Extract(p, of, o)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	trained := features.Options{Origins: features.Origins(p, 3*time.Hour, time.Time{}, time.Time{}), Labels: true}
	asked := features.Options{Origins: []int{p.Len - 30, p.Len - 1}}
	shortTrain, longTrain := frame(&short, trained), frame(&long, trained)
	of, ofLong := frame(&short, asked), frame(&long, asked)
	for _, m := range models.Catalog(target) {
		if m.Name() == (models.BaseRate{}).Name() {
			continue // learns nothing: it knows the rate of whatever is known
		}
		if m.Name() == (models.Forest{}).Name() {
			m = models.Forest{Trees: 3} // grown as all are, in less time
		}
		t.Run(m.Name(), func(t *testing.T) {
			t.Parallel()
			without, with := fitOn(t, m, shortTrain), fitOn(t, m, longTrain)
			var want, got models.Forecast
			for row := range of.Rows {
				if err := without.Predict(of, row, &want); err != nil {
					t.Fatal(err)
				}
				if err := with.Predict(ofLong, row, &got); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Risks[:3], want.Risks) {
					t.Fatalf("row %d: got %v with a week, want %v as without", row, got.Risks, want.Risks)
				}
				if week := 1 - math.Pow(1-got.Risks[2].Probability, 7); math.Abs(got.Risks[3].Probability-week) > 1e-9 {
					t.Errorf("row %d: got %v within a week, want %v from %v a day", row, got.Risks[3].Probability, week, got.Risks[2].Probability)
				}
			}
		})
	}
}

// TestALongHorizonIsLearntWhereItCan: of ten weeks a week can be left out, and
// is then learnt rather than drawn out from the day.
func TestALongHorizonIsLearntWhereItCan(t *testing.T) {
	p, target := clustered(60, 70*24, 6)
	target.Horizons = []time.Duration{day, 7 * day}
	today, apart, n := 0.0, 0.0, 0.0
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 12 * time.Hour, Models: []models.Model{models.TimeSince{}}, Seed: 1,
		Export: func(row models.EventRow) error {
			switch {
			case row.Model != "time-since-last":
			case row.Horizon == day:
				today = row.Probability
			default:
				apart, n = apart+math.Abs(row.Probability-(1-math.Pow(1-today, 7))), n+1
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if apart/n < 0.01 {
		t.Errorf("risks within a week are %.4f from those that are drawn out from the day", apart/n)
	}
	since, _ := report.Score("time-since-last")
	for h, s := range since.Horizons {
		if s.Skill <= 0 {
			t.Errorf("horizon %s: skill %.3f, want better than the base rate", target.Horizons[h], s.Skill)
		}
	}
}

// TestAHorizonThatAllEventsFallWithinIsNoObstacle: where an event always comes
// within a week, a day can be learnt all the same.
func TestAHorizonThatAllEventsFallWithinIsNoObstacle(t *testing.T) {
	k := knownHazard(1, 4000, 0.001)
	for row := range k.frame.Rows {
		k.frame.Labels[2*row+1] = 1
	}
	for _, m := range []models.Model{models.TimeSince{}, models.Logistic{}, models.Hazard{}} {
		var out models.Forecast
		if err := fitOn(t, m, k.frame).Predict(k.frame, 5, &out); err != nil {
			t.Fatal(err)
		}
		if out.Risks[1].Probability < out.Risks[0].Probability {
			t.Errorf("%s: risks fall: %v", m.Name(), out.Risks)
		}
	}
}

// TestSharesAreFair is the property of what is left of too many rows: all of the
// room is used, nobody has more than there is, and who has less than another has
// all there is.
func TestSharesAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SliceOfN(rapid.IntRange(0, 1000), 1, 6).Draw(t, "wanted")
		sum := 0
		for _, n := range wanted {
			sum += n
		}
		total := rapid.IntRange(0, sum).Draw(t, "total")
		got := slices.Clone(wanted)
		models.ShareOut(got, total)
		given := 0
		for i, n := range got {
			given += n
			if n > wanted[i] || n < 0 {
				t.Fatalf("%d of %d wanted", n, wanted[i])
			}
			if n < wanted[i] && n+1 < slices.Max(got) {
				t.Fatalf("%v of %v: one is cut short for another", got, wanted)
			}
		}
		if given != total {
			t.Fatalf("%v sum to %d, want %d", got, given, total)
		}
	})
}
