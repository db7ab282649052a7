package collector_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
)

var curveStart = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func curve(name string, hold bool, points ...float64) collector.Curve {
	c := collector.Curve{Hold: hold, Every: time.Minute}
	c.Name, c.Labels = name, collector.Labels{{Name: "node", Value: "a"}}
	for i := 0; i < len(points); i += 2 {
		c.Times = append(c.Times, curveStart.Add(time.Duration(points[i])*time.Minute).UnixMilli())
		c.Values = append(c.Values, points[i+1])
	}
	return c
}

func curves(t interface{ Fatal(...any) }, list ...collector.Curve) *collector.Curves {
	c, err := collector.NewCurves(collector.CurvesOptions{Find: func(context.Context, *collector.Selection) ([]collector.Curve, error) { return list, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCurvesAnswer asks a line with a hole and a step for what they say.
func TestCurvesAnswer(t *testing.T) {
	nan := math.NaN()
	c := curves(t,
		curve("line", false, 0, 0, 60, 60, 61, nan, 120, 120, 1440, 1440), // a value is its own minute
		curve("step", true, 0, 1, 60, 2, 90, nan, 120, 3, 180, nan))
	at := func(minutes int) time.Time { return curveStart.Add(time.Duration(minutes) * time.Minute) }
	for name, q := range map[string]struct {
		expr string
		at   int // minutes
		want string
	}{
		"between two points":              {"line", 37, "37"},
		"at a point":                      {"line", 60, "60"},
		"in the hole, soon after its end": {"line", 62, ""},
		"after the hole":                  {"line", 121, "121"},
		"between points far apart":        {"line", 1001, "1001"},
		"before the first":                {"line", -1, ""},
		"soon after the last":             {"line", 1441, ""},
		"by an offset":                    {"line offset 30m", 67, "37"},
		"of the future":                   {"line offset -30m", 7, "37"},
		"at a fixed time":                 {fmt.Sprintf("line @ %d", at(37).Unix()), 900, "37"},
		"a range has a sample a minute":   {"count_over_time(line[30m])", 40, "30"},
		"a range leaves the hole out":     {"count_over_time(line[60m])", 120, "1"},
		"a range into the future":         {"max_over_time(line[2h] offset -2h)", 130, "250"},
		"a subquery":                      {"max_over_time(line[2h:5m])", 301, "300"},
		"a subquery without a step":       {"count_over_time(line[10m:])", 40, "10"},
		"a subquery of an offset":         {"max_over_time((line offset 3m)[2h:5m])", 301, "297"},
		"when a bound is crossed":         {"min_over_time(timestamp(line > 700)[24h:1m] offset -24h) - time()", 600, "6060"},
		"a step stands":                   {"step", 59, "1"},
		"until the next":                  {"step", 60, "2"},
		"and ends when it ends":           {"step", 90, ""},
		"and begins again":                {"step", 125, "3"},
		"by name":                         {`count({__name__=~"li.+|step", node!="b"})`, 30, "2"},
		"of another node":                 {`line{node="b"}`, 30, ""},
		"a number":                        {"1 + 1", 0, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Query(t.Context(), q.expr, at(q.at))
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for _, s := range got.Series {
				text += fmt.Sprint(s.Values[0])
			}
			if text != q.want {
				t.Errorf("got %q, want %q", text, q.want)
			}
		})
	}
}

// TestCurvesAreExactOnAnyGrid draws two lines, one over the other, and wants
// the straight line at each step of a query, never the upper under the lower,
// and nothing where nothing is known.
func TestCurvesAreExactOnAnyGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low, high := collector.Curve{}, collector.Curve{}
		low.Name, high.Name = "low", "high"
		at := curveStart.UnixMilli()
		for range rapid.IntRange(1, 12).Draw(t, "points") {
			at += rapid.Int64Range(1, 40*3600_000).Draw(t, "apart")
			v, more := rapid.Float64Range(-1e6, 1e6).Draw(t, "value"), rapid.SampledFrom([]float64{0, 1e-9, 3, math.NaN()}).Draw(t, "above")
			if more != more {
				v = more
			}
			low.Times, low.Values = append(low.Times, at), append(low.Values, v)
			high.Times, high.Values = append(high.Times, at), append(high.Values, v+more)
		}
		high.Every = time.Duration(rapid.IntRange(0, 600).Draw(t, "every")) * time.Second
		low.Every = high.Every
		w := collector.Window{Start: curveStart.Add(time.Duration(rapid.Int64Range(-1e6, 1e8).Draw(t, "start")) * time.Millisecond),
			Step: time.Duration(rapid.Int64Range(1000, 1e8).Draw(t, "step")) * time.Millisecond}
		w.End = w.Start.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "steps")) * w.Step)
		offset := rapid.SampledFrom([]string{"", " offset 7m", " offset -3h"}).Draw(t, "offset")
		shift := map[string]time.Duration{"": 0, " offset 7m": -7 * time.Minute, " offset -3h": 3 * time.Hour}[offset]
		answer, err := curves(t, low, high).QueryRange(t.Context(), `{__name__=~"low|high"}`+offset, w)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]map[int64]float64{"low": {}, "high": {}}
		for _, s := range answer.Series {
			for i, at := range s.Times {
				got[s.Name][at] = s.Values[i]
			}
		}
		for at := w.Start; !at.After(w.End); at = at.Add(w.Step) {
			ms := at.UnixMilli()
			for _, c := range []collector.Curve{low, high} {
				want, known := straight(c, at.Add(shift).UnixMilli())
				v, ok := got[c.Name][ms]
				if ok != known || known && math.Abs(v-want) > 1e-6 {
					t.Fatalf("%s at %s: got %v (%v), want %v (%v)", c.Name, at, v, ok, want, known)
				}
			}
			if got["high"][ms] < got["low"][ms] {
				t.Fatalf("at %s the upper line, %v, is under the lower, %v", at, got["high"][ms], got["low"][ms])
			}
		}
	})
}

// straight is the plain definition of a line.
func straight(c collector.Curve, t int64) (float64, bool) {
	for i, at := range c.Times {
		a := c.Values[i]
		switch {
		case at == t:
			return a, a == a
		case at < t && i+1 < len(c.Times) && t < c.Times[i+1]:
			b := c.Values[i+1]
			return a + (b-a)*float64(t-at)/float64(c.Times[i+1]-at), a == a && b == b
		}
	}
	return 0, false
}

func TestCurvesUntil(t *testing.T) {
	for name, c := range map[string]struct {
		curve collector.Curve
		until int
		want  string
	}{
		"between points": {curve("line", false, 0, 0, 60, 60), 45, "[0 45]"},
		"at a point":     {curve("line", false, 0, 0, 60, 60, 90, 90), 60, "[0 60]"},
		"after the last": {curve("line", false, 0, 0, 60, 60), 90, "[0 60]"},
		"before all":     {curve("line", false, 0, 0, 60, 60), -1, "[]"},
		"of a step":      {curve("line", true, 0, 1, 60, 2), 45, "[1 NaN]"},
	} {
		t.Run(name, func(t *testing.T) {
			c.curve.Until(curveStart.Add(time.Duration(c.until) * time.Minute).UnixMilli())
			if got := fmt.Sprint(c.curve.Values); got != c.want || len(c.curve.Times) != len(c.curve.Values) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestCurvesRefuse says of what kind a refusal is.
func TestCurvesRefuse(t *testing.T) {
	broken := errors.New("the disk is gone")
	tooMuch := &collector.QueryError{Kind: "execution", Err: errors.New("too many points")}
	find := func(err error) func(context.Context, *collector.Selection) ([]collector.Curve, error) {
		return func(context.Context, *collector.Selection) ([]collector.Curve, error) {
			return []collector.Curve{curve("line", false, 0, 0, 600, 600)}, err
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-late.Done()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error // of Find
		expr string
		kind string
	}{
		"no PromQL":          {t.Context(), nil, "sum(", "bad_data"},
		"too many samples":   {t.Context(), nil, "line", "execution"},
		"two of the same":    {t.Context(), nil, "line * on() group_left() {__name__=~'.+'} or label_replace(line, 'node', '', 'node', '.*') ^ on(x) line{y!='1'} or label_replace(line,'a','b','c','(')", "execution"},
		"the store fails":    {t.Context(), broken, "line", "internal"},
		"the store says why": {t.Context(), tooMuch, "line", "execution"},
		"nobody waits":       {ended, nil, "line", "canceled"},
		"it takes too long":  {late, nil, "line", "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := collector.NewCurves(collector.CurvesOptions{Find: find(c.err), MaxSamples: 100})
			if err != nil {
				t.Fatal(err)
			}
			_, err = all.QueryRange(c.ctx, c.expr, collector.Window{Start: curveStart, End: curveStart.Add(10 * time.Hour), Step: time.Minute})
			var got *collector.QueryError
			if !errors.As(err, &got) || got.Kind != c.kind {
				t.Errorf("got %v, want an error of kind %s", err, c.kind)
			}
			if c.kind == "internal" && !errors.Is(err, broken) {
				t.Errorf("got %v, want it to wrap what broke", err)
			}
		})
	}
}

func TestCurvesListSeries(t *testing.T) {
	c := curves(t, curve("line", false, 0, 0), curve("line", false, 0, 0), curve("step", false, 0, 0))
	for name, q := range map[string]struct {
		selectors []string
		limit     int
		want      string
		more      bool
	}{
		"all":           {nil, 0, "line step", false},
		"by name":       {[]string{"line"}, 0, "line", false},
		"by either":     {[]string{"line", `{node="a"}`}, 0, "line step", false},
		"one at most":   {[]string{`{node="a"}`}, 1, "line", true},
		"as many as is": {[]string{`{node="a"}`}, 2, "line step", false},
	} {
		t.Run(name, func(t *testing.T) {
			found, more, err := c.Series(t.Context(), q.selectors, curveStart, curveStart, q.limit)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, s := range found {
				got += " " + s.Name
			}
			if got != " "+q.want || more != q.more {
				t.Errorf("got%s, %v, want %s, %v", got, more, q.want, q.more)
			}
		})
	}
	for _, wrong := range []string{"line{", `{node=~".*"}`} {
		var refused *collector.QueryError
		if _, _, err := c.Series(t.Context(), []string{wrong}, curveStart, curveStart, 0); !errors.As(err, &refused) || refused.Kind != "bad_data" {
			t.Errorf("%s: got %v, want bad_data", wrong, err)
		}
	}
}
