package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// answer is a body that can be sent many times: tagged, and compressed when
// first asked for so.
type answer struct {
	body  []byte
	kind  string // Content-Type
	cache string // Cache-Control
	etag  string
	once  sync.Once
	small []byte // gzip of body
}

// worthGzip is the size from which compression pays: more than one packet.
const worthGzip = 1400

func newAnswer(body []byte, kind, cache string) *answer {
	return &answer{body: body, kind: kind, cache: cache, etag: tag(body)}
}

// tag is the ETag of a body. It is weak, because compression changes the bytes.
func tag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

func (a *answer) gzipped() []byte {
	a.once.Do(func() {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is a right one
		_, _ = w.Write(a.body)                          // a buffer takes everything
		_ = w.Close()
		a.small = b.Bytes()
	})
	return a.small
}

// send writes the answer, or 304 where the client has it.
func (a *answer) send(c echo.Context) error {
	header := c.Response().Header()
	header.Set("ETag", a.etag)
	header.Set("Cache-Control", a.cache)
	header.Add("Vary", "Accept-Encoding")
	r := c.Request()
	if matches(r.Header.Get("If-None-Match"), a.etag) {
		return c.NoContent(http.StatusNotModified)
	}
	body := a.body
	if len(body) >= worthGzip && accepts(r.Header.Get("Accept-Encoding"), "gzip") && shrinks(a.kind) {
		body = a.gzipped()
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Type", a.kind)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	c.Response().WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := c.Response().Write(body); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// matches says whether a list of ETags, or *, holds one; weakness is of no
// account.
func matches(list, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == "*" || one == etag {
			return true
		}
	}
	return false
}

// accepts says whether a coding is listed and not refused with q=0.
func accepts(list, coding string) bool {
	for one := range strings.SplitSeq(list, ",") {
		name, quality, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q, ok := strings.CutPrefix(strings.TrimSpace(quality), "q=")
			value, err := strconv.ParseFloat(q, 64)
			return !ok || err != nil || value > 0
		}
	}
	return false
}

func shrinks(kind string) bool {
	return strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") || strings.Contains(kind, "javascript") ||
		strings.Contains(kind, "yaml") || strings.Contains(kind, "svg")
}

// answers remembers answers about forecasts until the next Step, or for a short
// while, because another replica may have stepped.
type answers struct {
	keep time.Duration

	mu    sync.Mutex
	era   uint64 // grows with every Step
	size  int    // bytes held
	known map[string]remembered
}

type remembered struct {
	*answer
	until time.Time
}

// maxRemembered bounds what is held, in bytes.
const maxRemembered = 32 << 20

func newAnswers(keep time.Duration) *answers {
	return &answers{keep: keep, known: map[string]remembered{}}
}

func (m *answers) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.era++
	m.size = 0
	clear(m.known)
}

// find returns what is remembered, and the era in which an answer that is made
// now belongs.
func (m *answers) find(key string, now time.Time) (a *answer, era uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.known[key]; ok && now.Before(r.until) {
		return r.answer, m.era
	}
	return nil, m.era
}

// remember keeps an answer, unless a Step has passed since it was begun.
func (m *answers) remember(key string, a *answer, era uint64, now time.Time) {
	if m.keep <= 0 || len(a.body) > maxRemembered/8 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if era != m.era {
		return
	}
	if old, ok := m.known[key]; ok {
		m.size -= len(old.body)
	} else if m.size+len(a.body) > maxRemembered {
		clear(m.known)
		m.size = 0
	}
	m.size += len(a.body)
	m.known[key] = remembered{a, now.Add(m.keep)}
}

// answer buffers what a GET answers, so that it can be tagged, compressed and,
// about forecasts, remembered: what is remembered has been found to conform. An
// answer that breaks half way is thus an error and never half an answer.
func (s *Server) answer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Path()
		if c.Request().Method != http.MethodGet || streams(path) {
			return next(c)
		}
		repeatable := strings.HasPrefix(path, base+"/forecasts")
		key := c.Request().URL.RequestURI()
		var era uint64
		if repeatable {
			var known *answer
			if known, era = s.answers.find(key, time.Now()); known != nil {
				s.metrics.repeated.Inc()
				return known.send(c)
			}
		}
		body, err := record(next, c)
		if err != nil {
			return err
		}
		a := newAnswer(body, c.Response().Header().Get("Content-Type"), "no-cache")
		if repeatable {
			s.answers.remember(key, a, era, time.Now())
		}
		return a.send(c)
	}
}

// record runs a handler and returns the body it writes; nothing is sent.
func record(next echo.HandlerFunc, c echo.Context) ([]byte, error) {
	response := c.Response()
	under, buffer := response.Writer, &recorder{header: response.Header()}
	defer func() { // also after a panic, or its report would be recorded too
		response.Writer, response.Committed, response.Size = under, false, 0
	}()
	response.Writer = buffer
	if err := next(c); err != nil {
		return nil, err
	}
	if response.Status != http.StatusOK {
		return nil, fmt.Errorf("answer: unexpected status %d", response.Status)
	}
	return buffer.body.Bytes(), nil
}

// recorder is a ResponseWriter into memory.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *recorder) WriteHeader(int)             {}
