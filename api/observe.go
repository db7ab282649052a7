package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
)

// call is what is known of one request beside what HTTP says.
type call struct {
	id     string
	caller caller
}

type callKey struct{}

// callOf returns the call of a handler's context.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// streams says which routes run for as long as the client listens.
func streams(path string) bool {
	return path == base+"/events" || path == "/debug/pprof/*"
}

// observe gives every request an id and a deadline, recovers from panics,
// counts, times and logs. Changes are logged at info, reads at debug, our own
// faults as errors.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r, header := c.Request(), c.Response().Header()
		this := &call{id: requestID(r.Header.Get(echo.HeaderXRequestID))}
		header.Set(echo.HeaderXRequestID, this.id)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")

		ctx := context.WithValue(r.Context(), callKey{}, this)
		if !streams(c.Path()) {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, s.o.Timeout)
			defer cancel()
		}
		c.SetRequest(r.WithContext(ctx))

		err := recovered(next, c)
		if err != nil {
			c.Error(err)
		}
		elapsed := time.Since(start)
		s.metrics.observe(c, elapsed)
		s.log(c, this, elapsed, err)
		return nil
	}
}

// recovered turns a panic into an error with its stack.
func recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // net/http's own way to cut a connection
			}
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return next(c)
}

func (s *Server) log(c echo.Context, this *call, elapsed time.Duration, err error) {
	r, status := c.Request(), c.Response().Status
	level := slog.LevelDebug
	switch {
	case status >= 500 && !errors.Is(r.Context().Err(), context.Canceled):
		level = slog.LevelError
	case changes(r.Method) && !isPrometheus(r.URL.Path): // where a long query may come as a form
		level = slog.LevelInfo
	}
	if !s.o.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("action", r.Method+" "+r.URL.Path), slog.Int("status", status),
		slog.Duration("took", elapsed), slog.String("client", c.RealIP()), slog.String("request_id", this.id)}
	if this.caller.name != "" {
		attrs = append(attrs, slog.String("actor", this.caller.name))
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	s.o.Logger.LogAttrs(r.Context(), level, "served", attrs...)
}

// requestID keeps the client's id where it is short and plain, else makes one.
func requestID(given string) string {
	ok := given != "" && len(given) <= 64
	for i := 0; ok && i < len(given); i++ {
		b := given[i]
		ok = b == '-' || b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
	}
	if ok {
		return given
	}
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return hex.EncodeToString(raw[:])
}

// changes says whether a method changes anything.
func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}
