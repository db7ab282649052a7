package models

import (
	"math"
	"time"

	"github.com/driftcast/driftcast/features"
)

// localGroups name the columns of localFeatures in words, in the order of the
// columns: a group ends before until, and told is the column whose place is
// its value (−1: none). Words of none depend on the season. What the columns of a group contributed adds up.
var localGroups = [...]struct {
	until, told   int
	column, words string
}{
	{6, columnLast, "last", "now"},
	{15, 8, "recent", "mean of the last 32 samples"},
	{20, 17, "usual", "median of the last 256 samples"},
	{22, -1, "trend", "trend of the last 32 samples"},
	{27, -1, "liveliness", "how much it moved of late"},
	{rowColumns, -1, "gaps", "missing samples"},
	{rowColumns + 1, -1, "lead", "how far ahead it is"},
	{rowColumns + 2, -1, "age", "age of the last sample"},
	{rowColumns + 8, rowColumns + 3, "season", ""},
	{rowColumns + 10, rowColumns + 8, "week", ""},
	{localWidth, -1, "phase", ""},
}

// explain implements explainer: exact Shapley values of the median at the last
// lead, and what the start has of the last value against the recent median.
func (b *boostedQuantiles) explain(h *history, f *features.Frame, dst []Driver) []Driver {
	var x, phi [localWidth]float64
	l := b.features.begin(h, x[:])
	lead := f.Leads[len(f.Leads)-1]
	b.features.lead(h, &l, lead, x[rowColumns:])
	if b.trees != nil {
		b.trees.Explain(x[:], Median, phi[:])
	}
	var start [len(Quantiles)]float64
	b.features.start(lead, x[columnLast], &l.start, start[:])
	phi[columnLast] += start[Median]
	season := time.Duration(b.features.season) * f.Panel.Interval
	from := 0
	for _, g := range localGroups {
		var sum float64
		for _, v := range phi[from:g.until] {
			sum += v
		}
		from = g.until
		if sum == 0 {
			continue
		}
		value := math.NaN()
		if g.told >= 0 {
			value = h.out(l.back(x[g.told]))
		}
		words := g.words
		switch g.column {
		case "season":
			words = "the same time " + spell(season) + " ago"
		case "week":
			words = "the same time " + spell(seasonsAWeek*season) + " ago"
		case "phase":
			words = "place within " + spell(season)
		}
		dst = append(dst, levelDriver(f.Target, g.column, words, value, l.unit*sum))
	}
	return dst
}
