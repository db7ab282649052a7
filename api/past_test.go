package api_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

func history(t testing.TB) *collector.Memory {
	t.Helper()
	m := collector.NewMemory(time.Minute)
	series := func(labels collector.Labels, value func(minute int) float64) collector.Series {
		s := collector.Series{Labels: labels}
		for minute := -600; minute <= 0; minute++ {
			if minute > -300 && minute < -290 {
				continue // a gap
			}
			s.Times = append(s.Times, origin.Add(time.Duration(minute)*time.Minute).UnixMilli())
			s.Values = append(s.Values, value(minute))
		}
		return s
	}
	chatLabels := collector.Labels{{Name: "namespace", Value: "serving"}, {Name: "service", Value: "chat"}}
	for name, s := range map[string]collector.Series{
		latency.Name:  series(chatLabels, func(minute int) float64 { return 1 + float64(minute)/1000 }),
		kvCache.Name:  series(chatLabels, func(int) float64 { return 0.5 }),
		notReady.Name: series(collector.Labels{{Name: "node", Value: "gpu-17"}}, func(minute int) float64 { return b2f(minute == -43) }),
	} {
		if err := m.Add(name, s); err != nil {
			t.Fatal(err)
		}
	}
	return m
}
