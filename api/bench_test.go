package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/api"
)

// BenchmarkForecast asks for one forecast over loopback, beside an echo handler
// that returns the same bytes, and one that is made anew each time.
func BenchmarkForecast(b *testing.B) {
	serve := func(change func(*api.Options)) http.Handler {
		o := options(b)
		o.Registerer, o.RateLimit, o.RateBurst = prometheus.NewRegistry(), 1e9, 1e9
		o.CacheFor = time.Hour
		if change != nil {
			change(&o)
		}
		server, err := api.New(o)
		if err != nil {
			b.Fatal(err)
		}
		return server.Handler()
	}
	served := serve(nil)
	first := httptest.NewRecorder()
	served.ServeHTTP(first, httptest.NewRequest(http.MethodGet, "/api/v1"+chatPath, nil))
	if first.Code != http.StatusOK {
		b.Fatal(first.Body.String())
	}
	bytes := first.Body.Bytes()
	plain := echo.New()
	plain.GET("/api/v1/forecasts/:target/:subject", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/json", bytes)
	})

	// Turn and turn about, so that what else the machine does meets both alike.
	b.Run("served_and_echo", func(b *testing.B) { load(b, "", len(bytes), served, plain) })
	tokens := serve(func(o *api.Options) { o.TokensFile = tokensFile(b) })
	b.Run("served_with_tokens_and_echo", func(b *testing.B) { load(b, viewToken, len(bytes), tokens, plain) })
	anew := serve(func(o *api.Options) { o.CacheFor = -1 })
	b.Run("made_anew_and_echo", func(b *testing.B) { load(b, "", len(bytes), anew, plain) })
}

// load keeps two handlers busy from several clients. It reports the throughput
// of the first as a share of that of the second, and the 99th percentiles.
func load(b *testing.B, token string, size int, handlers ...http.Handler) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var urls []string
	for _, handler := range handlers {
		server := httptest.NewServer(handler)
		defer server.Close()
		urls = append(urls, server.URL+"/api/v1"+chatPath)
	}
	var mu sync.Mutex
	all := make([][]time.Duration, len(urls))
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		took := make([][]time.Duration, len(urls))
		for pb.Next() {
			for i, url := range urls {
				began := time.Now()
				if err := ask(transport, url, token, size); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for i := range all {
			all[i] = append(all[i], took[i]...)
		}
	})
	b.StopTimer()
	var sum [2]time.Duration
	for i, name := range []string{"p99-ms", "echo-p99-ms"} {
		slices.Sort(all[i])
		for _, d := range all[i] {
			sum[i] += d
		}
		if n := len(all[i]); n > 0 {
			b.ReportMetric(float64(all[i][n*99/100].Microseconds())/1000, name)
		}
	}
	b.ReportMetric(float64(sum[1])/float64(sum[0]), "x-echo")
}

func ask(transport *http.Transport, url, token string, size int) error {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || n != int64(size) {
		return fmt.Errorf("got %d, %d bytes, %w", response.StatusCode, n, err)
	}
	return nil
}
