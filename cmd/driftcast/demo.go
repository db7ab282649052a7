package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/internal/sim"
)

// demoFlags shape the simulated cluster.
type demoFlags struct {
	nodes, gpus int
	days        int
	speed       float64
	seed        uint64
	web         webFlags
}

func (a *app) demoCommand() *cobra.Command {
	f := &demoFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything on a simulated GPU cluster: no Prometheus, no Kubernetes needed",
		Long: `Simulates a GPU cluster: load, power, temperature, throttling, latency by a queue, and faults, some of which
announce themselves. It writes a fortnight of history and then lives on in accelerated time, so that forecasts are seen
coming true or not. The pipeline is the one of "driftcast serve"; only the source and the actuator differ. The simulated
cluster obeys the corrections that you approve.

Events warn from a risk of 0.1 here, so that corrections are proposed soon: approve one with "driftcast corrections approve"
and watch the node's load move away.

Without --storage.path everything is kept in a temporary folder and removed at the end.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log.level") {
				a.logLevel = "warn" // the page is what there is to look at
			}
			logger, err := a.logger()
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("storage.path") {
				dir, err := os.MkdirTemp("", "driftcast-demo-")
				if err != nil {
					return err
				}
				defer func() { _ = os.RemoveAll(dir) }() // a temporary folder that stays behind harms nobody
				a.storagePath = dir
			}
			return a.demo(cmd.Context(), f, logger)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.nodes, "nodes", 24, "simulated nodes")
	flags.IntVar(&f.gpus, "gpus", 8, "GPUs of a node")
	flags.IntVar(&f.days, "days", 14, "days of history written first")
	flags.Float64Var(&f.speed, "speed", 120, "simulated seconds in a second")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the cluster and of every fit")
	f.web.add(cmd)
	return cmd
}

// The simulated cluster is scraped at scrapeInterval, and forecast on the
// coarser demoInterval, so that a fortnight is there within seconds.
const (
	scrapeInterval = 2 * time.Minute
	demoInterval   = 5 * time.Minute
)

// demoPacks are the built-in packs that the simulated cluster has data for.
var demoPacks = []string{"gpu-nodes", "gpu-serving", "queues", "workloads", "prometheus-self"}

func (a *app) demo(ctx context.Context, f *demoFlags, logger *slog.Logger) error {
	c := defaultConfig()
	if a.configFile != "" {
		var err error
		if c, err = a.loadConfig(); err != nil {
			return err
		}
	} else {
		c.Corrections.Policies = demoPolicies()
	}
	c.Forecast.Interval = model.Duration(demoInterval)
	c.History.Backfill = model.Duration(time.Duration(f.days) * 24 * time.Hour)
	c.Training.Seed = f.seed

	probe, err := net.Listen("tcp", f.web.listen) //nolint:noctx // closed at once: better to hear now that the port is taken
	if err != nil {
		return fmt.Errorf("--web.listen-address: %w", err)
	}
	if err := probe.Close(); err != nil {
		return err
	}
	began := time.Now()
	end := began.UTC().Truncate(demoInterval)
	start := end.Add(-time.Duration(f.days) * 24 * time.Hour)
	raw, err := collector.OpenHistory(collector.HistoryOptions{Path: filepath.Join(a.storagePath, "simulated-prometheus"), Logger: logger})
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }() // the simulated server's own store; it goes with the demo
	cluster, err := sim.New(sim.Options{Nodes: f.nodes, GPUsPerNode: f.gpus, Seed: f.seed, Start: start, Interval: scrapeInterval})
	if err != nil {
		return err
	}
	if err := a.simulatePast(ctx, cluster, raw, start, end); err != nil {
		return err
	}
	rest := &rest{began: time.Now()}
	clock := sim.NewClock(end, f.speed, rest.now)
	var s *service
	s, err = a.wire(ctx, c, world{
		source: piecewise{sim.NewPrometheus(cluster, clock, raw), 24 * time.Hour},
		actuators: func(actuators.Manifests) (map[string]corrector.Actuator, error) {
			return simulatedActuators(cluster), nil
		},
		now:       clock.Now,
		tick:      max(time.Second, time.Duration(float64(demoInterval)/f.speed)),
		simulated: true,
		grid:      demoInterval,
		packs:     demoPacks,
		tune:      warnEarly,
		run: func(ctx context.Context) error {
			if !rest.until(ctx, func() bool { return s.ready() == nil }) {
				return nil // the end came first
			}
			fmt.Fprintf(a.err, "  First forecasts after %s; models are trained in the background.\n", time.Since(began).Round(time.Second))
			return cluster.Run(ctx, clock, time.Second, raw)
		},
	}, f.web, logger)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "\n  Simulated cluster: %d nodes × %d GPUs, %d days of history, %g× real time.\n  Open %s  (first forecasts in half a minute, Ctrl-C ends)\n\n",
		f.nodes, f.gpus, f.days, f.speed, f.web.external())
	return errors.Join(s.run(ctx), s.close())
}

// simulatePast lets the cluster live through its history.
func (a *app) simulatePast(ctx context.Context, cluster *sim.Cluster, raw *collector.History, start, end time.Time) error {
	bulks := make([]sim.Bulk, runtime.GOMAXPROCS(0))
	for i := range bulks {
		bulk, err := raw.Bulk()
		if err != nil {
			return err
		}
		defer func() { _ = bulk.Close() }() // after Commit there is nothing left to lose
		bulks[i] = bulk
	}
	hours := int64(end.Sub(start) / time.Hour)
	bar := a.progress("simulate the past", hours, false)
	defer bar.done()
	_, err := cluster.Backfill(ctx, end, func(at time.Time) { bar.set(int64(at.Sub(start)/time.Hour), hours, at.Format("Jan 2")) }, bulks...)
	return err
}

// warnEarly lets events warn from a low risk: faults are rare, honest risks of
// them are low, and a wrong cordon costs little in a simulated cluster.
func warnEarly(t *features.Target) {
	if t.IsEvent() {
		t.Warn = features.Warn{Risk: demoRisk, Budget: features.Budget{Count: 4, Per: 24 * time.Hour}}
	}
}

// demoRisk is the risk from which events warn in the demo.
const demoRisk = 0.1

// demoPolicies propose to cordon nodes; a person approves.
func demoPolicies() []corrector.Policy {
	return []corrector.Policy{
		{Name: "cordon", Actuator: "cordon", Mode: corrector.Approve, MinRisk: demoRisk, CoolDown: model.Duration(6 * time.Hour), Expires: model.Duration(24 * time.Hour),
			VerifyAfter: model.Duration(2 * time.Hour), Budget: corrector.Budget{Concurrent: 3, Percent: 15}},
		{Name: "prefer-no-schedule", Actuator: "taint", Mode: corrector.Approve, MinRisk: demoRisk, CoolDown: model.Duration(6 * time.Hour), Expires: model.Duration(24 * time.Hour),
			VerifyAfter: model.Duration(2 * time.Hour), Budget: corrector.Budget{Concurrent: 4, Percent: 20}},
	}
}

// rest is real time that stands still while the history is collected for the
// first time, so that the simulated cluster does not live on unseen.
type rest struct {
	began time.Time
	over  atomic.Pointer[time.Time]
}

func (r *rest) now() time.Time {
	if over := r.over.Load(); over != nil {
		return r.began.Add(time.Since(*over))
	}
	return r.began
}

// until ends the rest once ready says so; it returns false where ctx ended
// first.
func (r *rest) until(ctx context.Context, ready func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	now := time.Now()
	r.over.Store(&now)
	return true
}
