package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

const chatPath = "/forecasts/TimeToFirstToken/service%2Fserving%2Fchat"

func TestForecastInFull(t *testing.T) {
	w := newWorld(t, nil)
	f := decode[gen.Forecast](t, w.do("GET", chatPath, ""))

	if f.Subject.Id != "service/serving/chat" || f.Unit != "s" || f.IntervalSeconds != 60 || f.Objective.Bound != 2 || f.Threshold != 0.6 || !f.Warning {
		t.Errorf("got %+v", f)
	}
	if len(f.Path.Times) != 60 || len(f.Path.Values) != len(models.Quantiles) || f.Path.Times[0] != float64(origin.Unix()+60) {
		t.Fatalf("the path has %d times and %d quantiles, from %v", len(f.Path.Times), len(f.Path.Values), f.Path.Times[0])
	}
	if got := *f.Path.Values[models.Median][0]; math.Abs(got-1.05) > 1e-9 {
		t.Errorf("got %v as the first median, want 1.05", got)
	}
	if want := origin.Add(4 * time.Minute); f.Crossing == nil || !f.Crossing.Equal(want) {
		t.Errorf("crosses at %v, want %v", f.Crossing, want)
	}
	if f.Fresh == nil || !f.Fresh.Equal(origin) {
		t.Errorf("fresh at %v, want the origin", f.Fresh)
	}
	if got := f.Drivers[1]; got.Value != nil || got.Contribution != nil {
		t.Errorf("NaN and Inf become %v and %v, want null", got.Value, got.Contribution)
	}
	// Three hours before the origin, one value a minute.
	if n := len(f.Past.Times); n != 181 || f.Past.Times[n-1] != float64(origin.Unix()) || *f.Past.Values[n-1] != 1 {
		t.Errorf("got %d past values up to %v", n, f.Past.Times[n-1])
	}
	if len(f.Issued) == 0 || len(f.Issued) > 100 || !f.Issued[0].Origin.Equal(origin) || f.Issued[0].Matured != nil {
		t.Errorf("got %d earlier forecasts", len(f.Issued))
	}
	if last := f.Issued[len(f.Issued)-1]; last.Happened == nil || *last.Happened || *last.Actual != 1.1 || last.Risk != nil {
		t.Errorf("the oldest came out as %+v", last)
	}
}

func TestPastKeepsItsGaps(t *testing.T) {
	w := newWorld(t, nil)
	f := decode[gen.Forecast](t, w.do("GET", chatPath+"?from=2026-11-22T19:00:00Z&step=5m", ""))
	missing := 0
	for i, v := range f.Past.Values {
		if v == nil {
			missing++
		}
		if i > 0 && f.Past.Times[i]-f.Past.Times[i-1] != 300 {
			t.Fatalf("steps of %v s", f.Past.Times[i]-f.Past.Times[i-1])
		}
	}
	if missing != 1 { // nine minutes are missing: one step of five is empty, the others hold a value
		t.Errorf("got %d missing values of %d, want 1", missing, len(f.Past.Values))
	}
}

func TestListHasSparklines(t *testing.T) {
	w := newWorld(t, nil)
	list := decode[gen.ForecastList](t, w.do("GET", "/forecasts", ""))
	if len(list.Items) != 2 || *list.NextCursor != "more" {
		t.Fatalf("got %d items, next %v", len(list.Items), list.NextCursor)
	}
	event, level := list.Items[0], list.Items[1]
	if event.Type != gen.TargetKindEvent || *event.Risk != 0.8 || event.Threshold != 0.7 || !event.Warning || len(event.Future.Times) != 0 {
		t.Errorf("got %+v", event)
	}
	// The predicate held for one minute of 6 h: thinning out must not lose it.
	seen := false
	for _, v := range event.Past.Values {
		seen = seen || v != nil && *v == 1
	}
	if n := len(event.Past.Times); n != 48 || !seen {
		t.Errorf("the event's sparkline has %d points and the event itself: %v", n, seen)
	}
	if n := len(level.Past.Times); n != 48 || level.Past.Times[n-1] != float64(origin.Unix()) {
		t.Errorf("the level's sparkline has %d points", n)
	}
	if n := len(level.Future.Times); n == 0 || n > 48 || level.Future.Times[n-1] != float64(origin.Add(time.Hour).Unix()) {
		t.Errorf("the future has %d points", n)
	}
	if got := decode[gen.ForecastList](t, w.do("GET", "/forecasts?horizon=1h", "")); *got.Items[0].Risk != 0.2 {
		t.Errorf("got risk %v at 1 h, want 0.2", *got.Items[0].Risk)
	}
	if got := decode[gen.ForecastList](t, w.do("GET", "/forecasts?horizon=2h", "")); got.Items[0].Risk != nil {
		t.Errorf("got risk %v at a horizon that is not forecast, want null", *got.Items[0].Risk)
	}
}

func TestQueriesReachTheStore(t *testing.T) {
	var got forecaster.ForecastQuery
	w := newWorld(t, func(o *api.Options) {
		o.Forecasts = fakeForecasts{list: func(_ context.Context, q forecaster.ForecastQuery) ([]models.Forecast, string, error) {
			got = q
			return nil, "", nil
		}}
	})
	a := w.do("GET", "/forecasts?target=T&kind=gpu&search=a%2Fb&min_risk=0.25&horizon=90&sort=target&cursor=c%3D&limit=7", "")
	want := forecaster.ForecastQuery{Target: "T", Kind: "gpu", Search: "a/b", MinRisk: 0.25, Horizon: 90 * time.Second, Sort: "target", Cursor: "c=", Limit: 7}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !strings.Contains(string(a.body), `"items":[]`) {
		t.Errorf("an empty list is %s", a.body)
	}
}

func TestAnswersAreTaggedAndCompressed(t *testing.T) {
	w := newWorld(t, nil)
	first := w.do("GET", chatPath, "")
	etag := first.Header.Get("ETag")
	if a := w.do("GET", chatPath, "", "If-None-Match: "+etag); a.StatusCode != 304 || len(a.body) != 0 || a.Header.Get("ETag") != etag {
		t.Errorf("got %d with %d bytes", a.StatusCode, len(a.body))
	}
	if a := w.do("GET", chatPath, "", `If-None-Match: "other"`); a.StatusCode != 200 {
		t.Errorf("got %d for another tag", a.StatusCode)
	}
	small := w.raw("GET", "/api/v1"+chatPath, "", "Accept-Encoding: gzip")
	if small.Header.Get("Content-Encoding") != "gzip" || len(small.body) >= len(first.body)/2 || small.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("got %d bytes of %d, encoding %q", len(small.body), len(first.body), small.Header.Get("Content-Encoding"))
	}
	if a := w.raw("GET", "/api/v1"+chatPath, "", "Accept-Encoding: gzip;q=0, identity"); a.Header.Get("Content-Encoding") != "" {
		t.Errorf("compressed against q=0")
	}
	slashes := w.raw("GET", "/api/v1/forecasts/TimeToFirstToken/service/serving/chat", "")
	if string(slashes.body) != string(first.body) {
		t.Errorf("unescaped slashes answer %d: %s", slashes.StatusCode, slashes.body)
	}
}

// TestAnswersAreRepeatedUntilTheNextStep counts what reaches the store.
func TestAnswersAreRepeatedUntilTheNextStep(t *testing.T) {
	var asked atomic.Int64
	w := newWorld(t, func(o *api.Options) {
		o.CacheFor = time.Hour
		forecasts := o.Forecasts.(fakeForecasts)
		one := forecasts.one
		forecasts.one = func(ctx context.Context, target, subject string) (models.Forecast, error) {
			asked.Add(1)
			return one(ctx, target, subject)
		}
		o.Forecasts = forecasts
	})
	for range 3 {
		w.do("GET", chatPath, "")
	}
	if got := asked.Load(); got != 1 {
		t.Errorf("asked the store %d times, want once", got)
	}
	w.server.Publish(forecaster.Event{Kind: forecaster.StepDone, At: origin, Target: latency.Name})
	w.do("GET", chatPath, "")
	if got := asked.Load(); got != 2 {
		t.Errorf("asked %d times after a step, want 2", got)
	}
	w.do("GET", "/forecasts/TimeToFirstToken/service%2Fserving%2Fother", "")
	w.do("GET", "/forecasts/TimeToFirstToken/service%2Fserving%2Fother", "")
	if got := asked.Load(); got != 4 {
		t.Errorf("asked %d times, want 4: errors are not repeated", got)
	}
}

// TestForecastOfARemovedTarget is still readable, without its past.
func TestForecastOfARemovedTarget(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Targets = func() []features.Target { return nil } })
	f := decode[gen.Forecast](t, w.do("GET", chatPath, ""))
	if f.Type != gen.TargetKindLevel || len(f.Path.Times) != 60 || len(f.Past.Times) != 0 {
		t.Errorf("got %+v", f)
	}
	if a := w.do("GET", "/forecasts", ""); a.StatusCode != 200 {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
}

// TestSubjectsOfEveryShapeFindTheirPast asks History for subjects whose name
// comes from one label, from several, or from the namespace alone.
func TestSubjectsOfEveryShapeFindTheirPast(t *testing.T) {
	at := origin.UnixMilli()
	for name, c := range map[string]struct {
		spec   []string
		labels collector.Labels
	}{
		"one label":           {[]string{"node"}, collector.Labels{{Name: "node", Value: `od"d\.(name`}}},
		"namespaced":          {[]string{"namespace", "pod"}, collector.Labels{{Name: "namespace", Value: "a|b"}, {Name: "pod", Value: "x"}}},
		"several labels":      {[]string{"node", "gpu"}, collector.Labels{{Name: "gpu", Value: "3"}, {Name: "node", Value: "n"}}},
		"values with a colon": {[]string{"node", "gpu"}, collector.Labels{{Name: "gpu", Value: "3"}, {Name: "node", Value: "n:1"}}},
		"the namespace alone": {[]string{"namespace"}, collector.Labels{{Name: "namespace", Value: "team"}}},
		"no label":            {nil, collector.Labels{}},
	} {
		t.Run(name, func(t *testing.T) {
			target := notReady
			target.Subject = collector.SubjectSpec{Kind: "queue", Labels: c.spec}
			sub, ok := target.Subject.Subject(c.labels)
			if !ok {
				t.Fatal("no subject")
			}
			memory := collector.NewMemory(time.Minute)
			if err := memory.Add(target.Name, collector.Series{Labels: c.labels, Times: []int64{at}, Values: []float64{1}}); err != nil {
				t.Fatal(err)
			}
			other := sub
			other.Name = strings.Replace(sub.Name, sub.Name[:1], "z", 1)
			w := newWorld(t, func(o *api.Options) {
				o.History = memory
				o.Targets = func() []features.Target { return []features.Target{target} }
				o.Forecasts = fakeForecasts{list: func(context.Context, forecaster.ForecastQuery) ([]models.Forecast, string, error) {
					f, g := eventForecast(), eventForecast()
					f.Subject, g.Subject = sub, other
					return []models.Forecast{f, g}, "", nil
				}}
			})
			list := decode[gen.ForecastList](t, w.do("GET", "/forecasts", ""))
			if len(list.Items) != 2 || len(list.Items[0].Past.Values) != 1 || len(list.Items[1].Past.Values) != 0 {
				t.Errorf("got %+v", list.Items)
			}
		})
	}
}

// TestAnyForecastConforms: whatever a model says, the answer keeps the contract
// and loses no point.
func TestAnyForecastConforms(t *testing.T) {
	var now models.Forecast
	w := newWorld(t, func(o *api.Options) {
		o.CacheFor = -1
		forecasts := o.Forecasts.(fakeForecasts)
		forecasts.one = func(context.Context, string, string) (models.Forecast, error) { return now, nil }
		forecasts.list = func(context.Context, forecaster.ForecastQuery) ([]models.Forecast, string, error) {
			return []models.Forecast{now}, "", nil
		}
		o.Forecasts = forecasts
	})
	value := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.Copysign(0, -1)}))
	rapid.Check(t, func(rt *rapid.T) {
		now = levelForecast()
		now.Leads, now.Path, now.Risks, now.Drivers = nil, nil, nil, nil
		for range rapid.IntRange(0, 100).Draw(rt, "leads") {
			now.Leads = append(now.Leads, len(now.Leads)+1)
			for range models.Quantiles {
				now.Path = append(now.Path, value.Draw(rt, "value"))
			}
		}
		for i := range rapid.IntRange(0, 4).Draw(rt, "risks") {
			p := rapid.OneOf(rapid.Float64Range(0, 1), rapid.Just(math.NaN())).Draw(rt, "risk")
			now.Risks = append(now.Risks, models.Risk{Horizon: time.Duration(i+1) * time.Hour, Probability: p})
		}
		for range rapid.IntRange(0, 5).Draw(rt, "drivers") {
			now.Drivers = append(now.Drivers, models.Driver{Column: "c", Value: value.Draw(rt, "v"), Contribution: value.Draw(rt, "c"), Text: rapid.String().Draw(rt, "text")})
		}
		w.t = t
		full := w.do("GET", chatPath, "")
		list := w.do("GET", "/forecasts", "")
		if full.StatusCode != 200 || list.StatusCode != 200 {
			rt.Fatalf("got %d and %d: %s %s", full.StatusCode, list.StatusCode, full.body, list.body)
		}
		f, item := decode[gen.Forecast](t, full), decode[gen.ForecastList](t, list).Items[0]
		if len(f.Path.Times) != len(now.Leads) || len(f.Risks) != len(now.Risks) || len(f.Drivers) != len(now.Drivers) {
			rt.Fatalf("lost something: %s", full.body)
		}
		if n := len(item.Future.Times); n > 48 || len(now.Leads) > 0 && item.Future.Times[n-1] != f.Path.Times[len(f.Path.Times)-1] {
			rt.Fatalf("the sparkline has %d points and does not end with the path", n)
		}
	})
}

// TestBreakageIsOurFault: a panic, an error and a slow store are told without
// what is inside, and the server goes on.
func TestBreakageIsOurFault(t *testing.T) {
	mood := "panic"
	w := newWorld(t, func(o *api.Options) {
		o.Timeout = 50 * time.Millisecond
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}))
		forecasts := o.Forecasts.(fakeForecasts)
		one := forecasts.one
		forecasts.one = func(ctx context.Context, target, subject string) (models.Forecast, error) {
			switch mood {
			case "panic":
				panic("secret")
			case "error":
				return models.Forecast{}, fmt.Errorf("secret: disk on fire")
			case "slow":
				<-ctx.Done()
				return models.Forecast{}, ctx.Err()
			}
			return one(ctx, target, subject)
		}
		o.Forecasts = forecasts
	})
	for _, c := range []struct {
		mood   string
		status int
	}{{"panic", 500}, {"error", 500}, {"slow", 503}, {"fine", 200}} {
		mood = c.mood
		a := w.do("GET", chatPath, "")
		if a.StatusCode != c.status || strings.Contains(string(a.body), "secret") {
			t.Errorf("%s: got %d: %.200s", c.mood, a.StatusCode, a.body)
		}
		if c.status == 503 && a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", c.mood)
		}
	}
}

func TestLocationsFollowTheExternalURL(t *testing.T) {
	for external, want := range map[string]string{
		"":                                  "/api/v1/corrections/c1",
		"https://ops.example/tools/drift/":  "https://ops.example/tools/drift/api/v1/corrections/c1",
		"https://ops.example":               "https://ops.example/api/v1/corrections/c1",
		"http://ops.example:8080/driftcast": "http://ops.example:8080/driftcast/api/v1/corrections/c1",
	} {
		w := newWorld(t, func(o *api.Options) { o.ExternalURL = external })
		prefix := ""
		if i := strings.Index(strings.TrimPrefix(strings.TrimPrefix(external, "https://"), "http://"), "/"); i >= 0 {
			prefix = strings.TrimSuffix(external[strings.Index(external, "://")+3+i:], "/")
		}
		a := w.raw(http.MethodPost, prefix+"/api/v1/corrections", `{"policy":"cordon","subject":"node/gpu-17"}`)
		if got := a.Header.Get("Location"); a.StatusCode != 201 || got != want {
			t.Errorf("%s: got %d, Location %q, want %q", external, a.StatusCode, got, want)
		}
	}
}
