package api

import (
	_ "embed" // for openapi.yaml
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/driftcast/driftcast/api/gen"
)

const base = "/api/v1"

//go:embed openapi.yaml
var contractText []byte

// Server serves the API and the page. It is safe for concurrent use.
type Server struct {
	o         Options
	echo      *echo.Echo
	handler   http.Handler
	contract  *contract
	metrics   *metrics
	limits    *limits
	gate      *gate
	answers   *answers
	events    *events
	pages     map[string]*answer // the page's files by path
	started   time.Time
	streaming atomic.Int64  // open event streams
	loopback  atomic.Bool   // the listener is on loopback
	stopping  chan struct{} // closed when shutdown begins, so that streams end
}

// New makes a server; it listens to nothing until Serve or Run.
func New(o Options) (*Server, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Server{o: o, started: o.Now(), stopping: make(chan struct{})}
	s.loopback.Store(isLoopback(o.ListenAddress))
	var err error
	if s.gate, err = newGate(o); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	if s.events, err = newEvents(); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(o.UI, o.RoutePrefix); err != nil {
		return nil, err
	}
	s.limits = newLimits(o.RateLimit, o.RateBurst)
	s.answers = newAnswers(o.CacheFor)
	if err := s.route(); err != nil {
		return nil, err
	}
	if s.contract, err = readContract(s.echo); err != nil {
		return nil, err
	}
	return s, nil
}

// Handler returns the handler of everything, the route prefix included.
func (s *Server) Handler() http.Handler { return s.handler }

// route makes every route. The contract's come from the generated code, so that
// none can be forgotten.
func (s *Server) route() error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.renderError
	e.IPExtractor = clientIP(s.o.TrustedProxies)
	e.Pre(joinSubject)
	e.Use(s.observe, contracted(s.limit, s.admit, s.answer, s.conform))
	s.echo = e

	gen.RegisterHandlersWithBaseURL(e, gen.NewStrictHandler(s, nil), base)
	s.routeService(e)
	s.routePrometheus(e)
	e.GET("/*", s.page)
	e.HEAD("/*", s.page)

	s.handler = e
	if p := s.o.RoutePrefix; p != "" {
		outer := http.NewServeMux()
		outer.Handle(p+"/", http.StripPrefix(p, e))
		outer.Handle("/{$}", http.RedirectHandler(p+"/", http.StatusFound))
		s.handler = outer
	}
	return nil
}

// contracted runs middleware on the routes of the contract alone. A group of
// echo would also run it where nothing is found, and hide which methods a route
// takes.
func contracted(guards ...echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		guarded := next
		for _, g := range slices.Backward(guards) {
			guarded = g(guarded)
		}
		return func(c echo.Context) error {
			if strings.HasPrefix(c.Path(), base+"/") {
				return guarded(c)
			}
			return next(c)
		}
	}
}

// joinSubject lets a subject be written with its slashes in the path of a
// forecast or an explanation: .../forecasts/T/node/gpu-17 is .../forecasts/T/node%2Fgpu-17. Some
// proxies unescape the latter into the former.
func joinSubject(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		path := u.EscapedPath()
		for _, of := range []string{base + "/forecasts/", base + "/explanations/"} {
			if rest, ok := strings.CutPrefix(path, of); ok {
				if target, subject, _ := strings.Cut(rest, "/"); strings.Contains(subject, "/") {
					u.RawPath = of + target + "/" + strings.ReplaceAll(subject, "/", "%2F")
				}
			}
		}
		return next(c)
	}
}

// location is where a resource of the contract is found, for Location headers.
func (s *Server) location(format string, args ...any) string {
	path := s.o.RoutePrefix + base + fmt.Sprintf(format, args...)
	if s.o.ExternalURL == "" {
		return path
	}
	scheme, rest, _ := strings.Cut(s.o.ExternalURL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + path
}
