package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// limits is a token bucket per client: an IPv4 address or an IPv6 /64.
type limits struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex
	clients map[netip.Addr]*client
	swept   time.Time
}

type client struct {
	bucket *rate.Limiter
	seen   time.Time
}

// maxClients bounds the memory that strangers can make us use, about 10 MB.
const maxClients = 50_000

func newLimits(perSecond float64, burst int) *limits {
	return &limits{rate: rate.Limit(perSecond), burst: burst, clients: map[netip.Addr]*client{}}
}

// take takes one token of a client; wait is how long until there is one again.
func (l *limits) take(address string, now time.Time) (wait time.Duration, ok bool) {
	if l.rate < 0 {
		return 0, true
	}
	key := clientKey(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute || len(l.clients) >= maxClients {
		l.sweep(now)
	}
	c := l.clients[key]
	if c == nil {
		c = &client{bucket: rate.NewLimiter(l.rate, l.burst)}
		l.clients[key] = c
	}
	c.seen = now
	if c.bucket.AllowN(now, 1) {
		return 0, true
	}
	return max(time.Second, time.Duration(float64(time.Second)/float64(l.rate))), false
}

// sweep forgets clients whose bucket has filled again, and everybody when that
// is not enough.
func (l *limits) sweep(now time.Time) {
	l.swept = now
	full := time.Duration(float64(l.burst) / float64(l.rate) * float64(time.Second))
	for key, c := range l.clients {
		if now.Sub(c.seen) > full {
			delete(l.clients, key)
		}
	}
	if len(l.clients) >= maxClients {
		clear(l.clients)
	}
}

func clientKey(address string) netip.Addr {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{} // all the unreadable ones share a bucket
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		prefix, _ := addr.Prefix(64) // 64 fits in every IPv6 address
		return prefix.Addr()
	}
	return addr
}

// limit refuses clients that ask too fast.
func (s *Server) limit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if wait, ok := s.limits.take(c.RealIP(), time.Now()); !ok {
			return &problem{status: http.StatusTooManyRequests, after: wait, detail: "too many requests from this client"}
		}
		return next(c)
	}
}

// clientIP says who the client is: the peer of the connection, or, behind the
// proxies named, whom their X-Forwarded-For names.
func clientIP(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		p = p.Masked()
		options = append(options, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// isLoopback says whether host:port, or a bare host, is on loopback. Names
// other than localhost are not looked up.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
