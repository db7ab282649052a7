package future_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/future"
	"github.com/driftcast/driftcast/models"
)

// TestAnswers lets a service be forecast every five minutes from 00:00 until
// 06:00, but for two hours without forecasts, and asks at 06:02.
func TestAnswers(t *testing.T) {
	s := &fakeStore{}
	for at := origin.Add(-6 * time.Hour); at.Before(origin); at = at.Add(5 * time.Minute) {
		if h := at.Hour(); h == 2 || h == 3 {
			continue
		}
		minutes := at.Sub(origin).Minutes()
		s.say(latency, chat, at, 15*time.Minute, 1000+minutes+15, -minutes) // what it says for a minute is 1000 + that minute
		s.say(latency, chat, at, 6*time.Hour, -1, -minutes)
	}
	s.latest = []models.Forecast{
		level(latency, chat, origin, []int{1, 60, 360}, func(lead int) float64 { return float64(lead) }, 0.1, 0.2, math.NaN()),
		level(power, gpu3, origin, []int{60}, func(int) float64 { return 300 }),
		{Target: down.Name, Subject: node, Origin: origin, Interval: time.Minute, Risks: []models.Risk{{Horizon: time.Hour, Probability: 0.7}}},
	}
	o := outlook(t, s, origin.Add(2*time.Minute), nil)
	const yhat = `TTFT:predicted{ml_forecast="yhat"}`
	for name, c := range map[string]struct {
		expr string
		at   float64 // minutes after the origin
		want string
	}{
		"at a lead":                             {yhat, 60, `TTFT:predicted{ml_forecast="yhat", namespace="ml", service="chat"} 60`},
		"between leads far apart":               {yhat + " + 0", 210, `{ml_forecast="yhat", namespace="ml", service="chat"} 210`},
		"the band":                              {`TTFT:predicted{ml_forecast=~"yhat_.+"}`, 60, "TTFT:predicted{ml_forecast=\"yhat_lower\", namespace=\"ml\", service=\"chat\"} 59.6\nTTFT:predicted{ml_forecast=\"yhat_upper\", namespace=\"ml\", service=\"chat\"} 60.4"},
		"nothing after the last lead":           {yhat, 360.1, ""},
		"what was said before of now":           {"sum(" + yhat + ")", 0, `{} 1000`},
		"what was said of an hour ago":          {"sum(" + yhat + ")", -60, `{} 940`},
		"and between two origins":               {"sum(" + yhat + ")", -62.5, `{} 937.5`},
		"nothing of when nothing was":           {yhat, -170, ""},
		"nothing before the first":              {yhat, -350, ""},
		"a quantile, by all that /metrics says": {`driftcast_forecast_quantile{target="TTFT",quantile="0.9"}`, 60, `driftcast_forecast_quantile{kind="service", namespace="ml", quantile="0.9", service="chat", subject="chat", target="TTFT"} 60.4`},
		"nine of them":                          {`count(driftcast_forecast_quantile{target="TTFT"})`, 60, "{} 9"},
		"the risk now":                          {`driftcast_risk_ratio{horizon="1h",target="TTFT"}`, 2, `driftcast_risk_ratio{horizon="1h", kind="service", namespace="ml", service="chat", subject="chat", target="TTFT"} 0.2`},
		"no risk where it is unknown":           {`driftcast_risk_ratio{horizon="6h",target="TTFT"}`, 2, ""},
		"no risk of a later time":               {`driftcast_risk_ratio`, 16, ""},
		"the risk as it was said":               {`sum(driftcast_risk_ratio{horizon="15m"})`, -58, "{} 60"},
		"stands while the next may come":        {`sum(driftcast_risk_ratio{horizon="15m"})`, -240 - 5 + 19, "{} 245"},
		"and no longer":                         {`sum(driftcast_risk_ratio{horizon="15m"})`, -240 - 5 + 21, ""},
		"longer at a long horizon":              {`sum(driftcast_risk_ratio{horizon="6h"})`, -180, "{} 245"},
		"an event":                              {`driftcast_risk_ratio{target="Down"}`, 2, `driftcast_risk_ratio{horizon="1h", instance="gpu-17:9100", kind="node", subject="gpu-17:9100", target="Down"} 0.7`},
		"a name of several labels":              {`Power:predicted{gpu="3",ml_forecast="yhat"}`, 60, `Power:predicted{gpu="3", instance="gpu-17:9100", ml_forecast="yhat"} 300`},
		"in how many seconds it is over 2":      {`min_over_time(timestamp(` + yhat + ` > 2)[6h:1m] offset -6h) - time()`, 0, `{ml_forecast="yhat", namespace="ml", service="chat"} 180`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, o, c.expr, origin.Add(time.Duration(c.at*float64(time.Minute)))); got != c.want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s", c.expr, got, c.want)
			}
		})
	}
}

// TestStaleForecastsSayLittle asks long after the last forecast.
func TestStaleForecastsSayLittle(t *testing.T) {
	s := &fakeStore{latest: []models.Forecast{level(latency, chat, origin, []int{1, 360}, func(lead int) float64 { return float64(lead) }, 0.5)}}
	const yhat = `TTFT:predicted{ml_forecast="yhat"}`
	for name, c := range map[string]struct {
		now, at int // minutes after the origin
		want    float64
	}{
		"fresh, far ahead":                   {14, 300, 300},
		"stale, far ahead":                   {16, 300, math.NaN()},
		"stale, of when it was fresh":        {16, 12, 12},
		"stale, at the end of that":          {200, 15, 15},
		"stale, just after the end of that":  {200, 16, math.NaN()},
		"very stale, of what has passed now": {400, 300, math.NaN()},
	} {
		t.Run(name, func(t *testing.T) {
			o := outlook(t, s, origin.Add(time.Duration(c.now)*time.Minute), nil)
			got := number(t, o, yhat, origin.Add(time.Duration(c.at)*time.Minute))
			if !(math.Abs(got-c.want) < 1e-9) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestQuantilesNeverCross draws forecasts with leads far apart, some unknown,
// and wants each moment's quantiles in order, between those of its neighbours,
// and the path itself at its leads.
func TestQuantilesNeverCross(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var leads []int
		for lead := 0; len(leads) < 8; {
			lead += rapid.IntRange(1, 400).Draw(r, "apart")
			leads = append(leads, lead)
		}
		fc := models.Forecast{Target: latency.Name, Subject: chat, Origin: origin, Interval: time.Minute, Leads: leads}
		for range leads {
			row := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), len(models.Quantiles), len(models.Quantiles)).Draw(r, "row")
			slices.Sort(row)
			if rapid.IntRange(0, 9).Draw(r, "known") == 0 {
				for k := range row {
					row[k] = math.NaN()
				}
			}
			fc.Path = append(fc.Path, row...)
		}
		o := outlook(t, &fakeStore{latest: []models.Forecast{fc}}, origin, nil)
		w := collector.Window{Start: origin, Step: time.Duration(rapid.IntRange(1, 3000).Draw(r, "step")) * time.Second}
		w.End = w.Start.Add(200 * w.Step)
		got, err := o.QueryRange(t.Context(), `driftcast_forecast_quantile{target="TTFT"}`, w)
		if err != nil {
			r.Fatal(err)
		}
		at := map[int64]map[string]float64{}
		for _, s := range got.Series {
			for i, ms := range s.Times {
				if at[ms] == nil {
					at[ms] = map[string]float64{}
				}
				at[ms][s.Labels.Value("quantile")] = s.Values[i]
			}
		}
		for ms, values := range at {
			last := math.Inf(-1)
			for _, level := range []string{"0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"} {
				if v, ok := values[level]; !ok || v < last {
					r.Fatalf("at %s: %v is out of order or not whole", time.UnixMilli(ms).UTC(), values)
				}
				last = values[level]
			}
			if lead := int(time.UnixMilli(ms).Sub(origin) / time.Minute); lead < leads[0] || time.UnixMilli(ms).After(origin.Add(time.Duration(leads[len(leads)-1])*time.Minute)) {
				r.Fatalf("something is said of %s, outside the leads", time.UnixMilli(ms).UTC())
			}
		}
		for i, lead := range leads {
			ms := origin.Add(time.Duration(lead) * time.Minute).UnixMilli()
			if values, asked := at[ms]; asked && values["0.5"] != fc.Path[i*len(models.Quantiles)+models.Median] {
				r.Fatalf("at lead %d: got %v, want the path", lead, values["0.5"])
			}
		}
	})
}

// TestLabelsAreTheUsersOwn asks for labels that cannot be told from a name, and
// for one that we need ourselves.
func TestLabelsAreTheUsersOwn(t *testing.T) {
	target := power
	target.Subject.Labels = []string{"target", "disk", "namespace"}
	s := &fakeStore{latest: []models.Forecast{level(target, collector.Subject{Kind: "gpu", Namespace: "ml", Name: "host:9100:pci:3"}, origin, []int{60}, func(int) float64 { return 1 })}}
	own := collector.Labels{{Name: "disk", Value: "pci:3"}, {Name: "namespace", Value: "ml"}, {Name: "target", Value: "host:9100"}}
	change := func(h future.History) func(*future.Options) {
		return func(o *future.Options) {
			o.History, o.Targets = h, func() []features.Target { return []features.Target{target} }
		}
	}
	for name, c := range map[string]struct {
		history future.History
		expr    string
		want    string
	}{
		"known from the history": {history{own}, `Power:predicted{ml_forecast="yhat"}`, `Power:predicted{disk="pci:3", ml_forecast="yhat", namespace="ml", target="host:9100"} 1`},
		"guessed":                {nil, `Power:predicted{ml_forecast="yhat"}`, `Power:predicted{disk="3", ml_forecast="yhat", namespace="ml", target="host:9100:pci"} 1`},
		"ours goes before":       {history{own}, `driftcast_forecast_quantile{quantile="0.5",target="Power"}`, `driftcast_forecast_quantile{disk="pci:3", exported_target="host:9100", kind="gpu", namespace="ml", quantile="0.5", subject="host:9100:pci:3", target="Power"} 1`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, outlook(t, s, origin, change(c.history)), c.expr, origin.Add(time.Hour)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestOnlyWhatIsAskedForIsRead looks at what the store is asked.
func TestOnlyWhatIsAskedForIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		expr  string
		pages int
		text  string
	}{
		"one target":                        {`TTFT:predicted`, 1, ""},
		"one subject of it":                 {`TTFT:predicted{namespace="ml",service="chat"}`, 1, "chat"},
		"one subject, by our own name":      {`driftcast_risk_ratio{target="Down",subject="gpu-17:9100"}`, 1, "gpu-17:9100"},
		"all risks":                         {`driftcast_risk_ratio`, 2, ""}, // Power has no bound
		"one kind":                          {`driftcast_risk_ratio{kind="node"}`, 1, ""},
		"no such target":                    {`driftcast_risk_ratio{target="None"}`, 0, ""},
		"no such quantile":                  {`driftcast_forecast_quantile{quantile="0.99"}`, 0, ""},
		"something else":                    {`up`, 0, ""},
		"a number":                          {`1+1`, 0, ""},
		"names that differ in their labels": {`{__name__=~"TTFT:predicted|driftcast_risk_ratio",subject="chat"}`, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeStore{}
			ask(t, outlook(t, s, origin, nil), c.expr, origin)
			if s.pages != c.pages || s.pages > 0 && s.search[0] != c.text {
				t.Errorf("got %d pages of %q, want %d of %q", s.pages, s.search, c.pages, c.text)
			}
		})
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	s := &fakeStore{}
	for i := range 200 {
		s.say(latency, chat, origin.Add(time.Duration(i-200)*5*time.Minute), 15*time.Minute, 1, 0.5)
	}
	o := outlook(t, s, origin, func(o *future.Options) { o.MaxPoints = 100 })
	_, err := o.QueryRange(t.Context(), `TTFT:predicted{ml_forecast="yhat"}`, collector.Window{Start: origin.Add(-24 * time.Hour), End: origin, Step: time.Minute})
	var refused *collector.QueryError
	if !errors.As(err, &refused) || refused.Kind != "execution" {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestSeriesListsWhatReachesIntoTheWindow(t *testing.T) {
	s := &fakeStore{latest: []models.Forecast{level(latency, chat, origin, []int{1, 60}, func(int) float64 { return 1 }, 0.1, 0.2)}}
	o := outlook(t, s, origin, nil)
	for minutes, want := range map[int]int{-30: 3 + 9 + 3, 14: 3 + 9 + 3, 30: 3 + 9, 59: 3 + 9, 61: 0} {
		found, _, err := o.Series(t.Context(), nil, origin.Add(time.Duration(minutes)*time.Minute), origin.Add(24*time.Hour), 0)
		if err != nil || len(found) != want {
			t.Errorf("from %d min on: got %d series, %v; want %d", minutes, len(found), err, want)
		}
	}
}
