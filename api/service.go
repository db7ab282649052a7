package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/pprof"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/forecaster"
)

// routeService makes the routes that operators and Prometheus know; they are
// not in the contract.
func (s *Server) routeService(e *echo.Echo) {
	for _, path := range []string{"/-/healthy", "/healthz"} {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, func(c echo.Context) error {
			return c.String(http.StatusOK, "Driftcast is healthy.\n")
		})
	}
	for _, path := range []string{"/-/ready", "/readyz"} {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, s.ready)
	}
	if s.o.EnableLifecycle {
		e.POST("/-/reload", s.reload, s.limit, s.require(RoleEdit))
	}
	if s.o.Gatherer != nil {
		e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.o.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true})), s.require(RoleView))
	}
	if s.o.EnablePprof {
		guard := s.require(RoleEdit)
		e.GET("/debug/pprof/*", echo.WrapHandler(http.HandlerFunc(pprof.Index)), guard)
		e.GET("/debug/pprof/cmdline", echo.WrapHandler(http.HandlerFunc(pprof.Cmdline)), guard)
		e.GET("/debug/pprof/profile", echo.WrapHandler(http.HandlerFunc(pprof.Profile)), guard)
		e.GET("/debug/pprof/symbol", echo.WrapHandler(http.HandlerFunc(pprof.Symbol)), guard)
		e.GET("/debug/pprof/trace", echo.WrapHandler(http.HandlerFunc(pprof.Trace)), guard)
	}
}

func (s *Server) ready(c echo.Context) error {
	if err := s.o.Ready(); err != nil {
		return c.String(http.StatusServiceUnavailable, "Driftcast is not ready: "+err.Error()+"\n")
	}
	return c.String(http.StatusOK, "Driftcast is ready.\n")
}

// reload reads the tokens and whatever Options.Reload reads again.
func (s *Server) reload(c echo.Context) error {
	if err := s.Reload(); err != nil {
		return problemf(http.StatusInternalServerError, "%v", err)
	}
	return c.NoContent(http.StatusOK)
}

// Reload does what POST /-/reload does, for SIGHUP.
func (s *Server) Reload() error {
	if err := s.gate.reload(); err != nil {
		return err
	}
	s.answers.forget()
	return s.o.Reload()
}

// ReadStatus answers with how the service is doing.
func (s *Server) ReadStatus(ctx context.Context, _ gen.ReadStatusRequestObject) (gen.ReadStatusResponseObject, error) {
	now := s.o.Status()
	shown := gen.Status{
		Version: s.o.Version, State: gen.StatusStateOk, Simulated: s.o.Simulated, ClusterWatched: s.o.Drift != nil || s.o.Changes != nil, Started: s.started.UTC(), Now: s.o.Now().UTC(),
		Role: gen.StatusRole(callOf(ctx).caller.role), KillSwitch: s.o.KillSwitch.KillSwitch().Engaged,
		Problems: append([]string{}, now.Problems...), LastStep: moment(now.LastStep), NextRetraining: moment(now.NextRetraining),
		Targets: convert(now.Targets, targetStatus),
	}
	if now.Degraded {
		shown.State = gen.StatusStateDegraded
	}
	if err := s.o.Ready(); err != nil {
		shown.State = gen.StatusStateStarting
		shown.Problems = append(shown.Problems, err.Error())
	}
	return gen.ReadStatus200JSONResponse(shown), nil
}

// ReadOpenAPI answers with the contract.
func (s *Server) ReadOpenAPI(context.Context, gen.ReadOpenAPIRequestObject) (gen.ReadOpenAPIResponseObject, error) {
	return gen.ReadOpenAPI200ApplicationyamlResponse{Body: bytes.NewReader(contractText), ContentLength: int64(len(contractText))}, nil
}

func targetStatus(t forecaster.TargetStatus) gen.TargetStatus {
	return gen.TargetStatus{Target: t.Target, Subjects: t.Subjects, Forecasts: t.Forecasts, Warnings: t.Warnings,
		Suppressed: t.Suppressed, Withheld: t.Withheld, LastStep: moment(t.LastStep), Fresh: moment(t.Fresh), Model: t.Model,
		Shadow: t.Shadow, Threshold: t.Threshold, Because: t.Because,
		Problem: t.Problem, Error: t.Error}
}
