//go:build unix

package features_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// memoryPass reads every sample once and adds those that are there: the least
// that any use of them costs.
func memoryPass(p *features.Panel) (sum float64) {
	for _, y := range p.Values {
		for _, v := range y {
			if v == v {
				sum += v
			}
		}
	}
	return sum
}

// cpuTime returns the processor time that the process has used: on a machine
// shared with others the clock on the wall says little.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkExtract prints its processor time as a multiple of a memory pass over the same
// samples, for training (two weeks a minute, origins every hour or quarter) and
// for a forecast (one origin, as much past as is looked at).
func BenchmarkExtract(b *testing.B) {
	signals := []string{"power", "utilisation", "clock", "memory"}
	tests := []struct {
		name  string
		t     *features.Target
		every time.Duration
	}{
		{"level/hourly", levelTarget(signals...), time.Hour},
		{"level/quarterly", levelTarget(signals...), 15 * time.Minute},
		{"event/hourly", eventTarget(signals...), time.Hour},
		{"event/quarterly", eventTarget(signals...), 15 * time.Minute},
		{"level/forecast", levelTarget(signals...), 0},
		{"event/forecast", eventTarget(signals...), 0},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			length, o := 14*1440, features.Options{Labels: true}
			if test.every == 0 {
				length, o = int(features.Lookback(test.t)/test.t.Interval), features.Options{}
			}
			p := drawPanel(1, test.t, 64, length)
			o.Origins = []int{p.Len - 1}
			if test.every > 0 {
				o.Origins = features.Origins(p, test.every, p.Time(1440), time.Time{})
			}
			samples := float64(len(p.Values) * p.Len)
			began, sum, passes := cpuTime(), 0.0, 0
			for ; passes < 3 || cpuTime()-began < 200*time.Millisecond; passes++ {
				sum += memoryPass(p)
			}
			pass := float64(cpuTime()-began) / float64(passes)
			if sum == 0 {
				b.Fatal("an empty panel")
			}
			b.ReportAllocs()
			rows := 0
			began = cpuTime()
			for b.Loop() {
				rows = len(extract(b, p, test.t, o).Rows)
			}
			perOp := float64(cpuTime()-began) / float64(b.N)
			b.ReportMetric(perOp/pass, "×memory-pass")
			b.ReportMetric(perOp/samples, "ns/sample")
			b.ReportMetric(perOp/float64(rows), "ns/row")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	m := collector.NewMemory(time.Minute)
	for _, signal := range []string{"Temperature", "power"} {
		for _, node := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			var samples []sampleAt
			for i := range 14 * 1440 {
				samples = append(samples, sampleAt{float64(60 * i), float64(i)})
			}
			put(b, m, signal, "node="+node, samples...)
		}
	}
	target := levelTarget("power")
	for b.Loop() {
		p, err := features.Load(context.Background(), m, target, collector.Window{Start: monday, End: monday.Add(14 * 24 * time.Hour)})
		if err != nil || len(p.Subjects) != 8 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(16*14*1440), "ns/sample")
}

func BenchmarkParseFile(b *testing.B) {
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		if _, err := features.ParseFile("sample.yml", []byte(sample)); err != nil {
			b.Fatal(err)
		}
	}
}
