package api_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/forecaster"
)

// listener reads a stream.
type listener struct {
	t     testing.TB
	lines *bufio.Scanner
	head  http.Header
	stop  func()
}

type told struct{ id, kind, data string }

func (w *world) listen(lastID string) *listener {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/api/v1/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if response.StatusCode != 200 {
		w.t.Fatalf("the stream answers %d", response.StatusCode)
	}
	l := &listener{t: w.t, lines: bufio.NewScanner(response.Body), head: response.Header, stop: func() { cancel(); response.Body.Close() }}
	w.t.Cleanup(l.stop)
	if l.line() != "retry: 2000" || l.line() != "" {
		w.t.Fatal("the stream does not begin with retry")
	}
	return l
}

func (l *listener) line() string {
	l.t.Helper()
	if !l.lines.Scan() {
		l.t.Fatalf("the stream ended: %v", l.lines.Err())
	}
	return l.lines.Text()
}

// next returns the next event, and skips heartbeats.
func (l *listener) next() told {
	l.t.Helper()
	var e told
	for {
		name, value, _ := strings.Cut(l.line(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			if e.kind != "" {
				return e
			}
		}
	}
}

func stepDone(n int) forecaster.Event {
	return forecaster.Event{Kind: forecaster.StepDone, At: origin, Target: latency.Name, Forecasts: n}
}

func TestStream(t *testing.T) {
	w := newWorld(t, nil)
	l := w.listen("")
	if l.head.Get("Content-Type") != "text/event-stream" || l.head.Get("Content-Encoding") != "" || l.head.Get("X-Accel-Buffering") != "no" {
		t.Errorf("got headers %v", l.head)
	}
	r := aRun(latency.Name)
	for _, c := range []struct {
		publish func()
		kind    string
		has     string
	}{
		{func() { w.server.Publish(stepDone(3)) }, "step", `"forecasts":3`},
		{func() {
			w.server.Publish(forecaster.Event{Kind: forecaster.WarningRaised, Warning: &forecaster.Warning{Target: "T", Subject: gpu17, Risk: math.NaN()}})
		}, "warning", `"risk":null`},
		{func() { w.server.Publish(forecaster.Event{Kind: forecaster.RunChanged, Run: &r}) }, "run", `"seed":"18446744073709551615"`},
		{func() {
			w.server.Publish(forecaster.Event{Kind: forecaster.ModelPromoted, Target: "T", Model: "m3"})
		}, "model", `"model":"m3"`},
		{func() { w.server.PublishCorrection(aCorrection()) }, "correction", `"state":"proposed"`},
	} {
		c.publish()
		if e := l.next(); e.kind != c.kind || !strings.Contains(e.data, c.has) || e.id == "" {
			t.Errorf("got %+v, want %s with %s", e, c.kind, c.has)
		}
	}
	w.server.Publish(forecaster.Event{Kind: "unheard of"}) // is logged, and tells nothing
	w.server.Publish(stepDone(4))
	if e := l.next(); !strings.Contains(e.data, `"forecasts":4`) {
		t.Errorf("got %+v", e)
	}
}

func TestStreamGoesOnWhereItWasLeft(t *testing.T) {
	w := newWorld(t, nil)
	first := w.listen("")
	for n := range 5 {
		w.server.Publish(stepDone(n))
	}
	first.next()
	second := first.next()
	first.stop()

	again := w.listen(second.id)
	for n := 2; n < 5; n++ {
		if e := again.next(); !strings.Contains(e.data, fmt.Sprintf(`"forecasts":%d`, n)) {
			t.Errorf("got %+v, want number %d", e, n)
		}
	}
	for name, id := range map[string]string{"of another life": "0000-3", "nonsense": "x", "from the future": strings.Split(second.id, "-")[0] + "-99"} {
		l := w.listen(id)
		if e := l.next(); e.kind != "reset" {
			t.Errorf("%s: got %+v, want a reset", name, e)
		}
		w.server.Publish(stepDone(7))
		if e := l.next(); e.kind != "step" {
			t.Errorf("%s: got %+v after the reset", name, e)
		}
	}
}

func TestStreamSaysWhenTooMuchWasMissed(t *testing.T) {
	w := newWorld(t, nil)
	l := w.listen("")
	w.server.Publish(stepDone(0))
	id := l.next().id
	l.stop()
	for n := range 2000 {
		w.server.Publish(stepDone(n))
	}
	again := w.listen(id)
	reset := again.next()
	if reset.kind != "reset" {
		t.Fatalf("got %+v, want a reset", reset)
	}
	w.server.Publish(stepDone(1))
	if e := w.listen(reset.id).next(); e.kind != "step" || !strings.Contains(e.data, `"forecasts":1,`) {
		t.Errorf("after the reset's id: got %+v", e)
	}
}

// TestStreamLosesNothing: however publishing and reconnecting interleave, a
// client that always sends its last id hears every number in order.
func TestStreamLosesNothing(t *testing.T) {
	w := newWorld(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		w.t = t
		l := w.listen("")
		w.server.Publish(stepDone(-1)) // tells the first id
		id := l.next().id
		l.stop()
		var want, got []int
		for n := range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			for range rapid.IntRange(1, 30).Draw(rt, "published") {
				want = append(want, len(want))
				w.server.Publish(stepDone(len(want) - 1))
			}
			l := w.listen(id)
			for range rapid.IntRange(0, len(want)-len(got)).Draw(rt, fmt.Sprint("read", n)) {
				e := l.next()
				var number int
				if _, err := fmt.Sscanf(e.data[max(0, strings.Index(e.data, `"forecasts":`)):], `"forecasts":%d`, &number); err != nil {
					rt.Fatal(err)
				}
				got, id = append(got, number), e.id
			}
			l.stop()
		}
		if !slices.Equal(got, want[:len(got)]) {
			rt.Fatalf("got %v", got)
		}
	})
}

func TestStreamHasAHeartbeat(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Heartbeat, o.Timeout = 5*time.Millisecond, 20*time.Millisecond })
	l := w.listen("")
	beats := 0
	for beats < 10 { // well past the timeout of other requests
		if l.line() == ": alive" {
			beats++
		}
	}
}
