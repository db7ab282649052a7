package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// problem is an error that knows how it is told to the client (RFC 9457).
type problem struct {
	status int
	detail string
	errors []gen.ProblemError
	after  time.Duration // Retry-After; 0: none
}

func (p *problem) Error() string {
	if p.detail == "" && len(p.errors) > 0 {
		return p.errors[0].Detail
	}
	return p.detail
}

func problemf(status int, format string, args ...any) *problem {
	return &problem{status: status, detail: fmt.Sprintf(format, args...)}
}

// badParameter says what is wrong with a parameter of the query or the path.
func badParameter(name, format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, detail: "the request has a wrong parameter",
		errors: []gen.ProblemError{{Parameter: &name, Detail: fmt.Sprintf(format, args...)}}}
}

// badField says what is wrong with a field of the body.
func badField(pointer, format string, args ...any) *problem {
	return &problem{status: http.StatusUnprocessableEntity, detail: "the body has a wrong field",
		errors: []gen.ProblemError{{Pointer: &pointer, Detail: fmt.Sprintf(format, args...)}}}
}

// problemOf is the one table from errors to status codes.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	for _, row := range []struct {
		err    error
		status int
	}{
		{forecaster.ErrNotFound, http.StatusNotFound},
		{models.ErrNotFound, http.StatusNotFound},
		{forecaster.ErrConflict, http.StatusConflict},
		{forecaster.ErrQuery, http.StatusBadRequest},
		{ErrInvalid, http.StatusUnprocessableEntity},
		{models.ErrSchema, http.StatusConflict},
	} {
		if errors.Is(err, row.err) {
			return &problem{status: row.status, detail: err.Error()}
		}
	}
	var large *http.MaxBytesError
	var fault *echo.HTTPError
	switch {
	case errors.As(err, &large):
		return problemf(http.StatusRequestEntityTooLarge, "the body is over %d bytes", large.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{status: http.StatusServiceUnavailable, detail: "the answer took too long; ask for less", after: 5 * time.Second}
	case errors.Is(err, echo.ErrNotFound):
		return problemf(http.StatusNotFound, "there is no such route")
	case errors.Is(err, echo.ErrMethodNotAllowed):
		return problemf(http.StatusMethodNotAllowed, "the route does not take this method")
	case errors.As(err, &fault):
		return problemf(fault.Code, "%v", fault.Message)
	}
	return problemf(http.StatusInternalServerError, "something broke; the server's log says what, under this requestId")
}

// renderError answers with a problem. It logs nothing: observe does.
func (s *Server) renderError(err error, c echo.Context) {
	if c.Response().Committed || errors.Is(c.Request().Context().Err(), context.Canceled) {
		return // too late, or nobody is there any more
	}
	if isPrometheus(c.Request().URL.Path) {
		renderProm(err, c)
		return
	}
	p := problemOf(err)
	header := c.Response().Header()
	setHeaders(header, p)
	if c.Request().Method == http.MethodHead {
		_ = c.NoContent(p.status) // the client has gone
		return
	}
	body := gen.Problem{Type: "about:blank", Title: http.StatusText(p.status), Status: p.status,
		Instance: pointer(c.Request().URL.Path), RequestId: header.Get(echo.HeaderXRequestID)}
	if p.detail != "" {
		body.Detail = &p.detail
	}
	if len(p.errors) > 0 {
		body.Errors = &p.errors
	}
	header.Set(echo.HeaderContentType, "application/problem+json")
	_ = c.JSON(p.status, body) // the client has gone
}

func setHeaders(header http.Header, p *problem) {
	header.Set("Cache-Control", "no-store")
	header.Del("ETag")
	if p.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="driftcast"`)
	}
	if p.after > 0 {
		header.Set("Retry-After", strconv.Itoa(int((p.after+time.Second-1)/time.Second)))
	}
}

func pointer[T any](v T) *T { return &v }
