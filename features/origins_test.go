package features_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
)

func TestOriginsDoNotHangOnThePanelsStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shift := rapid.IntRange(0, 300).Draw(t, "shift")
		every := time.Duration(rapid.IntRange(0, 90).Draw(t, "every")) * time.Minute
		long := &features.Panel{Start: monday, Interval: time.Minute, Len: 600}
		short := &features.Panel{Start: long.Time(shift), Interval: time.Minute, Len: 600 - shift}
		var want []int
		for _, i := range features.Origins(long, every, short.Start, time.Time{}) {
			want = append(want, i-shift)
		}
		got := features.Origins(short, every, time.Time{}, time.Time{})
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for _, i := range got {
			if every > 0 && short.Time(i).UnixNano()%int64(max(every, time.Minute)) != 0 {
				t.Fatalf("origin %s is no multiple of %s", short.Time(i), every)
			}
		}
	})
}

func TestDefaultLeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := levelTarget()
		target.Interval = rapid.SampledFrom([]time.Duration{time.Second, 15 * time.Second, time.Minute, time.Hour}).Draw(t, "interval")
		target.Horizons = nil
		for range rapid.IntRange(1, 5).Draw(t, "horizons") {
			target.Horizons = append(target.Horizons, time.Duration(rapid.IntRange(1, 20000).Draw(t, "steps"))*target.Interval)
		}
		slices.Sort(target.Horizons)
		target.Horizons = slices.Compact(target.Horizons)
		leads := features.DefaultLeads(target)
		last := int(target.Horizons[len(target.Horizons)-1] / target.Interval)
		switch {
		case len(leads) > 96, leads[0] != 1, leads[len(leads)-1] != last:
			t.Fatalf("leads %v of %v", leads, target.Horizons)
		case last <= 90 && len(leads) != last:
			t.Fatalf("got leads %v, want each of %d steps", leads, last)
		}
		for i := 1; i < len(leads); i++ {
			if leads[i] <= leads[i-1] {
				t.Fatalf("leads %v are not ascending", leads)
			}
		}
		for _, h := range target.Horizons {
			if !slices.Contains(leads, int(h/target.Interval)) {
				t.Fatalf("leads %v lack the horizon %s", leads, h)
			}
		}
	})
}
