package collector_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// BenchmarkDecode reads one answer of 100 series × 2,000 samples three ways,
// each by us and by client_golang.
//
//	decode  from memory: our decoder; the API client on a transport that has the body ready
//	matrix  from memory: our decoder; its Matrix through encoding/json
//	client  both clients whole, from the same server on loopback, its work and the network's included
func BenchmarkDecode(b *testing.B) {
	text := matrix(100, 2000)
	data := text[strings.Index(text, `"result":`)+len(`"result":`) : len(text)-2]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}))
	defer server.Close()
	window := collector.Window{Start: time.Unix(1435781430, 0), Step: 30 * time.Second}
	window.End = window.Start.Add(1999 * window.Step)
	theirs := func(b *testing.B, config api.Config) {
		client, err := api.NewClient(config)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			got, _, err := v1.NewAPI(client).QueryRange(b.Context(), "x", v1.Range{Start: window.Start, End: window.End, Step: window.Step})
			if err != nil || len(got.(model.Matrix)) != 100 {
				b.Fatal(err)
			}
		}
	}

	b.Run("decode/ours", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if got, err := collector.Decode(strings.NewReader(text), plenty, plenty); err != nil || len(got.Series) != 100 {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode/client_golang", func(b *testing.B) {
		theirs(b, api.Config{Address: "http://memory", RoundTripper: memory(text)})
	})
	b.Run("matrix/client_golang", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var got model.Matrix
			if err := json.Unmarshal([]byte(data), &got); err != nil || len(got) != 100 {
				b.Fatal(err)
			}
		}
	})
	b.Run("client/ours", func(b *testing.B) {
		p, err := collector.NewPrometheus(collector.PrometheusOptions{URL: server.URL})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if got, err := p.QueryRange(b.Context(), "x", window); err != nil || len(got.Series) != 100 {
				b.Fatal(err)
			}
		}
	})
	b.Run("client/client_golang", func(b *testing.B) {
		theirs(b, api.Config{Address: server.URL})
	})
}

// memory answers every request with itself.
type memory string

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(m)),
		Body: io.NopCloser(strings.NewReader(string(m))),
	}, nil
}
