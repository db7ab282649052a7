package api

import (
	"embed"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// embedded holds ui/unbuilt.html and, once `make ui` has run, ui/dist.
//
//go:embed all:ui
var embedded embed.FS

// forever is for files whose name changes with their content.
const forever = "public, max-age=31536000, immutable"

// policy lets the page load and ask nothing but this server. Mantine writes
// styles inline.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"

// loadPages reads the built page into memory, or the one that says how to build
// it.
func loadPages(built fs.FS, prefix string) (map[string]*answer, error) {
	if built == nil {
		sub, err := fs.Sub(embedded, "ui/dist")
		if err != nil {
			return nil, fmt.Errorf("web page: %w", err)
		}
		built = sub
	}
	pages := map[string]*answer{}
	err := fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "." {
			return fs.SkipAll // not built
		}
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		pages[name] = newPage(name, body, prefix)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web page: %w", err)
	}
	if pages["index.html"] == nil {
		body, err := embedded.ReadFile("ui/unbuilt.html")
		if err != nil {
			return nil, fmt.Errorf("web page: %w", err)
		}
		pages["index.html"] = newPage("index.html", body, prefix)
	}
	return pages, nil
}

func newPage(name string, body []byte, prefix string) *answer {
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	cache := "no-cache"
	switch {
	case name == "index.html": // its links are relative, and it is served at every depth
		root := `<head><base href="` + html.EscapeString(prefix) + `/">`
		body = []byte(strings.Replace(string(body), "<head>", root, 1))
	case strings.HasPrefix(name, "assets/"):
		cache = forever
	}
	return newAnswer(body, kind, cache)
}

// reserved are the paths that are never the page's.
var reserved = []string{"/api", "/-", "/metrics", "/debug", "/prometheus", "/healthz", "/readyz", "/assets"}

// page serves a file of the page, and the page itself for every path that its
// own router may know.
func (s *Server) page(c echo.Context) error {
	name := c.Request().URL.Path
	file, ok := s.pages[strings.TrimPrefix(name, "/")]
	if !ok {
		for _, p := range reserved {
			if name == p || strings.HasPrefix(name, p+"/") {
				return echo.ErrNotFound
			}
		}
		if path.Ext(name) != "" && !strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
			return problemf(http.StatusNotFound, "the page has no file %s", name)
		}
		file = s.pages["index.html"]
	}
	header := c.Response().Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Frame-Options", "DENY")
	return file.send(c)
}
