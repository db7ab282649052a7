package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
)

// stand waits for the Lease, and leads while it is held. Until then the storage
// stays closed: its lock, not the Lease, is what keeps two from writing at once.
func (a *app) stand(ctx context.Context, c config, w world, web webFlags, logger *slog.Logger) error {
	l := c.Cluster.Lease
	host, err := os.Hostname()
	if err != nil && l.Identity == "" {
		return fmt.Errorf("cluster.lease: %w; set identity", err)
	}
	election, err := cluster.NewElection(cluster.LeadOptions{Connection: w.cluster, Namespace: l.Namespace, Name: l.Name,
		Identity: cmp.Or(l.Identity, host), Logger: logger})
	if err != nil {
		return err
	}
	waiting, err := standBy(ctx, web.listen, election, logger)
	if err != nil {
		return err
	}
	defer func() { waiting() }()
	logger.Info("standing by for the lease", "component", "main", "lease", l.Namespace+"/"+l.Name)
	return election.Lead(ctx, func(lead context.Context) error {
		waiting()
		logger.Info("leading", "component", "main", "lease", l.Namespace+"/"+l.Name)
		err := a.lead(lead, c, w, web, logger)
		for errors.Is(err, collector.ErrHeld) && lead.Err() == nil { // the leader before us has lost the lease and is not done yet
			logger.Info("the storage is still open elsewhere", "component", "main", "err", err)
			select {
			case <-lead.Done():
			case <-time.After(500 * time.Millisecond):
				err = a.lead(lead, c, w, web, logger)
			}
		}
		if ctx.Err() != nil || lead.Err() == nil {
			return err
		}
		logger.Warn("the lease is lost, standing by again", "component", "main", "err", err)
		again, err := standBy(ctx, web.listen, election, logger)
		if err == nil {
			waiting = again
		}
		return err
	})
}

// standBy answers while another replica leads: alive, and not ready. What it
// returns ends it, once.
func standBy(ctx context.Context, address string, election *cluster.Election, logger *slog.Logger) (stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	mux := http.NewServeMux()
	alive := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "standing by") }
	mux.HandleFunc("GET /-/healthy", alive)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, fmt.Sprintf("standing by: %s leads", cmp.Or(election.Leader(), "nobody known yet")), http.StatusServiceUnavailable)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("standing by, but nothing answers", "component", "main", "err", err)
		}
	}()
	return func() {
		_ = server.Close() // nobody is served anything worth waiting for
		<-done
	}, nil
}
