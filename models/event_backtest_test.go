package models_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// eventFrame cuts a labelled frame twice a day.
func eventFrame(t testing.TB, p *features.Panel, target *features.Target) *features.Frame {
	t.Helper()
	f, err := features.Extract(p, target, features.Options{
		Origins: features.Origins(p, 12*time.Hour, time.Time{}, time.Time{}), Labels: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// spy keeps the frames that a backtest fits on.
type spy struct {
	models.BaseRate
	seen *[]*features.Frame
}

func (spy) Name() string { return "spy" }

func (s spy) Fit(ctx context.Context, f *features.Frame, o models.FitOptions) (models.Fitted, error) {
	*s.seen = append(*s.seen, f)
	return s.BaseRate.Fit(ctx, f, o)
}

func TestBacktestShowsNoFuture(t *testing.T) {
	p, target := clustered(10, 1500, 5)
	var seen []*features.Frame
	from := p.Time(900)
	var first []time.Time
	_, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 12 * time.Hour, TestFrom: from, Folds: 3, Models: []models.Model{spy{seen: &seen}},
		Export: func(r models.EventRow) error {
			if r.Origin.Before(from) {
				t.Errorf("tested at %s, before %s", r.Origin, from)
			}
			if len(first) < len(seen) {
				first = append(first, r.Origin)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3 || len(first) != 3 {
		t.Fatalf("fitted %d times, want 3", len(seen))
	}
	for fold, f := range seen {
		if end := p.Time(f.Panel.Len - 1); !end.Before(first[fold]) {
			t.Errorf("fold %d: fitted on data up to %s, tested from %s", fold, end, first[fold])
		}
		for i := range f.Panel.Values {
			if cap(f.Panel.Values[i]) > f.Panel.Len {
				t.Errorf("fold %d: the future can be reached through the panel", fold)
			}
		}
	}
}

func TestBacktestExportsEveryForecast(t *testing.T) {
	p, target := clustered(10, 1500, 5)
	var rows int
	var risks, outcomes []float64
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 12 * time.Hour, Models: []models.Model{}, Export: func(r models.EventRow) error {
			rows++
			if r.Model == "time-since-last" && r.Horizon == target.Horizons[0] {
				risks, outcomes = append(risks, r.Probability), append(outcomes, r.Outcome)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := report.Rows * 2 * 2; rows != want { // models × horizons
		t.Errorf("exported %d rows, want %d", rows, want)
	}
	since, _ := report.Score("time-since-last")
	if got, want := models.Brier(risks, outcomes), since.Horizons[0].Brier; math.Abs(got-want) > 1e-12 {
		t.Errorf("Brier of the export %v, of the report %v", got, want)
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "naive wins") || !strings.Contains(text.String(), "time-since-last") {
		t.Errorf("table without its naive models:\n%s", text.String())
	}
}

// TestAlertsAreCountedByEvent backtests an oracle: events every 200 hours,
// known 24 hours ahead, must all be caught, a day before, at no false alert.
func TestAlertsAreCountedByEvent(t *testing.T) {
	p, target := clustered(4, 2000, 5)
	target.Horizons = target.Horizons[:1]
	for s := range p.Subjects {
		for i := range p.Series(0, s) {
			p.Series(0, s)[i] = 0
			if i%200 == 10*s+30 {
				p.Series(0, s)[i] = 1
			}
		}
	}
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: time.Hour, TestFrom: p.Time(1000), Models: []models.Model{oracle{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := report.Score("oracle")
	a := got.Horizons[0].Alerts
	if report.Events[0] != 20 || a.Recall != 1 || a.Precision < 0.8 || a.Lead != 24*time.Hour {
		t.Errorf("%d events, %+v: want all of 20 caught 24 h ahead", report.Events[0], a)
	}
	base, _ := report.Score("base-rate")
	if b := base.Horizons[0].Alerts; b.Alerts == 0 || b.Precision > 0.4 {
		t.Errorf("base rate by lot: %+v", b)
	}
}

// oracle knows when events come.
type oracle struct{ models.BaseRate }

func (oracle) Name() string { return "oracle" }

func (o oracle) Fit(ctx context.Context, f *features.Frame, fo models.FitOptions) (models.Fitted, error) {
	fitted, err := o.BaseRate.Fit(ctx, f, fo)
	return oracleFitted{fitted}, err
}

type oracleFitted struct{ models.Fitted }

func (m oracleFitted) Predict(f *features.Frame, row int, out *models.Forecast) error {
	err := m.Fitted.Predict(f, row, out)
	for h := range out.Risks {
		out.Risks[h].Probability = 0.01
		if f.Label(row, h) == 1 {
			out.Risks[h].Probability = 0.9
		}
	}
	return err
}

func TestBacktestRefuses(t *testing.T) {
	p, target := clustered(4, 400, 5)
	level := *target
	level.Event, level.Level = "", "latency"
	for name, c := range map[string]struct {
		target *features.Target
		o      models.EventProtocol
		want   string
	}{
		"a test after the end":        {target, models.EventProtocol{TestFrom: p.Time(5000)}, "no origin"},
		"a test from the beginning":   {target, models.EventProtocol{TestFrom: p.Start}, "nothing before the test"},
		"a level without a bound":     {&level, models.EventProtocol{}, "objective"},
		"an export that cannot write": {target, models.EventProtocol{Export: func(models.EventRow) error { return errors.New("disk full") }}, "disk full"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := models.BacktestEvent(context.Background(), p, c.target, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := models.BacktestEvent(ctx, p, target, models.EventProtocol{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// TestBacktestBySubject wants models fitted on other subjects than those that
// they are tested on, over all of time.
func TestBacktestBySubject(t *testing.T) {
	p, target := clustered(10, 1500, 5)
	tested := func(s collector.Subject) bool { return s.Name >= "7" }
	var seen []*features.Frame
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 12 * time.Hour, TestSubjects: tested, Models: []models.Model{spy{seen: &seen}},
		Export: func(r models.EventRow) error {
			if !slices.Contains([]string{"node/7", "node/8", "node/9"}, r.Subject) {
				t.Fatalf("tested on %s", r.Subject)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || len(seen[0].Panel.Subjects) != 7 || seen[0].Panel.Len != p.Len || report.Subjects != 3 {
		t.Fatalf("fitted %d times on %d subjects, tested on %d: want once, 7 and 3", len(seen), len(seen[0].Panel.Subjects), report.Subjects)
	}
	for _, s := range seen[0].Panel.Subjects {
		if tested(s) {
			t.Errorf("fitted on %s", s)
		}
	}
	if !report.From.Equal(p.Start) {
		t.Errorf("tested from %s, want the beginning", report.From)
	}
	_, err = models.BacktestEvent(context.Background(), p, target, models.EventProtocol{TestSubjects: func(collector.Subject) bool { return true }})
	if !errors.Is(err, models.ErrTooFewRows) {
		t.Errorf("all tested: got %v, want ErrTooFewRows", err)
	}
}

// TestThresholdsKeepTheBudget wants thresholds from before the test to raise
// about as many alerts as are allowed, and the table to say so.
func TestThresholdsKeepTheBudget(t *testing.T) {
	p, target := clustered(100, 3000, 5)
	target.Horizons = target.Horizons[:1]
	target.Warn.Budget = features.Budget{Count: 1, Per: day}
	report, err := models.BacktestEvent(context.Background(), p, target, models.EventProtocol{
		Every: 6 * time.Hour, Models: []models.Model{models.Logistic{Recurrence: true}}, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := report.Score("recurrence")
	s := got.Horizons[0]
	if n := float64(s.Kept.Alerts); n < 0.5*s.Allowed || n > 1.7*s.Allowed || s.Kept.Precision < 2*float64(s.Positives)/float64(s.Rows) {
		t.Errorf("%d alerts of %.1f allowed, precision %.3f of a base rate of %.3f", s.Kept.Alerts, s.Allowed, s.Kept.Precision, float64(s.Positives)/float64(s.Rows))
	}
	if base, _ := report.Score("base-rate"); !math.IsNaN(base.Horizons[0].Kept.Threshold) {
		t.Errorf("the base rate has the threshold %v, want none", base.Horizons[0].Kept.Threshold)
	}
}

// TestWhatWasActedUponIsCensored wants no label from the time in which a
// subject was out of sight: it was drained, replaced or in maintenance.
func TestWhatWasActedUponIsCensored(t *testing.T) {
	p, target := clustered(20, 1000, 5)
	for s := range p.Subjects {
		y := p.Series(0, s)
		clear(y)
		for i := 500; i < 600; i++ {
			y[i] = math.NaN()
		}
	}
	f, err := features.Extract(p, target, features.Options{Origins: features.Origins(p, time.Hour, time.Time{}, time.Time{}), Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	steps := []int{24, 72}
	for row, r := range f.Rows {
		for h, n := range steps {
			hidden := max(0, min(r.Origin+n, 599)-max(r.Origin, 499))
			if y := f.Label(row, h); (2*hidden > n) && y == y {
				t.Fatalf("at %d: label %v within %d steps of which %d are hidden", r.Origin, y, n, hidden)
			} else if hidden == 0 && r.Origin+n < p.Len && y != 0 {
				t.Fatalf("at %d: label %v, want 0", r.Origin, y)
			}
		}
	}
}
