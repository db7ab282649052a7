package models_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// ExampleBacktestLevel backtests the level models on a daily pattern: the
// season is known, so seasonal naive forecasts without error.
func ExampleBacktestLevel() {
	load := make([]float64, 24*30)
	for i := range load {
		load[i] = float64(10 + i%24)
	}
	panel := &features.Panel{
		Start: time.Unix(1_700_000_000, 0), Interval: time.Hour, Len: len(load),
		Subjects: []collector.Subject{{Kind: "service", Name: "chat"}},
		Signals:  []string{"Load"}, Values: [][]float64{load},
	}
	target := &features.Target{Name: "Load", Level: "load", Interval: time.Hour, Horizons: []time.Duration{24 * time.Hour}}

	report, err := models.BacktestLevel(context.Background(), panel, target, models.LevelProtocol{
		Steps: 24, Windows: 5,
		Models: []models.Model{models.Naive{}, models.SeasonalNaive{}, models.WindowQuantile{N: 32}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("best: %s, naive wins: %t\n", report.Best().Model, report.NaiveWins())
	if err := report.Print(os.Stderr); err != nil {
		fmt.Println(err)
	}
	// Output:
	// best: seasonal-naive, naive wins: false
}
