package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "driftcast")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	var forecasts []models.Forecast
	for name, risk := range map[string]float64{"gpu-16": 0.08, "gpu-17": 0.62} {
		forecasts = append(forecasts, models.Forecast{
			Target: "NodeNotReady", Subject: collector.Subject{Kind: "node", Name: name}, Model: "hazard",
			Origin: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Interval: time.Minute,
			Risks: []models.Risk{{Horizon: 6 * time.Hour, Probability: risk}},
		})
	}
	if err := s.PutForecasts(ctx, forecasts); err != nil {
		panic(err)
	}
	ranked, _, err := s.Forecasts(ctx, forecaster.ForecastQuery{})
	if err != nil {
		panic(err)
	}
	for _, f := range ranked {
		fmt.Println(f.Subject, f.Target, "within", f.Risks[0].Horizon, f.Risks[0].Probability)
	}
	// Output:
	// node/gpu-17 NodeNotReady within 6h0m0s 0.62
	// node/gpu-16 NodeNotReady within 6h0m0s 0.08
}
