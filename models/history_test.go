package models_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// TestWhatAHistoryKeepsIsWhatItIs is the property of all that is worked out
// once: read through one history again and again, row after row and target after
// target, it is the same as worked out afresh.
func TestWhatAHistoryKeepsIsWhatItIs(t *testing.T) {
	scales := []features.Scale{features.ScaleRaw, features.ScaleLog, features.ScaleLogit, features.ScaleCount}
	var used models.History // by every case
	rapid.Check(t, func(t *rapid.T) {
		target := levelTarget(rapid.SampledFrom(scales).Draw(t, "scale"))
		target.Signals, target.Season = nil, rapid.IntRange(2, 9).Draw(t, "season")
		past := rapid.SliceOfN(rapid.OneOf(
			rapid.Float64Range(0, 1), rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, 1, 1e-300, 1e300, -1e300, math.MaxFloat64}),
			rapid.SampledFrom([]float64{math.NaN(), math.Inf(1)}),
		), 2, 120).Draw(t, "past")
		p := onePanel(target, past)
		for _, origin := range []int{len(past) / 2, len(past) - 1} {
			f, err := features.Extract(p, target, features.Options{Origins: []int{origin}})
			if err != nil {
				t.Fatal(err)
			}
			for row := range f.Rows {
				var fresh models.History
				if used.Begin(f, row) != fresh.Begin(f, row) {
					t.Fatal("a used history begins where a new one does not, or the other way round")
				}
				if !fresh.Begin(f, row) {
					continue
				}
				for range 2 {
					kept, plain := used.Read(target.Season), fresh.Plain(target.Season)
					if len(kept) != len(plain) {
						t.Fatalf("%d numbers, want %d", len(kept), len(plain))
					}
					for i, want := range plain {
						if got := kept[i]; !(math.Abs(got-want) <= 1e-9*(1+math.Abs(want))) && !(math.IsNaN(got) && math.IsNaN(want)) {
							t.Fatalf("number %d: kept %v, want %v", i, got, want)
						}
					}
				}
			}
		}
	})
}
