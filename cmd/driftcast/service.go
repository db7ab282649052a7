package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/alerter"
	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/future"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// world is what differs between production and the demo: whom signals are
// asked of, what carries corrections out, and whose clock it is.
type world struct {
	source    collector.Source
	cluster   *cluster.Connection // nil: no cluster is watched
	actuators func(actuators.Manifests) (map[string]corrector.Actuator, error)
	now       func() time.Time
	elapsed   func() time.Duration // monotonic, to see now jump by; nil: a clock that may
	leads     func() bool          // whether this replica may act; nil: there is no other
	tick      time.Duration        // real time between steps; 0: the interval
	simulated bool
	grid      time.Duration                   // of every target; 0: as the target files say
	tune      func(*features.Target)          // changes each target; nil: nothing
	packs     []string                        // built-in ones to take; none: all
	run       func(ctx context.Context) error // what else lives in this world; nil: nothing
}

// service is every room, wired.
type service struct {
	history    *collector.History
	store      *store.Store
	forecaster *forecaster.Forecaster
	corrector  *corrector.Corrector
	alerter    *alerter.Alerter
	api        *api.Server
	watching   *watching // nil: no cluster is watched
	world      world
	logger     *slog.Logger
}

// wire builds the rooms from left to right. It starts nothing.
func (a *app) wire(ctx context.Context, c config, w world, web webFlags, logger *slog.Logger) (*service, error) {
	files, err := loadTargets(c, w.packs...)
	if err != nil {
		return nil, err
	}
	signals := &signalSet{grid: w.grid, tune: w.tune}
	signals.set(files)
	if len(c.TargetFiles) > 0 {
		for _, warning := range unanswered(files, c.Corrections.Policies) {
			logger.Warn("a correction that no policy carries", "component", "main", "err", warning)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	s := &service{world: w, logger: logger}
	if s.history, err = collector.OpenHistory(collector.HistoryOptions{Path: a.path("history"), Retention: time.Duration(c.History.Retention), Logger: logger, Registerer: registry}); err != nil {
		return nil, err
	}
	fail := func(err error) (*service, error) { return nil, errors.Join(err, s.close()) }
	if s.store, err = store.Open(ctx, store.Options{Path: a.path("driftcast.db"), Logger: logger, Now: w.now}); err != nil {
		return fail(err)
	}
	champions, err := models.OpenRegistry(a.path("models"))
	if err != nil {
		return fail(err)
	}
	source := w.source
	if w.cluster != nil {
		if s.watching, err = a.watch(c, w.cluster, s.history, s.store, func(f drift.Finding) { s.api.PublishDrift(f) }, registry, logger); err != nil {
			return fail(err)
		}
		source = collector.Split{Local: s.history, Remote: w.source}
	}
	collect, err := collector.New(collector.Options{Source: source, History: s.history, Signals: signals.get,
		Lookback: time.Duration(c.History.Backfill), Concurrency: c.Prometheus.Concurrency, Logger: logger, Registerer: registry})
	if err != nil {
		return fail(err)
	}
	var peers []alerter.PeerConfig
	for _, e := range c.Alertmanagers {
		peers = append(peers, alerter.PeerConfig{URL: e.URL, HTTPClientConfig: e.HTTP})
	}
	if s.alerter, err = alerter.New(alerter.Options{Peers: peers, Interval: time.Duration(c.Forecast.Interval), ExternalURL: web.external(),
		Now: w.now, Logger: logger, Registerer: registry}); err != nil {
		return fail(err)
	}
	if s.corrector, err = a.corrections(c, s, signals.targets, registry); err != nil {
		return fail(err)
	}
	if s.forecaster, err = forecaster.New(forecaster.Options{Targets: signals.targets(), History: s.history, Ledger: s.store, Registry: champions,
		Collector: collecting{collect, s.watching}, Notifier: s.alerter, Proposer: proposer{s.corrector, evidence{s}}, Acted: acted{s.store},
		Now: w.now, Interval: time.Duration(c.Forecast.Interval), Tick: w.tick, Window: time.Duration(c.Training.Window),
		Schedule: c.Training.schedule(), Shadow: time.Duration(c.Training.Shadow), Optional: len(c.TargetFiles) == 0, Seed: c.Training.Seed, Logger: logger, Registerer: registry, Events: func(e forecaster.Event) { s.api.Publish(e) }}); err != nil {
		return fail(err)
	}
	outlook, err := future.New(future.Options{Store: s.store, History: s.history, Targets: signals.targets, Now: w.now})
	if err != nil {
		return fail(err)
	}
	o := api.Options{
		Forecasts: s.store, Future: outlook, Runs: s.store, Corrections: s.store, Audit: s.store, History: s.history,
		Models: champions, Promoter: champions, Retrainer: s.forecaster, Shifts: s.forecaster, Explainer: s.forecaster,
		Corrector: door{s.corrector}, Decider: s.corrector, Acknowledger: s.corrector, KillSwitch: killSwitch{s.corrector}, Policies: policies{s.corrector},
		Targets: signals.targets, Signals: signals.get, Status: s.forecaster.Status, Ready: s.ready,
		Reload:        func() error { return a.reload(s, signals) },
		ListenAddress: web.listen, WebConfigFile: web.configFile, ExternalURL: web.externalURL, RoutePrefix: web.routePrefix,
		EnableLifecycle: web.lifecycle, EnablePprof: web.pprof, TokensFile: c.API.TokensFile, RateLimit: c.API.RateLimit,
		Version: version, Simulated: w.simulated, Logger: logger, Registerer: registry, Gatherer: registry, Now: w.now,
	}
	if s.watching != nil {
		o.Drift, o.Episodes, o.Changes, o.Baselines = s.watching.detector, s.store, s.store, s.watching
	}
	if s.api, err = api.New(o); err != nil {
		return fail(err)
	}
	return s, nil
}

// corrections makes the corrector, with all that its guards may ask.
func (a *app) corrections(c config, s *service, targets func() []features.Target, registry *prometheus.Registry) (*corrector.Corrector, error) {
	o := corrector.Options{Policies: c.Corrections.Policies, Log: announced{s.store, s}, Trail: s.store, Risks: risks{s.store, s.history, targets}, Drifts: evidence{s},
		Witnesses: witnesses{s, s.store}, Truth: truth{s.history, targets}, Stopped: c.Corrections.Stopped, KillFile: a.path("corrections.stopped"),
		Now: s.world.now, Elapsed: s.world.elapsed, Leads: s.world.leads, Logger: s.logger, Registerer: registry}
	var declared actuators.Manifests
	if s.watching != nil {
		o.Fresh, declared = s.watching.observer.Fresh, manifests{s.watching.declared}
	}
	if k := c.Corrections.KillSwitch; k.Name != "" {
		o.Switches = []corrector.Switch{configMapSwitch{s.world.cluster, k}}
	}
	if s.world.actuators != nil {
		var err error
		if o.Actuators, err = s.world.actuators(declared); err != nil {
			return nil, err
		}
	}
	return corrector.New(o)
}

// run runs every room until ctx ends or one of them fails.
func (s *service) run(ctx context.Context) error {
	listener, err := s.api.Listen(ctx)
	if err != nil {
		return err
	}
	s.logger.Info("listening", "component", "api", "address", "http://"+listener.Addr().String())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.api.Serve(ctx, listener) })
	g.Go(func() error { return s.alerter.Run(ctx) })
	g.Go(func() error { return s.corrector.Run(ctx) })
	g.Go(func() error { return s.forecaster.Run(ctx) })
	if s.watching != nil {
		g.Go(func() error { return s.watching.run(ctx) })
	}
	if s.world.run != nil {
		g.Go(func() error { return s.world.run(ctx) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// close closes what is open, in the order in which it is needed least.
func (s *service) close() error {
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.history != nil {
		errs = append(errs, s.history.Close())
	}
	return errors.Join(errs...)
}

// reload reads the configuration's targets and policies again.
func (a *app) reload(s *service, signals *signalSet) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	files, err := loadTargets(c, s.world.packs...)
	if err != nil {
		return err
	}
	if err := s.corrector.SetPolicies(c.Corrections.Policies); err != nil {
		return fmt.Errorf("corrections: %w", err)
	}
	s.corrector.SetStopped(c.Corrections.Stopped)
	signals.set(files)
	s.forecaster.SetTargets(signals.targets())
	s.logger.Info("configuration reloaded", "targets", len(signals.targets()))
	return nil
}
