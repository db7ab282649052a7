package forecaster_test

import (
	"strings"
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

func TestStepLeavesOptionalTargetsWithoutSamplesAlone(t *testing.T) {
	w := newWorld(t, func(o *forecaster.Options) { o.Optional = true }, latency())
	if err := w.Step(t.Context(), noon); err != nil {
		t.Errorf("got %v", err)
	}
	if status := w.Status(); status.Degraded {
		t.Errorf("got %+v, want it well", status)
	}
}

// A built-in target that has begun to be seen needs some history before anything
// can be said of it: that is no trouble, and nothing to train on yet.
func TestStepLetsOptionalTargetsGatherHistory(t *testing.T) {
	for name, test := range map[string]struct{ optional, degraded bool }{
		"of a built-in pack":      {true, false},
		"of a file that is named": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *forecaster.Options) { o.Optional = test.optional }, down())
			w.write(t, "NodeDown", "node", 2, noon.Add(-15*time.Minute), noon, 5*time.Minute, failing)
			if err := w.Step(t.Context(), noon); (err != nil) != test.degraded {
				t.Errorf("got %v", err)
			}
			status := w.Status()
			if status.Degraded != test.degraded || !strings.Contains(status.Targets[0].Problem, "waiting for history") {
				t.Errorf("got %+v", status)
			}
		})
	}
}
