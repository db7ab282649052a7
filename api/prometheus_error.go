package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/driftcast/driftcast/collector"
)

// promError gives a QueryError its status, and names the parameter where that is
// at fault.
func promError(parameter string, err error) error {
	var q *collector.QueryError
	if !errors.As(err, &q) {
		return err
	}
	status := map[string]int{"bad_data": http.StatusBadRequest, "execution": http.StatusUnprocessableEntity,
		"timeout": http.StatusServiceUnavailable, "canceled": 499, "internal": http.StatusInternalServerError}[q.Kind]
	if q.Kind == "bad_data" {
		q = &collector.QueryError{Kind: q.Kind, Err: fmt.Errorf("invalid parameter %q: %w", parameter, q.Err)}
	}
	return &promFault{status, q}
}

// promFault is a query that has no answer.
type promFault struct {
	status int
	err    *collector.QueryError
}

// Error implements error.
func (p *promFault) Error() string { return p.err.Error() }

// Unwrap implements errors.Is.
func (p *promFault) Unwrap() error { return p.err }

// renderProm answers with an error as Prometheus does.
func renderProm(err error, c echo.Context) {
	p := problemOf(err)
	kind, text := "internal", p.Error()
	switch status := p.status; {
	case status == http.StatusUnauthorized:
		kind = "unauthorized"
	case status == http.StatusForbidden:
		kind = "forbidden"
	case status == http.StatusNotFound:
		kind = "not_found"
	case status == http.StatusServiceUnavailable:
		kind = "timeout"
	case status < 500:
		kind = "bad_data"
	}
	var fault *promFault
	if errors.As(err, &fault) {
		p.status, kind = fault.status, fault.err.Kind
		if kind != "internal" { // which is for the log
			text = fault.Error()
		}
	}
	setHeaders(c.Response().Header(), p)
	_ = c.JSON(p.status, struct { // the client has gone
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
	}{"error", kind, text})
}
