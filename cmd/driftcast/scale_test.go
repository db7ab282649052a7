package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

// askedPlainly is sim.Scale asked in PromQL: it answers whatever expression is made of
// the one name in it, which is all that the targets below ask for.
type askedPlainly struct {
	*sim.Scale
	samples atomic.Int64
}

var plainName = regexp.MustCompile(`[a-z]+_(event|[0-9]+)`)

// QueryRange implements collector.Source.
func (p *askedPlainly) QueryRange(ctx context.Context, expr string, w collector.Window) (collector.Result, error) {
	r, err := p.Scale.QueryRange(ctx, plainName.FindString(expr), w)
	for _, s := range r.Series {
		p.samples.Add(int64(len(s.Times)))
	}
	return r, err
}

// scaleTargets writes a target file of so many signals in all: two levels, an
// event, and covariates of which each target uses four.
func scaleTargets(t testing.TB, signals int) (file string, names []string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("groups:\n- name: scale\n  interval: 1m\n  signals:\n")
	for i := range signals - 3 {
		name := fmt.Sprintf("signal_%d", i)
		names = append(names, name)
		fmt.Fprintf(&b, "  - {signal: covariate_%d, unit: ratio, help: one of many, subject: {kind: gpu, labels: [node, gpu]}, expr: %s}\n", i, name)
	}
	names = append(names, "level_0", "level_1", "fault_event")
	b.WriteString("  targets:\n")
	target := func(name, what string, first int) {
		fmt.Fprintf(&b, "  - {target: %s, subject: {kind: gpu, labels: [node, gpu]}, %s, horizons: [15m, 1h, 6h], signals: [", name, what)
		for i := range 4 {
			fmt.Fprintf(&b, "covariate_%d, ", (first+i)%(signals-3))
		}
		b.WriteString("]}\n")
	}
	target("Hot", "level: level_0, objective: '< 85'", 0)
	target("Power", "level: level_1", 2)
	target("Fault", "event: fault_event > 0", 4)
	file = filepath.Join(t.TempDir(), "targets.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, names
}

// scaled is the service over very many GPUs, and what it costs.
type scaled struct {
	*service
	source *askedPlainly
	now    time.Time
}

func newScaled(t testing.TB, gpus, signals int, backfill time.Duration) *scaled {
	t.Helper()
	file, names := scaleTargets(t, signals)
	source, err := sim.NewScale(gpus, names...)
	if err != nil {
		t.Fatal(err)
	}
	c := defaultConfig()
	c.TargetFiles = []string{file}
	c.History.Backfill = model.Duration(backfill)
	c.Prometheus.Concurrency = 2
	s := &scaled{source: &askedPlainly{Scale: source}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	a := &app{storagePath: t.TempDir(), out: t.Output(), err: t.Output()}
	clock := func() time.Time { return s.now }
	if s.service, err = a.wire(t.Context(), c, world{source: s.source, now: clock}, webFlags{listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// step makes one step a minute later, and says how long it took and how many
// forecasts it made.
func (s *scaled) step(t testing.TB) (cost cost, made int) {
	t.Helper()
	s.now = s.now.Add(time.Minute)
	before := costNow()
	if err := s.forecaster.Step(t.Context(), s.now); err != nil {
		t.Fatal(err)
	}
	cost = costNow().minus(before)
	for _, target := range s.forecaster.Status().Targets {
		made += target.Forecasts
	}
	return cost, made
}

// cost is time, on the wall and on the processors.
type cost struct{ wall, cpu float64 }

func costNow() cost {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return cost{wall: math.NaN(), cpu: math.NaN()}
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return cost{wall: float64(time.Now().UnixNano()) / 1e9, cpu: seconds(u.Utime) + seconds(u.Stime)}
}

func (c cost) minus(d cost) cost { return cost{c.wall - d.wall, c.cpu - d.cpu} }

// watchHeap returns the highest heap in use, in MiB, until it is asked.
func watchHeap() func() float64 {
	stop, peak := make(chan struct{}), make(chan float64)
	go func() {
		var m runtime.MemStats
		var most uint64
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-stop:
				peak <- float64(most) / (1 << 20)
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(stop); return <-peak }
}

// residentPeak is the most memory the process has ever held, in MiB.
func residentPeak() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return math.NaN()
	}
	var kib float64
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				return math.NaN()
			}
		}
	}
	return kib / 1024
}

// TestScaleSmall proves that what the benchmark measures works.
func TestScaleSmall(t *testing.T) {
	const gpus = 200
	s := newScaled(t, gpus, 10, 3*time.Hour)
	for range 3 {
		if _, made := s.step(t); made != 3*gpus {
			t.Fatalf("got %d forecasts, want %d: %+v", made, 3*gpus, s.forecaster.Status())
		}
	}
	if want := int64(gpus * 10 * (180 + 1 + 2)); s.source.samples.Load() != want {
		t.Errorf("collected %d samples, want %d: each grid point once", s.source.samples.Load(), want)
	}
	f, err := s.store.Forecast(t.Context(), "Hot", "gpu/gpu-00003:5")
	if err != nil {
		t.Fatal(err)
	}
	if !f.Origin.Equal(s.now) || len(f.Risks) != 3 {
		t.Errorf("got origin %s, risks %v; want %s and three risks", f.Origin, f.Risks, s.now)
	}
}

// BenchmarkScale is the forecast cycle over thousands of GPUs. Each size tells
// the seconds of collecting history, of the first step and of those that
// follow, and of how much memory. DRIFTCAST_SCALE_HISTORY is how much history
// is there first (default 3h), DRIFTCAST_SCALE_GPUS a further size, such as
// 100000. A size after another tells the exponents of growth: 1 is linear.
func BenchmarkScale(b *testing.B) {
	history := 3 * time.Hour
	if text := os.Getenv("DRIFTCAST_SCALE_HISTORY"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			b.Fatal(err)
		}
		history = d
	}
	sizes := []struct{ gpus, signals int }{{1000, 10}, {10_000, 10}, {10_000, 25}}
	if text := os.Getenv("DRIFTCAST_SCALE_GPUS"); text != "" {
		var more int
		if _, err := fmt.Sscan(text, &more); err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, struct{ gpus, signals int }{more, 10})
	}
	type measured struct{ gpus, step, heap float64 }
	var of10 []measured
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.gpus, size.signals), func(b *testing.B) {
			runtime.GC()
			heap := watchHeap()
			s := newScaled(b, size.gpus, size.signals, history)
			first, _ := s.step(b)
			backfilled := s.source.samples.Load()
			var steps cost
			made, n := 0, 0
			for b.Loop() {
				for range 5 {
					c, m := s.step(b)
					steps.wall, steps.cpu = steps.wall+c.wall, steps.cpu+c.cpu
					made, n = made+m, n+1
				}
			}
			peak := heap()
			b.ReportMetric(first.cpu, "first-cpu-s")
			b.ReportMetric(float64(backfilled)/first.cpu, "samples/cpu-s")
			b.ReportMetric(steps.wall/float64(n), "step-s")
			b.ReportMetric(steps.cpu/float64(n), "step-cpu-s")
			b.ReportMetric(float64(made)/steps.cpu, "forecasts/cpu-s")
			b.ReportMetric(peak, "heap-MiB")
			b.ReportMetric(residentPeak(), "rss-MiB")
			b.ReportMetric(0, "ns/op")
			if size.signals != 10 {
				return
			}
			of10 = append(of10, measured{float64(size.gpus), steps.cpu / float64(n), peak})
			if len(of10) > 1 {
				from, to := of10[len(of10)-2], of10[len(of10)-1]
				grown := func(a, b float64) float64 { return math.Log(b/a) / math.Log(to.gpus/from.gpus) }
				b.ReportMetric(grown(from.step, to.step), "time-exponent")
				b.ReportMetric(grown(from.heap, to.heap), "heap-exponent")
			}
		})
	}
}
