package cluster

import (
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/client-go/util/flowcontrol"
)

// meter counts requests and reads the server's clock off its answers.
type meter struct {
	now      func() time.Time
	requests atomic.Int64
	skew     atomic.Int64 // ns
}

func (m *meter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		m.requests.Add(1)
		sent := m.now()
		response, err := next.RoundTrip(r)
		if err == nil {
			m.note(response.Header.Get("Date"), sent, m.now())
		}
		return response, err
	})
}

// note compares the server's Date, which is cut to seconds, with the middle of
// the request. An answer that took long says little.
func (m *meter) note(date string, sent, got time.Time) {
	server, err := http.ParseTime(date)
	if err != nil || got.Sub(sent) > time.Second {
		return
	}
	skew := server.Add(time.Second / 2).Sub(sent.Add(got.Sub(sent) / 2))
	if skew.Abs() < 2*time.Second {
		skew = 0
	}
	m.skew.Store(int64(skew))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newLimiter(qps float32, burst int) flowcontrol.RateLimiter {
	return flowcontrol.NewTokenBucketRateLimiter(qps, burst)
}
