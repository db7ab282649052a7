package models

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// shares says in words which experts a mixture's forecast at a lead is made of,
// the three weightiest.
func (m *mixture) shares(lead int) Driver {
	weights := map[string]float64{}
	for j, b := range m.experts {
		weights[expertWords(b)] += m.weight(j, lead)
	}
	names := make([]string, 0, len(weights))
	for name := range weights {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(3, len(names))] {
		if share := math.Round(100 * weights[name]); share >= 1 {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", name, share))
		}
	}
	return Driver{Column: "experts", Value: math.NaN(), Text: "forecast by " + strings.Join(parts, ", ")}
}

// expertWords names an expert for readers of a forecast.
func expertWords(b base) string {
	switch b := b.(type) {
	case lastValue:
		return "the last value"
	case lastSeason, movedSeason:
		return "the season before"
	case recentWindow:
		return fmt.Sprintf("the last %d values", b.n)
	case coarseWindow:
		return "a longer window"
	}
	return strings.ReplaceAll(b.kind(), "-", " ")
}
