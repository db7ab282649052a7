package models_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// rows runs a backtest and returns what it exported, without the actuals.
func rows(t *testing.T, p *features.Panel, target *features.Target, o models.LevelProtocol) []models.LevelRow {
	t.Helper()
	var all []models.LevelRow
	o.Export = func(r models.LevelRow) error {
		r.Actual = 0
		all = append(all, r)
		return nil
	}
	if _, err := models.BacktestLevel(context.Background(), p, target, o); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBacktestSeesNothingOfTheFuture changes everything from a window's first
// step on: neither that window's forecasts nor those before it move.
func TestBacktestSeesNothingOfTheFuture(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	o := models.LevelProtocol{Steps: 15, Windows: 4, Seed: 3}
	p := modeltest.Panel(target, 3, 400, 2)
	want := rows(t, p, target, o)
	for w := range o.Windows {
		origin := p.Len - 1 - o.Steps*(o.Windows-w)
		changed := modeltest.Panel(target, 3, 400, 2)
		for _, v := range changed.Values {
			for i := origin + 1; i < len(v); i++ {
				v[i] = 100 - 7*v[i]
			}
		}
		got := rows(t, changed, target, o)
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		moved := 0
		for i := range want {
			if got[i].Value == want[i].Value {
				continue
			}
			if moved++; !want[i].Origin.After(p.Time(origin)) {
				t.Fatalf("window %d: %+v became %g", w, want[i], got[i].Value)
			}
		}
		if w < o.Windows-1 && moved == 0 {
			t.Errorf("window %d: nothing after it moved: the test tests nothing", w)
		}
	}
}

func TestBacktestWindowsEndAtTheLastRow(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	p := modeltest.Panel(target, 1, 300, 2)
	seen := map[int64]map[int]bool{}
	for _, r := range rows(t, p, target, models.LevelProtocol{Steps: 10, Windows: 3, Models: []models.Model{models.Naive{}}}) {
		if seen[r.Origin.Unix()] == nil {
			seen[r.Origin.Unix()] = map[int]bool{}
		}
		seen[r.Origin.Unix()][r.Step] = true
	}
	steps := map[int]bool{}
	for i := 1; i <= 10; i++ {
		steps[i] = true
	}
	want := map[int64]map[int]bool{p.Time(269).Unix(): steps, p.Time(279).Unix(): steps, p.Time(289).Unix(): steps}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("windows (-want +got):\n%s", diff)
	}
}

func TestBacktestReport(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	p := modeltest.Panel(target, 3, 600, 2)
	done := 0
	report, err := models.BacktestLevel(context.Background(), p, target, models.LevelProtocol{Steps: 30, Windows: 5,
		Progress: func(d, total int) {
			if d != done+1 || d > total {
				t.Errorf("progress went from %d to %d of %d", done, d, total)
			}
			done = d
		}})
	if err != nil {
		t.Fatal(err)
	}
	naive, _ := report.Score("naive")
	seasonal, _ := report.Score("seasonal-naive")
	if naive.ToNaive != 1 || seasonal.ToSeasonal != 1 || seasonal.ToNaive != seasonal.Loss/naive.Loss {
		t.Errorf("ratios are off: %+v, %+v", naive, seasonal)
	}
	if report.NaiveWins() || naive.Loss < seasonal.Loss {
		t.Errorf("naive (%g) beats seasonal naive (%g) on a season", naive.Loss, seasonal.Loss)
	}
	if len(naive.Losses) != 5 || naive.Actuals != 3*5*30 {
		t.Errorf("got %d origins and %d actuals, want 5 and 450", len(naive.Losses), naive.Actuals)
	}
	flatPanel := modeltest.Panel(target, 1, 600, 2)
	for i := range flatPanel.Values[0] {
		flatPanel.Values[0][i] = 4
	}
	report, err = models.BacktestLevel(context.Background(), flatPanel, target, models.LevelProtocol{Steps: 30, Windows: 5})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := report.Print(&table); err != nil {
		t.Fatal(err)
	}
	if !report.NaiveWins() || !strings.Contains(table.String(), "naive wins") {
		t.Errorf("on a constant, naive should be marked as the winner:\n%s", table.String())
	}
	if got, _ := report.Score("naive"); !math.IsNaN(got.MASE) || got.Loss != 0 || got.Coverage != 1 {
		t.Errorf("on a constant: %+v, want no MASE, no loss and full coverage", got)
	}
}

func TestBacktestRefusesWhatItCannotDo(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	p := modeltest.Panel(target, 1, 50, 2)
	if _, err := models.BacktestLevel(context.Background(), p, target, models.LevelProtocol{Steps: 24, Windows: 2}); !errors.Is(err, models.ErrTooFewRows) {
		t.Errorf("too short: got %v, want ErrTooFewRows", err)
	}
	if _, err := models.BacktestLevel(context.Background(), p, target, models.LevelProtocol{}); err == nil {
		t.Error("no error for no steps and no windows")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := models.BacktestLevel(ctx, p, target, models.LevelProtocol{Steps: 5, Windows: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: got %v, want context.Canceled", err)
	}
	full := errors.New("disk full")
	_, err := models.BacktestLevel(context.Background(), p, target, models.LevelProtocol{Steps: 5, Windows: 2,
		Export: func(models.LevelRow) error { return full }})
	if !errors.Is(err, full) {
		t.Errorf("export that fails: got %v, want %v", err, full)
	}
}

// TestBacktestOfAShortHistory: a horizon longer than what there is to learn from
// is forecast, and widely, from the shorter ones. A model that needs more to
// learn from says so; naive, the window and the blend need no more.
func TestBacktestOfAShortHistory(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Horizons = []time.Duration{15 * time.Minute, 24 * time.Hour}
	report, err := models.RollingLevel(context.Background(), modeltest.Panel(target, 2, 60, 4), target, models.RollingProtocol{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range report.Models {
		if errors.Is(m.Err, models.ErrTooFewRows) && m.Model != "blend" && m.Model != "naive" && m.Model != "window-quantile" {
			continue
		}
		if m.Err != nil || m.Actuals == 0 || math.IsNaN(m.Loss) {
			t.Errorf("%s: %d actuals, loss %g, %v", m.Model, m.Actuals, m.Loss, m.Err)
		}
	}
}

func TestRollingLevel(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	p := modeltest.Panel(target, 2, 900, 4)
	report, err := models.RollingLevel(context.Background(), p, target, models.RollingProtocol{Every: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if first := p.Time(599); report.From.Before(first) || report.Origins < 25 || report.Origins > 31 {
		t.Errorf("got %d origins from %s, want about 30 over the last third", report.Origins, report.From)
	}
	if len(report.Models) < 3 || report.Best().Actuals == 0 {
		t.Errorf("report is empty: %+v", report)
	}
}

func TestExportFormat(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	var plain, zipped bytes.Buffer
	for _, e := range []*models.Export{models.NewExport(&plain, false), models.NewExport(&zipped, true)} {
		for _, r := range []models.LevelRow{
			{"Latency", "service/a", at, 1, "naive", 0.1, 1.5, 2},
			{"Latency", `service/"odd", name`, at, 2, "naive", 0, 1e-7, math.NaN()},
		} {
			if err := e.Level(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	want := "target,subject,origin,step,model,quantile,value,actual\n" +
		"Latency,service/a,1700000000,1,naive,0.1,1.5,2\n" +
		"Latency,\"service/\"\"odd\"\", name\",1700000000,2,naive,mean,1e-07,\n"
	if got := plain.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	zip, err := gzip.NewReader(&zipped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(zip); err != nil || string(got) != want {
		t.Errorf("unzipped: got\n%s%v", got, err)
	}
	var events bytes.Buffer
	e := models.NewExport(&events, false)
	if err := e.Event(models.EventRow{Target: "T", Subject: "node/a", Origin: at, Horizon: time.Hour, Model: "m", Probability: 0.25, Outcome: 1}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	want = "target,subject,origin,horizon_seconds,model,probability,outcome\nT,node/a,1700000000,3600,m,0.25,1\n"
	if got := events.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
