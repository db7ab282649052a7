package features_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

var nan = math.NaN()

// monday is a Monday at midnight.
var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func levelTarget(signals ...string) *features.Target {
	return &features.Target{
		Name: "Temperature", Interval: time.Minute, Level: "t",
		Objective: &features.Objective{Op: "<", Bound: 1}, For: 3 * time.Minute,
		Horizons: []time.Duration{15 * time.Minute, time.Hour},
		Subject:  collector.SubjectSpec{Kind: "node", Labels: []string{"node"}},
		Signals:  signals, Units: map[string]string{"Temperature": "°C"},
	}
}

func eventTarget(signals ...string) *features.Target {
	t := levelTarget(signals...)
	t.Name, t.Level, t.Event, t.Objective = "NodeNotReady", "", "ready == 0", nil
	return t
}

// drawPanel makes a panel of random walks (events: runs of 0 and 1) with gaps.
func drawPanel(seed uint64, t *features.Target, subjects, length int) *features.Panel {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &features.Panel{Start: monday, Interval: t.Interval, Len: length, Signals: append([]string{t.Name}, t.Signals...)}
	for s := range subjects {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "node", Name: fmt.Sprintf("n%03d", s)})
	}
	for k := range p.Signals {
		for range p.Subjects {
			event := k == 0 && t.IsEvent()
			y, v, gap := make([]float64, length), 0.0, 0
			for i := range y {
				switch {
				case event && r.Float64() < 0.1:
					v = 1 - v
				case !event && r.Float64() < 0.7:
					v += r.NormFloat64() / 3
				}
				if gap == 0 && r.Float64() < 0.02 {
					gap = 1 + r.IntN(12)
				}
				y[i] = v
				if gap > 0 {
					gap--
					y[i] = nan
				}
			}
			p.Values = append(p.Values, y)
		}
	}
	return p
}

func drawTarget(t *rapid.T) *features.Target {
	signals := []string{"load", "power_watts"}[:rapid.IntRange(0, 2).Draw(t, "signals")]
	if rapid.Bool().Draw(t, "event") {
		return eventTarget(signals...)
	}
	return levelTarget(signals...)
}

// sameFloats says whether two slices hold the same bits, all NaN being alike.
func sameFloats(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			return false
		}
	}
	return true
}

func extract(t interface {
	Helper()
	Fatal(...any)
}, p *features.Panel, target *features.Target, o features.Options) *features.Frame {
	t.Helper()
	f, err := features.Extract(p, target, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// index returns the index of a column.
func index(t *testing.T, f *features.Frame, name string) int {
	t.Helper()
	for i, c := range f.Columns {
		if c.Name == name {
			return i
		}
	}
	t.Fatalf("no column %s", name)
	return 0
}

func column(t *testing.T, f *features.Frame, name string) []float64 {
	t.Helper()
	c := index(t, f, name)
	values := make([]float64, len(f.Rows))
	for r := range f.Rows {
		values[r] = f.Features(r)[c]
	}
	return values
}
