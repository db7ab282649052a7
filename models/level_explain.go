package models

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/features"
)

// Explain implements Explainer. A level model sees nothing but the series, so
// what moves its forecast is said of the series: where it stands, where it
// mostly stood, and what it did one season ago. Contributions are differences
// from the last known value, in the level's own unit.
func (l *level) Explain(f *features.Frame, row int, dst []Driver) []Driver {
	past, t, from := f.Past(row), f.Target, len(dst)
	h, _ := l.scratch.Get().(*history)
	if h == nil {
		h = new(history)
	}
	defer l.scratch.Put(h)
	if !h.begin(f, row, l.typical) || len(f.Leads) == 0 {
		return dst
	}
	if e, ok := l.base.(explainer); ok {
		return strongest(e.explain(h, f, dst), from)
	}
	last := h.out(h.last)
	add := func(column, words string, value, contribution float64) {
		dst = append(dst, levelDriver(t, column, words, value, contribution))
	}
	interval := f.Panel.Interval
	season, longest := t.SeasonSteps(), f.Leads[len(f.Leads)-1]
	if then := len(past) - 1 - season; then >= 0 {
		ago := spell(time.Duration(season) * interval)
		end := min(then+longest, len(past)-1)
		if peak, ok := extreme(past[then:end+1], t.Objective); ok {
			add("season_peak", worst(t.Objective)+" of the "+spell(time.Duration(end-then)*interval)+" after this time "+ago+" ago", peak, peak-last)
		}
		if v := past[then]; v-v == 0 {
			add("season_value", "the same time "+ago+" ago", v, v-last)
		}
	}
	recent := h.take(h.known)
	copy(recent, h.recent[:h.known])
	slices.Sort(recent)
	middle := h.out(recent[h.known/2])
	add("recent_median", "median of the last "+strconv.Itoa(h.known)+" samples", middle, middle-last)
	dst = strongest(dst, from)
	now := "now"
	if h.age > 0 {
		now = spell(time.Duration(h.age)*interval) + " ago, its last sample"
	}
	add("last", now, last, 0)
	if m, ok := l.base.(*mixture); ok {
		dst = append(dst, m.shares(longest))
	}
	return dst
}

// explainer is a base that can say what moved one of its forecasts.
type explainer interface {
	// explain appends what moved the median of the row's last lead, in any
	// order; a contribution is on the model's scale.
	explain(h *history, f *features.Frame, dst []Driver) []Driver
}

// levelDriver words a value of a target's level; of NaN only the words are told.
func levelDriver(t *features.Target, column, words string, value, contribution float64) Driver {
	text := words
	if value == value {
		text += " " + quantity(value, t.Units[t.Name])
	}
	return Driver{Column: column, Value: value, Contribution: contribution, Text: text}
}

// extreme is the value of a stretch that is nearest to breaking the objective:
// its highest, or lowest where the level should stay above a bound.
func extreme(values []float64, o *features.Objective) (v float64, ok bool) {
	v = math.NaN()
	for _, x := range values {
		if x-x == 0 && (!ok || (x > v) != below(o)) {
			v, ok = x, true
		}
	}
	return v, ok
}

// below says that low values break the objective.
func below(o *features.Objective) bool { return o != nil && o.Op[0] == '>' }

func worst(o *features.Objective) string {
	if below(o) {
		return "lowest"
	}
	return "highest"
}
