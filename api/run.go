package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// drain is how long requests in flight may take when the server stops.
const drain = 10 * time.Second

// Listen opens the listen address; port 0 takes a free one.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.o.ListenAddress)
	if err != nil {
		return nil, fmt.Errorf("web.listen-address: %w", err)
	}
	return l, nil
}

// Run listens and serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	l, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	return s.Serve(ctx, l)
}

// Serve serves on l, which it closes, until ctx ends; then it ends the streams
// and lets requests in flight finish. A server serves once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.loopback.Store(isLoopback(l.Addr().String()))
	if s.gate.path == "" && !s.loopback.Load() {
		s.o.Logger.Warn("no tokens file: whoever reaches the listener may read, nobody may change anything", "address", l.Addr().String())
	}
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      max(60*time.Second, 2*s.o.Timeout), // streams move theirs as they go
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(func() { close(s.stopping) })

	served := make(chan error, 1)
	go func() {
		served <- web.Serve(l, server, &web.FlagConfig{WebConfigFile: &s.o.WebConfigFile}, s.o.Logger)
	}()
	select {
	case err := <-served:
		_ = l.Close() // where the web configuration was refused it is still open
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := server.Shutdown(stop)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop serving: %w", err), server.Close())
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
