package features_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
)

// TestNothingLooksAhead changes everything after an origin, and wants the rows
// and the features up to it bit by bit the same.
func TestNothingLooksAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := drawTarget(t)
		length := rapid.IntRange(20, 400).Draw(t, "length")
		p := drawPanel(rapid.Uint64().Draw(t, "seed"), target, rapid.IntRange(1, 5).Draw(t, "subjects"), length)
		last := rapid.IntRange(0, length-1).Draw(t, "origin")
		origins := features.Origins(p, time.Duration(rapid.IntRange(1, 30).Draw(t, "every"))*time.Minute, time.Time{}, p.Time(last))
		before := extract(t, p, target, features.Options{Origins: origins, Labels: true})

		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "other"), 2))
		for v, y := range p.Values {
			p.Values[v] = slices.Clone(y)
			for i := last + 1; i < length; i++ {
				p.Values[v][i] = []float64{nan, 0, 1, 1e300, math.Inf(1), r.NormFloat64()}[r.IntN(6)]
			}
		}
		after := extract(t, p, target, features.Options{Origins: origins, Labels: true})
		if !slices.Equal(before.Rows, after.Rows) {
			t.Fatalf("rows changed with the future: %v, then %v", before.Rows, after.Rows)
		}
		if !sameFloats(before.X, after.X) {
			t.Fatal("features changed with the future")
		}
	})
}

// TestSubjectsAreIndependent reorders the subjects, and wants their rows
// reordered and nothing else changed.
func TestSubjectsAreIndependent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := drawTarget(t)
		n := rapid.IntRange(1, 6).Draw(t, "subjects")
		p := drawPanel(rapid.Uint64().Draw(t, "seed"), target, n, rapid.IntRange(30, 300).Draw(t, "length"))
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		q := *p
		q.Subjects, q.Values = nil, nil
		for _, s := range order {
			q.Subjects = append(q.Subjects, p.Subjects[s])
		}
		for k := range p.Signals {
			for _, s := range order {
				q.Values = append(q.Values, p.Series(k, s))
			}
		}
		o := features.Options{Origins: features.Origins(p, 7*time.Minute, time.Time{}, time.Time{}), Labels: true}
		a, b := extract(t, p, target, o), extract(t, &q, target, o)
		if len(a.Rows) != len(b.Rows) {
			t.Fatalf("got %d rows, want %d", len(b.Rows), len(a.Rows))
		}
		for r, row := range b.Rows {
			same := slices.Index(a.Rows, features.Row{Subject: order[row.Subject], Origin: row.Origin})
			if same < 0 {
				t.Fatalf("row %v is new", row)
			}
			if !sameFloats(a.Features(same), b.Features(r)) {
				t.Fatalf("row %v has other features", row)
			}
			for h := range target.Horizons {
				if !sameFloats([]float64{a.Label(same, h)}, []float64{b.Label(r, h)}) {
					t.Fatalf("row %v has another label", row)
				}
			}
		}
	})
}

// TestLookbackIsEnough cuts a panel off at Lookback before its only origin, and
// wants the same features.
func TestLookbackIsEnough(t *testing.T) {
	for _, target := range []*features.Target{levelTarget("load"), eventTarget("load")} {
		steps := int(features.Lookback(target) / target.Interval)
		p := drawPanel(3, target, 3, steps+500)
		cut := &features.Panel{
			Start: p.Time(500), Interval: p.Interval, Len: steps, Subjects: p.Subjects, Signals: p.Signals,
		}
		for _, y := range p.Values {
			cut.Values = append(cut.Values, y[500:])
		}
		a := extract(t, p, target, features.Options{Origins: []int{p.Len - 1}})
		b := extract(t, cut, target, features.Options{Origins: []int{cut.Len - 1}})
		if len(a.Rows) == 0 || len(a.Rows) != len(b.Rows) {
			t.Fatalf("%s: got %d rows, want %d", target.Name, len(b.Rows), len(a.Rows))
		}
		for r := range a.Rows {
			for c, want := range a.Features(r) {
				if got := b.Features(r)[c]; !near(got, want) {
					t.Errorf("%s row %d: %s is %v, want %v", target.Name, r, a.Columns[c].Name, got, want)
				}
			}
		}
	}
}

// TestMissingDataNeverPanics puts gaps, infinities and huge values anywhere.
func TestMissingDataNeverPanics(t *testing.T) {
	odd := []float64{nan, nan, 0, 1, -1, 1e300, -1e300, math.Inf(1), math.Inf(-1), 5e-324, math.MaxFloat64}
	rapid.Check(t, func(t *rapid.T) {
		target := drawTarget(t)
		target.Interval = rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "interval")
		p := drawPanel(1, target, rapid.IntRange(0, 4).Draw(t, "subjects"), rapid.IntRange(1, 60).Draw(t, "length"))
		for _, y := range p.Values {
			for i := range y {
				y[i] = rapid.SampledFrom(odd).Draw(t, "value")
			}
		}
		f := extract(t, p, target, features.Options{Origins: indices(p.Len), Labels: true})
		for _, v := range f.X {
			if math.IsInf(v, 0) {
				t.Fatal("an infinite feature")
			}
		}
		for _, y := range f.Labels {
			if y == y && y != 0 && y != 1 {
				t.Fatalf("label %v", y)
			}
		}
	})
}

// TestColumnsAgreeWithTheirWords computes columns the slow way.
func TestColumnsAgreeWithTheirWords(t *testing.T) {
	target := levelTarget("load")
	p := drawPanel(11, target, 4, 3000)
	f := extract(t, p, target, features.Options{Origins: features.Origins(p, 13*time.Minute, time.Time{}, time.Time{})})
	window := func(k int, row features.Row, w int) (present []float64) {
		for _, v := range p.Series(k, row.Subject)[max(0, row.Origin+1-w) : row.Origin+1] {
			if v == v {
				present = append(present, v)
			}
		}
		return present
	}
	at := func(row features.Row, back int) float64 {
		if row.Origin < back {
			return nan
		}
		return p.Series(0, row.Subject)[row.Origin-back]
	}
	slow := map[string]func(row features.Row) float64{
		"Temperature_mean_1h":  func(row features.Row) float64 { return mean(window(0, row, 60)) },
		"Temperature_std_24h":  func(row features.Row) float64 { return std(window(0, row, 1440)) },
		"load_std_1h":          func(row features.Row) float64 { return std(window(1, row, 60)) },
		"Temperature_min_24h":  func(row features.Row) float64 { return slices.Min(window(0, row, 1440)) },
		"load_max_24h":         func(row features.Row) float64 { return slices.Max(window(1, row, 1440)) },
		"Temperature_lag_1h":   func(row features.Row) float64 { return at(row, 60) },
		"Temperature_last":     func(row features.Row) float64 { return window(0, row, 1440)[len(window(0, row, 1440))-1] },
		"Temperature_slope_1h": func(row features.Row) float64 { return halves(p.Series(0, row.Subject), row.Origin, 30) * 60 },
		"Temperature_missing_1h": func(row features.Row) float64 {
			w := min(60, row.Origin+1)
			return 1 - float64(len(window(0, row, 60)))/float64(w)
		},
		"Temperature_changes_24h": func(row features.Row) float64 {
			return changes(p.Series(0, row.Subject)[:row.Origin+1], row.Origin-1440)
		},
		"Temperature_peers": func(row features.Row) float64 {
			var all []float64
			for s := range p.Subjects {
				if v := p.Series(0, s)[row.Origin]; v == v {
					all = append(all, v)
				}
			}
			if len(all) < 3 {
				return nan
			}
			sort.Float64s(all)
			return at(row, 0) - all[(len(all)-1)/2]
		},
		"day_sin": func(row features.Row) float64 { return math.Sin(2 * math.Pi * float64(row.Origin) / 1440) },
	}
	for name, want := range slow {
		for r, got := range column(t, f, name) {
			if w := want(f.Rows[r]); !near(got, w) {
				t.Errorf("%s at %v: got %v, want %v", name, f.Rows[r], got, w)
				break
			}
		}
	}
}

// TestQuantilesAreThoseOfTheSamples compares with a sorted copy, on a window
// that is short enough for every sample to be used.
func TestQuantilesAreThoseOfTheSamples(t *testing.T) {
	target := levelTarget()
	target.Interval = time.Hour // the longest window is 28 d: 672 steps, every 10th
	p := drawPanel(5, target, 1, 2000)
	origins := indices(p.Len)
	f := extract(t, p, target, features.Options{Origins: origins})
	got := column(t, f, "Temperature_q50_28d")
	phase := int(p.Start.Unix() / 3600)
	for r, row := range f.Rows {
		var sample []float64
		for i := max(0, row.Origin-671); i <= row.Origin; i++ {
			if v := p.Series(0, 0)[i]; v == v && (i+phase)%10 == 0 {
				sample = append(sample, v)
			}
		}
		want := nan
		if n := len(sample); n > 0 {
			sort.Float64s(sample)
			want = (sample[(n-1)/2] + sample[n/2]) / 2
		}
		if !near(got[r], want) {
			t.Fatalf("at %d: got %v, want %v", row.Origin, got[r], want)
		}
	}
}

// TestColumns wants names that are unique, words and units.
func TestColumns(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
		for _, target := range []*features.Target{levelTarget("load", "power_watts"), eventTarget("load", "power_watts")} {
			target.Interval = interval
			f := extract(t, drawPanel(1, target, 1, 3), target, features.Options{Origins: []int{2}})
			seen := map[string]bool{}
			for _, c := range f.Columns {
				if seen[c.Name] || c.Text == "" || strings.Contains(c.Text+c.Unit, "SIGNAL") || strings.Contains(c.Unit, "UNIT") {
					t.Errorf("interval %s: column %+v", interval, c)
				}
				seen[c.Name] = true
			}
			if len(f.Columns) < 30 || len(f.Columns) > 70 {
				t.Errorf("interval %s: %d columns", interval, len(f.Columns))
			}
		}
	}
}

func TestResultDoesNotDependOnProcessors(t *testing.T) {
	target := levelTarget("load")
	p := drawPanel(2, target, 20, 2000)
	o := features.Options{Origins: features.Origins(p, 10*time.Minute, time.Time{}, time.Time{}), Labels: true}
	before := runtime.GOMAXPROCS(1)
	one := extract(t, p, target, o)
	runtime.GOMAXPROCS(8)
	many := extract(t, p, target, o)
	runtime.GOMAXPROCS(before)
	if !sameFloats(one.X, many.X) || !sameFloats(one.Labels, many.Labels) || !slices.Equal(one.Rows, many.Rows) {
		t.Error("eight processors give another frame than one")
	}
}

func TestExtractSaysWhatIsWrong(t *testing.T) {
	target := levelTarget()
	tests := map[string]struct {
		change func(p *features.Panel, o *features.Options)
		want   string
	}{
		"an origin past the panel":   {func(_ *features.Panel, o *features.Options) { o.Origins = []int{50} }, "not within the panel's 50 steps"},
		"origins in disorder":        {func(_ *features.Panel, o *features.Options) { o.Origins = []int{2, 1} }, "not ascending"},
		"a lead into the past":       {func(_ *features.Panel, o *features.Options) { o.Leads = []int{0, 1} }, "leads are not ascending from 1"},
		"another grid":               {func(p *features.Panel, _ *features.Options) { p.Interval = time.Hour }, "the panel's interval 1h0m0s is not the target's 1m0s"},
		"a series too short":         {func(p *features.Panel, _ *features.Options) { p.Values[1] = p.Values[1][:9] }, "series 1 of the panel has 9 values, want 50"},
		"a signal that is not there": {func(p *features.Panel, _ *features.Options) { p.Values = p.Values[:1] }, "holds 1 signals and 1 series"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, o := drawPanel(1, target, 2, 50), features.Options{Origins: []int{49}}
			test.change(p, &o)
			if _, err := features.Extract(p, target, o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func near(got, want float64) bool {
	return got != got && want != want || got == want || math.Abs(got-want) <= 1e-9*(1+math.Abs(want))
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values)) // 0/0 is NaN
}

func std(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	if len(values) < 2 {
		return nan
	}
	return math.Sqrt(sum / float64(len(values)-1))
}

func halves(y []float64, i, half int) float64 {
	part := func(end int) float64 {
		var present []float64
		for _, v := range y[max(0, end+1-half):max(0, end+1)] {
			if v == v {
				present = append(present, v)
			}
		}
		return mean(present)
	}
	return (part(i) - part(i-half)) / float64(half)
}

func changes(y []float64, after int) float64 {
	count, previous := 0.0, nan
	for i, v := range y {
		if v != v {
			continue
		}
		if previous == previous && v != previous && i > after {
			count++
		}
		previous = v
	}
	return count
}
