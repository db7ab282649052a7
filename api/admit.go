package api

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// caller is who makes a request and what they may do.
type caller struct {
	name string
	role Role
}

// gate holds the tokens. They are read again when their file changes; a file
// that cannot be read leaves the old ones in force.
type gate struct {
	path    string
	log     *slog.Logger
	sites   *http.CrossOriginProtection
	outside string // host of the external URL

	mu      sync.Mutex
	tokens  Tokens
	stamp   stamp
	checked time.Time
}

// stamp tells one version of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

// recheck is how often, at most, the tokens file is looked at.
const recheck = 5 * time.Second

func newGate(o Options) (*gate, error) {
	g := &gate{path: o.TokensFile, log: o.Logger, sites: http.NewCrossOriginProtection()}
	if o.ExternalURL != "" {
		u, err := url.Parse(o.ExternalURL)
		if err != nil {
			return nil, fmt.Errorf("web.external-url: %w", err)
		}
		g.outside = u.Host
		if err := g.sites.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("web.external-url: %w", err)
		}
	}
	return g, g.reload()
}

// reload reads the tokens file again.
func (g *gate) reload() error {
	if g.path == "" {
		return nil
	}
	info, err := os.Stat(g.path)
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	tokens, err := readTokensFile(g.path)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens, g.stamp = tokens, stampOf(info)
	return nil
}

func readTokensFile(path string) (tokens Tokens, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	tokens, err = ReadTokens(f)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tokens, nil
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.ModTime(), info.Size()} }

// current returns the tokens in force, after a look at the file now and then.
func (g *gate) current(now time.Time) Tokens {
	g.mu.Lock()
	tokens, old := g.tokens, g.stamp
	due := now.Sub(g.checked) >= recheck
	if due {
		g.checked = now
	}
	g.mu.Unlock()
	if !due {
		return tokens
	}
	info, err := os.Stat(g.path)
	if err == nil && stampOf(info) == old {
		return tokens
	}
	if err == nil {
		err = g.reload()
	}
	if err != nil {
		g.log.Warn("keeping the old tokens", "err", err)
		return tokens
	}
	g.log.Info("read the tokens file again")
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tokens
}

// admit lets a request of the contract in, or not: changes for writing methods,
// reads for the others.
func (s *Server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		need := RoleView
		if changes(c.Request().Method) {
			need = RoleEdit
		}
		if c.Path() == base+"/openapi.yaml" {
			return next(c)
		}
		if err := s.allow(c, need); err != nil {
			return err
		}
		return next(c)
	}
}

// require admits to a route that is not in the contract.
func (s *Server) require(need Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := s.allow(c, need); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// allow finds out who calls and whether that is enough.
func (s *Server) allow(c echo.Context, need Role) error {
	r := c.Request()
	who := callOf(r.Context())
	if s.gate.path == "" {
		who.caller = s.stranger(r)
	} else {
		secret, ok := bearer(r.Header.Get(echo.HeaderAuthorization))
		if !ok {
			return problemf(http.StatusUnauthorized, "want Authorization: Bearer <token>")
		}
		t, ok := s.gate.current(time.Now()).Find(secret)
		if !ok {
			return problemf(http.StatusUnauthorized, "the token is not known")
		}
		who.caller = caller{t.Name, t.Role}
	}
	if need == RoleEdit && who.caller.role != RoleEdit {
		if s.gate.path == "" {
			return problemf(http.StatusForbidden, "without a tokens file, changes are taken from loopback only; start with a tokens file that names you with role edit")
		}
		return problemf(http.StatusForbidden, "the token of %s may read; changes need role edit", who.caller.name)
	}
	if need == RoleEdit {
		if err := s.gate.sites.Check(r); err != nil {
			return problemf(http.StatusForbidden, "a page of another site may not change anything here")
		}
	}
	return nil
}

// stranger is a caller where there are no tokens: on this machine they may
// change things, from elsewhere they may look.
func (s *Server) stranger(r *http.Request) caller {
	proxied := r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Real-Ip") != ""
	named := isLoopback(r.Host) || s.gate.outside != "" && r.Host == s.gate.outside
	if s.loopback.Load() && isLoopback(r.RemoteAddr) && named && !proxied {
		return caller{"local", RoleEdit}
	}
	return caller{"", RoleView}
}

func bearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}
