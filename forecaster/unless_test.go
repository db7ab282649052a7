package forecaster_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
)

// Two targets of one thing from two sources: only one of them may warn.
func TestATargetThatAnotherTellsIsLeftOut(t *testing.T) {
	for name, test := range map[string]struct {
		unless string
		want   int
	}{
		"the other has samples": {"Latency", 0},
		"the other has none":    {"LatencyElsewhere", 1},
		"there is no other":     {"", 1},
	} {
		t.Run(name, func(t *testing.T) {
			twin := latency()
			twin.Name, twin.Unless = "LatencySeen", test.unless
			w := newWorld(t, nil, []features.Target{latency(), twin}...)
			from := noon.Add(-24 * time.Hour)
			w.write(t, "Latency", "service", 1, from, noon, 5*time.Minute, daily)
			w.write(t, "LatencySeen", "service", 1, from, noon, 5*time.Minute, daily)
			step(t, w, noon)
			got, _, err := w.ledger.Forecasts(t.Context(), forecaster.ForecastQuery{Target: "LatencySeen"})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != test.want {
				t.Errorf("got %d forecasts of the twin, want %d", len(got), test.want)
			}
		})
	}
}
