package models_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// known is a frame whose risks are known: the event comes at a constant hazard
// that the row's columns determine.
type known struct {
	frame *features.Frame
	risk  [][]float64 // by row and horizon
}

// knownHazard draws rows whose hazard a step is rate·exp(1.5·x₀ − x₁), x₀
// missing in every tenth row and then worth 1; x₂ says nothing.
func knownHazard(seed uint64, rows int, rate float64) known {
	rng := rand.New(rand.NewPCG(seed, 2))
	target := &features.Target{Name: "NodeNotReady", Event: "up == 0", Subject: collector.SubjectSpec{Kind: "node"},
		Interval: time.Minute, Horizons: []time.Duration{15 * time.Minute, time.Hour}}
	const subjects = 20
	p := &features.Panel{Start: time.Unix(0, 0), Interval: time.Minute, Len: rows/subjects*10 + 100, Signals: []string{"NodeNotReady"}}
	for s := range subjects {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "node", Name: fmt.Sprint(s)})
		p.Values = append(p.Values, make([]float64, p.Len))
	}
	k := known{frame: &features.Frame{Target: target, Panel: p, Columns: []features.Column{
		{Name: "row_remaps_change_6h", Signal: "row_remaps", Text: "change of row remaps in 6 h"},
		{Name: "temperature", Signal: "temperature", Text: "temperature", Unit: "°C"},
		{Name: "noise", Signal: "noise", Text: "noise"},
	}}}
	for i := range rows {
		x := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		hazard := rate * math.Exp(1.5*x[0]-x[1])
		if i%10 == 0 {
			hazard, x[0] = rate*math.Exp(1-x[1]), math.NaN()
		}
		k.frame.Rows = append(k.frame.Rows, features.Row{Subject: i % subjects, Origin: i / subjects * 10})
		k.frame.X = append(k.frame.X, x...)
		wait := rng.ExpFloat64() / hazard
		var risk []float64
		for _, h := range target.Horizons {
			steps := h.Minutes()
			risk = append(risk, -math.Expm1(-hazard*steps))
			label := 0.0
			if wait <= steps {
				label = 1
			}
			k.frame.Labels = append(k.frame.Labels, label)
		}
		k.risk = append(k.risk, risk)
	}
	return k
}

func fitOn(t testing.TB, m models.Model, f *features.Frame) models.Fitted {
	t.Helper()
	fitted, err := m.Fit(context.Background(), f, models.FitOptions{Seed: 3})
	if err != nil {
		t.Fatalf("fit %s: %v", m.Name(), err)
	}
	return fitted
}

// TestLearnedModelsFindAKnownHazard wants risks on rows never seen that are
// calibrated, rank nearly as well as the truth, and lie near it.
func TestLearnedModelsFindAKnownHazard(t *testing.T) {
	train, test := knownHazard(1, 12_000, 0.001), knownHazard(2, 6_000, 0.001)
	for _, m := range []models.Model{models.Logistic{}, models.Hazard{}, models.Forest{Trees: 12}, models.Network{}} {
		t.Run(m.Name(), func(t *testing.T) {
			fitted := fitOn(t, m, train.frame)
			var out models.Forecast
			for h := range test.frame.Target.Horizons {
				var risks, truth, labels []float64
				var distance float64
				for row := range test.frame.Rows {
					if err := fitted.Predict(test.frame, row, &out); err != nil {
						t.Fatal(err)
					}
					risks, truth = append(risks, out.Risks[h].Probability), append(truth, test.risk[row][h])
					labels = append(labels, test.frame.Label(row, h))
					distance += math.Abs(out.Risks[h].Probability-test.risk[row][h]) / float64(len(test.frame.Rows))
				}
				auroc, best := models.AUROC(risks, labels), models.AUROC(truth, labels)
				ece := models.CalibrationError(risks, labels)
				t.Logf("horizon %d: AUROC %.3f of %.3f, calibration error %.4f, distance %.4f", h, auroc, best, ece, distance)
				if auroc < best-0.05 || ece > 0.02 || distance > 0.05 {
					t.Errorf("horizon %d: AUROC %.3f of %.3f, calibration error %.4f, distance from the truth %.4f", h, auroc, best, ece, distance)
				}
			}
		})
	}
}

// clustered makes a panel of events that come in clusters: the hazard is high
// after an event and dies away.
func clustered(subjects, steps int, seed uint64) (*features.Panel, *features.Target) {
	rng := rand.New(rand.NewPCG(seed, 3))
	target := &features.Target{Name: "Fault", Event: "fault > 0", Subject: collector.SubjectSpec{Kind: "node"},
		Interval: time.Hour, Horizons: []time.Duration{24 * time.Hour, 72 * time.Hour}}
	p := &features.Panel{Start: time.Unix(0, 0), Interval: time.Hour, Len: steps, Signals: []string{"Fault"}}
	for s := range subjects {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "node", Name: fmt.Sprint(s)})
		y, last := make([]float64, steps), -1000.0
		for i := 0; i < steps; i++ {
			hazard := 0.001 + 0.02*math.Exp(-(float64(i)-last)/60)
			if rng.Float64() < hazard {
				y[i], last = 1, float64(i)
			}
		}
		p.Values = append(p.Values, y)
	}
	return p, target
}

func TestTimeSinceFindsClusters(t *testing.T) {
	p, target := clustered(200, 3000, 5)
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 12 * time.Hour, Models: []models.Model{models.BaseRate{PerSubject: true}}, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	base, _ := report.Score("base-rate")
	since, _ := report.Score("time-since-last")
	for h, s := range since.Horizons {
		if s.AUROC < 0.62 || s.Skill < 0.01 || s.CalibrationError > 0.03 {
			t.Errorf("time since last at horizon %d: %+v", h, s)
		}
		if b := base.Horizons[h]; b.AUROC != 0.5 || b.Skill != 0 {
			t.Errorf("base rate at horizon %d: %+v", h, b)
		}
	}
	if best := report.Best(); best.Model != "time-since-last" {
		t.Errorf("best: got %s, want time-since-last", best.Model)
	}
}

// TestSubjectRateFindsFrailty wants subjects that fail more often to be told
// apart, and their rates shrunk to the rate of all.
func TestSubjectRateFindsFrailty(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	p, target := clustered(200, 3000, 5)
	for s := range p.Subjects {
		y := p.Series(0, s)
		for i := range y {
			y[i] = 0
			if rng.Float64() < 0.0005*math.Exp(float64(s%4)) {
				y[i] = 1
			}
		}
	}
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 12 * time.Hour, Models: []models.Model{models.BaseRate{PerSubject: true}}, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if best := report.Best(); best.Model != "subject-rate" || best.Horizons[0].AUROC < 0.7 || best.Horizons[0].CalibrationError > 0.03 {
		t.Errorf("best: %s %+v", best.Model, best.Horizons[0])
	}
}

func TestBaseRateIsTheShareOfEvents(t *testing.T) {
	k := knownHazard(1, 4000, 0.001)
	for row := range k.frame.Rows { // one row in eight
		k.frame.Labels[2*row], k.frame.Labels[2*row+1] = 0, 0
		if row%8 == 0 {
			k.frame.Labels[2*row+1] = 1
		}
	}
	fitted := fitOn(t, models.BaseRate{}, k.frame)
	var out models.Forecast
	if err := fitted.Predict(k.frame, 0, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.Risks[1].Probability; math.Abs(got-0.125) > 0.001 {
		t.Errorf("got %v, want 1/8", got)
	}
	if got := out.Risks[0].Probability; got <= 0 || got > 0.001 {
		t.Errorf("never seen: got %v, want a little above 0", got)
	}
}

// TestHorizonsLongerThanHistory wants risks at horizons of which nothing is
// known yet, at the hazard of the longest known one.
func TestHorizonsLongerThanHistory(t *testing.T) {
	k := knownHazard(1, 8000, 0.001)
	k.frame.Target.Horizons[1] = 7 * 24 * time.Hour
	for row := range k.frame.Rows {
		k.frame.Labels[2*row+1] = math.NaN()
	}
	for _, m := range []models.Model{models.BaseRate{}, models.Logistic{}} {
		var out models.Forecast
		if err := fitOn(t, m, k.frame).Predict(k.frame, 5, &out); err != nil {
			t.Fatal(err)
		}
		short, long := out.Risks[0].Probability, out.Risks[1].Probability
		if want := 1 - math.Pow(1-short, 7*24*4); math.Abs(long-want) > 1e-9 {
			t.Errorf("%s: got %v after 7 d, want %v from %v after 15 m", m.Name(), long, want, short)
		}
	}
}

func TestOneClassIsTooFewRows(t *testing.T) {
	k := knownHazard(1, 2000, 0.001)
	clear(k.frame.Labels)
	for _, m := range []models.Model{models.TimeSince{}, models.Logistic{}, models.Hazard{}, models.Forest{}, models.Network{}} {
		_, err := m.Fit(context.Background(), k.frame, models.FitOptions{})
		if !errors.Is(err, models.ErrTooFewRows) || !strings.Contains(err.Error(), "base rate") {
			t.Errorf("%s: got %v, want ErrTooFewRows that names the remedy", m.Name(), err)
		}
	}
}

func TestAnotherSchemaIsRefused(t *testing.T) {
	k := knownHazard(1, 4000, 0.001)
	fitted := fitOn(t, models.Logistic{}, k.frame)
	renamed := *k.frame
	renamed.Columns = append([]features.Column(nil), k.frame.Columns...)
	renamed.Columns[1].Name = "power"
	var out models.Forecast
	if err := fitted.Predict(&renamed, 0, &out); !errors.Is(err, models.ErrSchema) || !strings.Contains(err.Error(), "power") {
		t.Errorf("got %v, want ErrSchema that names the column", err)
	}
}
