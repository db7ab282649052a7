package forecaster_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// One step over a day of a queue's length: without a champion a naive model
// makes the first forecast.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "driftcast")
	must(err)
	defer os.RemoveAll(dir)
	history, err := collector.OpenHistory(collector.HistoryOptions{Path: filepath.Join(dir, "history")})
	must(err)
	defer history.Close()
	ledger, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	must(err)
	defer ledger.Close()
	registry, err := models.OpenRegistry(filepath.Join(dir, "models"))
	must(err)

	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	day := collector.Series{Labels: collector.Labels{{Name: "queue", Value: "train"}}}
	for at := now.Add(-24 * time.Hour); !at.After(now); at = at.Add(5 * time.Minute) {
		day.Times = append(day.Times, at.UnixMilli())
		day.Values = append(day.Values, 20+5*math.Sin(float64(at.Unix())/3600))
	}
	_, err = history.Append(ctx, "QueueLength", []collector.Series{day})
	must(err)

	f, err := forecaster.New(forecaster.Options{
		History: history, Ledger: ledger, Registry: registry,
		Targets: []features.Target{{
			Name: "QueueLength", Subject: collector.SubjectSpec{Kind: "queue", Labels: []string{"queue"}}, Interval: 5 * time.Minute,
			Level: "sum by (queue) (pending_workloads)", Horizons: []time.Duration{time.Hour},
		}},
	})
	must(err)
	must(f.Step(ctx, now))
	got, err := ledger.Forecast(ctx, "QueueLength", "queue/train")
	must(err)
	fmt.Printf("%s by %s: %d steps ahead, %d quantiles\n", got.Subject, got.Model, len(got.Leads), len(got.Path)/len(got.Leads))
	fmt.Println("degraded:", f.Status().Degraded)
	// Output:
	// queue/train by naive: 12 steps ahead, 9 quantiles
	// degraded: false
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
