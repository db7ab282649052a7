package features_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// memory holds the series of signals; each is written "node=x,gpu=0" with
// samples at seconds after monday.
type sampleAt struct {
	seconds float64
	value   float64
}

func put(t testing.TB, m *collector.Memory, signal, labels string, samples ...sampleAt) {
	t.Helper()
	var s collector.Series
	for _, pair := range strings.Split(labels, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			s.Labels = append(s.Labels, collector.Label{Name: name, Value: value})
		}
	}
	for _, at := range samples {
		s.Times = append(s.Times, monday.UnixMilli()+int64(at.seconds*1000))
		s.Values = append(s.Values, at.value)
	}
	if err := m.Add(signal, s); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, r features.Reader, target *features.Target, steps int) *features.Panel {
	t.Helper()
	p, err := features.Load(context.Background(), r, target, collector.Window{Start: monday, End: monday.Add(time.Duration(steps-1) * target.Interval)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func gpuTarget(signals ...string) *features.Target {
	t := levelTarget(signals...)
	t.Subject = collector.SubjectSpec{Kind: "gpu", Labels: []string{"node", "gpu"}}
	return t
}

func TestLoadTakesTheNewestSampleWithinAnInterval(t *testing.T) {
	m := collector.NewMemory(time.Minute)
	put(t, m, "Temperature", "node=x",
		sampleAt{-59.9, 1}, sampleAt{60, 2}, sampleAt{119.9, 3}, sampleAt{180.1, 4}, sampleAt{300, 5})
	p := load(t, m, levelTarget(), 7)
	want := []float64{1, 2, 3, nan, 4, 5, nan}
	if got := p.Series(0, 0); !sameFloats(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLoadJoinsCovariates(t *testing.T) {
	m := collector.NewMemory(time.Minute)
	for i, gpu := range []string{"gpu=1,node=b", "gpu=0,node=a", "gpu=1,node=a"} {
		put(t, m, "Temperature", gpu, sampleAt{0, float64(i)})
	}
	put(t, m, "power", "gpu=1,node=a", sampleAt{0, 300})
	put(t, m, "power", "gpu=7,node=a", sampleAt{0, 400}) // no such subject
	put(t, m, "inlet", "node=a", sampleAt{0, 20})
	put(t, m, "inlet", "node=b", sampleAt{0, 30})
	put(t, m, "price", "", sampleAt{0, 9})
	put(t, m, "other", "rack=r", sampleAt{0, 1})
	p := load(t, m, gpuTarget("power", "inlet", "price", "other", "nothing"), 1)

	wantSubjects := []collector.Subject{{Kind: "gpu", Name: "a:0"}, {Kind: "gpu", Name: "a:1"}, {Kind: "gpu", Name: "b:1"}}
	if !slices.Equal(p.Subjects, wantSubjects) {
		t.Errorf("got subjects %v, want %v", p.Subjects, wantSubjects)
	}
	want := [][]float64{{1, 2, 0}, {nan, 300, nan}, {20, 20, 30}, {9, 9, 9}, {nan, nan, nan}, {nan, nan, nan}}
	for k, signal := range p.Signals {
		var got []float64
		for s := range p.Subjects {
			got = append(got, p.Series(k, s)[0])
		}
		if !sameFloats(got, want[k]) {
			t.Errorf("%s: got %v, want %v", signal, got, want[k])
		}
	}
}

func TestLoadMasksMaintenance(t *testing.T) {
	m := collector.NewMemory(time.Minute)
	for _, gpu := range []string{"gpu=0,node=a", "gpu=0,node=b"} {
		put(t, m, "Temperature", gpu, sampleAt{0, 1}, sampleAt{60, 2}, sampleAt{120, 3})
	}
	put(t, m, "price", "", sampleAt{0, 7}, sampleAt{60, 8}, sampleAt{120, 9})
	put(t, m, "Temperature:maintenance", "node=a", sampleAt{0, 0}, sampleAt{60, 1}, sampleAt{120, 0})
	target := gpuTarget("price")
	target.Maintenance = `max by (node) (unschedulable) == 1`
	s, ok, err := target.MaintenanceSignal()
	if err != nil || !ok || s.Name != "Temperature:maintenance" || !slices.Equal(s.Subject.Labels, []string{"node"}) {
		t.Errorf("got maintenance signal %+v, %v, %v", s, ok, err)
	}
	p := load(t, m, target, 3)
	for k, want := range [][][]float64{{{1, nan, 3}, {1, 2, 3}}, {{7, nan, 9}, {7, 8, 9}}} {
		for s := range p.Subjects {
			if got := p.Series(k, s); !sameFloats(got, want[s]) {
				t.Errorf("signal %s of %s: got %v, want %v", p.Signals[k], p.Subjects[s], got, want[s])
			}
		}
	}
}

func TestLoadReadsAbsentAlertsAsFalse(t *testing.T) {
	m := collector.NewMemory(time.Minute)
	put(t, m, "Alert", "node=a", sampleAt{120, 1}, sampleAt{180, 1})
	put(t, m, "restarts", "node=b", sampleAt{60, 0})
	target := levelTarget()
	target.Name, target.Level, target.Objective, target.Alert = "Alert", "", nil, "Alert"
	if got := load(t, m, target, 6).Series(0, 0); !sameFloats(got, []float64{nan, nan, 1, 1, 0, 0}) {
		t.Errorf("got %v", got)
	}

	target.Signals = []string{"restarts"} // b never fired, and went away
	p := load(t, m, target, 80)
	if len(p.Subjects) != 2 {
		t.Fatalf("got subjects %v", p.Subjects)
	}
	b := p.Series(0, 1)
	if b[0] == 0 || b[1] != 0 || b[61] != 0 || b[62] == 0 {
		t.Errorf("got %v, want 0 from the first sample of restarts until an hour after the last", b)
	}
}

func TestLoadInChunksIsTheSame(t *testing.T) {
	m := collector.NewMemory(time.Minute)
	for i, node := range []string{"node=a", "node=b", "node=c"} {
		put(t, m, "Temperature", node, sampleAt{0, float64(i)})
	}
	target := levelTarget()
	whole := load(t, m, target, 1)
	for s, sub := range whole.Subjects {
		p, err := features.LoadSubjects(context.Background(), m, target, collector.Window{Start: monday, End: monday},
			func(other collector.Subject) bool { return other == sub })
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Subjects) != 1 || !sameFloats(p.Series(0, 0), whole.Series(0, s)) {
			t.Errorf("%s: got %v %v", sub, p.Subjects, p.Values)
		}
	}
}

// TestLoadNeverTakesFromAfter drops all samples after a grid point, and wants
// the grid up to it the same.
func TestLoadNeverTakesFromAfter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var samples []sampleAt
		at := -120.0
		for range rapid.IntRange(0, 30).Draw(r, "samples") {
			at += rapid.Float64Range(1, 200).Draw(r, "gap")
			samples = append(samples, sampleAt{at, at})
		}
		cut := rapid.IntRange(0, 19).Draw(r, "cut")
		all, past := collector.NewMemory(time.Minute), collector.NewMemory(time.Minute)
		put(t, all, "Temperature", "node=x", append(slices.Clone(samples), sampleAt{at + 1, at + 1})...)
		put(t, past, "Temperature", "node=x", slices.DeleteFunc(append(slices.Clone(samples), sampleAt{at + 1, at + 1}),
			func(s sampleAt) bool { return s.seconds > float64(cut*60) })...)
		a, b := load(t, all, levelTarget(), 20), load(t, past, levelTarget(), cut+1)
		if len(b.Subjects) == 0 {
			return
		}
		got, want := a.Series(0, 0)[:cut+1], b.Series(0, 0)
		if !sameFloats(got, want) {
			r.Fatalf("got %v, want %v", got, want)
		}
		for i, v := range got {
			if v == v && (v > float64(i*60) || v <= float64(i*60-60)) {
				r.Fatalf("step %d holds the sample of second %v", i, v)
			}
		}
	})
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	target := levelTarget("load")
	if _, err := features.Load(context.Background(), broken{}, target, collector.Window{Start: monday, End: monday}); !errors.Is(err, errBroken) ||
		!strings.Contains(err.Error(), "target Temperature: read signal Temperature") {
		t.Errorf("got %v", err)
	}
	_, err := features.Load(context.Background(), broken{}, target, collector.Window{Start: monday, End: monday, Step: time.Second})
	if err == nil || !strings.Contains(err.Error(), "the window's step 1s is not the target's interval 1m0s") {
		t.Errorf("got %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Select(context.Context, string, collector.Window) ([]collector.Series, error) {
	return nil, errBroken
}
