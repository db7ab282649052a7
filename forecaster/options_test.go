package forecaster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
)

func TestNewSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t, nil)
	for name, c := range map[string]struct {
		edit func(*forecaster.Options)
		want string
	}{
		"no history":        {func(o *forecaster.Options) { o.History = nil }, "no history"},
		"no ledger":         {func(o *forecaster.Options) { o.Ledger = nil }, "no ledger"},
		"no registry":       {func(o *forecaster.Options) { o.Registry = nil }, "no model registry"},
		"a bad schedule":    {func(o *forecaster.Options) { o.Schedule = "at three" }, `write five cron fields such as "0 3 * * *"`},
		"a negative window": {func(o *forecaster.Options) { o.Window = -time.Hour }, "must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			o := forecaster.Options{History: w.history, Ledger: w.ledger, Registry: w.registry}
			c.edit(&o)
			if _, err := forecaster.New(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestExportedSeriesAreBounded(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	w := newWorld(t, func(o *forecaster.Options) { withOracle(o); o.Series, o.Registerer = 5, registry }, latency())
	w.write(t, "Latency", "service", 4, noon, noon, 5*time.Minute, func(int, time.Time) float64 { return 1 })
	step(t, w, noon)
	if n, err := testutil.GatherAndCount(registry, "driftcast_risk_ratio"); err != nil || n != 5 {
		t.Errorf("got %d series, %v; want 5", n, err)
	}
	want := "# HELP driftcast_forecast_series_dropped Forecast series that are not exported because there are too many.\n" +
		"# TYPE driftcast_forecast_series_dropped gauge\ndriftcast_forecast_series_dropped 3\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "driftcast_forecast_series_dropped"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v", problems, err)
	}
}

func TestSetTargetsKeepsWhatIsKnown(t *testing.T) {
	w := newWorld(t, withOracle, latency())
	w.write(t, "Latency", "service", 1, noon, noon, 5*time.Minute, func(int, time.Time) float64 { return 1.8 })
	step(t, w, noon)
	changed := latency()
	changed.Warn.Risk = 0.6
	w.SetTargets([]features.Target{changed, down()})
	step(t, w, noon.Add(5*time.Minute))
	if got := w.Status().Targets; len(got) != 2 || got[0].Warnings != 1 {
		t.Errorf("got %+v, want the warning kept and a second target", got)
	}
	if got := w.told.notified[1]; len(got) != 1 || !got[0].StartsAt.Equal(noon) || got[0].Threshold != 0.6 {
		t.Errorf("got %+v, want the same warning under the new threshold", got)
	}
	w.SetTargets(nil)
	step(t, w, noon.Add(10*time.Minute))
	if got := w.Status(); len(got.Targets) != 0 || got.Degraded {
		t.Errorf("got %+v, want nothing left", got)
	}
}
