package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
)

// webFlags are Prometheus' own web flags.
type webFlags struct {
	listen      string
	configFile  string
	externalURL string
	routePrefix string
	lifecycle   bool
	pprof       bool
}

func (w *webFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&w.listen, "web.listen-address", "127.0.0.1:9595", "address to listen on")
	flags.StringVar(&w.configFile, "web.config.file", "", "TLS and authentication, as Prometheus' exporter-toolkit reads it")
	flags.StringVar(&w.externalURL, "web.external-url", "", "URL under which people reach this server")
	flags.StringVar(&w.routePrefix, "web.route-prefix", "", "prefix of every route (default: the path of --web.external-url)")
	flags.BoolVar(&w.lifecycle, "web.enable-lifecycle", false, "allow POST /-/reload")
	flags.BoolVar(&w.pprof, "web.enable-pprof", false, "serve /debug/pprof")
}

// external is where links in warnings lead to.
func (w *webFlags) external() string {
	if w.externalURL != "" {
		return w.externalURL
	}
	host, port, err := net.SplitHostPort(w.listen)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		return "" // nobody could follow it
	}
	return "http://" + net.JoinHostPort(host, port)
}

func (a *app) serveCommand() *cobra.Command {
	web := webFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Collect, forecast, warn and recommend, until interrupted",
		Long: `Runs the service. Without --config.file it asks http://127.0.0.1:9090 for the built-in target packs, warns nobody,
and proposes nothing. SIGHUP reads targets and policies again.`,
		Example: "  driftcast serve --config.file driftcast.yml --storage.path /var/lib/driftcast",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := a.logger()
			if err != nil {
				return err
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			if err := c.complete(); err != nil {
				return fmt.Errorf("%s: %w", a.configFile, err)
			}
			return a.serve(cmd.Context(), c, web, logger)
		},
	}
	web.add(cmd)
	return cmd
}

func (a *app) serve(ctx context.Context, c config, web webFlags, logger *slog.Logger) error {
	source, err := a.prometheus(c, logger)
	if err != nil {
		return err
	}
	began := time.Now()
	w := world{source: source, now: time.Now, elapsed: func() time.Duration { return time.Since(began) }}
	w.actuators = func(declared actuators.Manifests) (map[string]corrector.Actuator, error) {
		return actuatorsOf(ctx, c, declared, logger)
	}
	if c.Cluster.watched() {
		if w.cluster, err = cluster.Connect(c.Cluster.Connect("driftcast")); err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
	}
	if !c.Cluster.Lease.Enabled {
		return a.lead(ctx, c, w, web, logger)
	}
	return a.stand(ctx, c, w, web, logger)
}

// lead runs the service on the storage, until interrupted.
func (a *app) lead(ctx context.Context, c config, w world, web webFlags, logger *slog.Logger) error {
	w.leads = func() bool { return ctx.Err() == nil }
	s, err := a.wire(ctx, c, w, web, logger)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				if err := s.api.Reload(); err != nil {
					logger.Error("configuration not reloaded, the old one stays", "err", err)
				}
			}
		}
	}()
	return errors.Join(s.run(ctx), s.close())
}

func (a *app) prometheus(c config, logger *slog.Logger) (*collector.Prometheus, error) {
	return collector.NewPrometheus(collector.PrometheusOptions{URL: c.Prometheus.URL, HTTPClient: c.Prometheus.HTTP,
		Timeout: time.Duration(c.Prometheus.Timeout), Concurrency: c.Prometheus.Concurrency, Logger: logger})
}
