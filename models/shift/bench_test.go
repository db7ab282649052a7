package shift_test

import (
	"testing"

	"github.com/driftcast/driftcast/models/shift"
)

// BenchmarkDetect looks at a day of a service's minutes: as before, slower, and
// freed from its load.
func BenchmarkDetect(b *testing.B) {
	day := world{n: days, seed: 1}.series()
	slower := world{n: days, seed: 1, shift: from(days-hours, 0, 1.5)}.series()
	week := world{n: 7 * days, seed: 1, load: daily(1)}.series()
	bare := func(s shift.Series) shift.Series { s.Load = nil; return s }
	for name, s := range map[string]shift.Series{"steady": bare(day), "slower": bare(slower), "load": day, "week": week} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				shift.Detect(s, shift.Options{})
			}
			b.ReportMetric(10_000*b.Elapsed().Seconds()/float64(b.N), "s/10000")
		})
	}
}
