package future_test

import (
	"context"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/future"
	"github.com/driftcast/driftcast/models"
)

// A forecast at two leads, an hour apart, answers for the time between them.
func Example() {
	store := &fakeStore{latest: []models.Forecast{
		level(latency, chat, origin, []int{60, 120}, func(lead int) float64 { return float64(lead) / 100 })}}
	outlook, err := future.New(future.Options{Store: store, Now: func() time.Time { return origin },
		Targets: func() []features.Target { return []features.Target{latency} }})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := outlook.Query(context.Background(), `TTFT:predicted{ml_forecast="yhat"}`, origin.Add(90*time.Minute))
	for _, s := range answer.Series {
		fmt.Printf("%s%s %.2f %v\n", s.Name, s.Labels, s.Values[0], err)
	}
	// Output: TTFT:predicted{ml_forecast="yhat", namespace="ml", service="chat"} 0.90 <nil>
}
