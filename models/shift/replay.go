package shift

import (
	"slices"
	"time"
)

// Replay looks at subjects on one grid every so many steps from step from on, at
// each time with what was known at that time, and returns what each look told,
// in order. The tracker holds what stands at the end.
func Replay(t *Tracker, subjects []Observed, changes []Change, from, every int) []Regression {
	if len(subjects) == 0 {
		return nil
	}
	grid := subjects[0].Series
	var told []Regression
	seen := make([]Observed, len(subjects))
	for n := max(1, from); n <= len(grid.Latency); n += max(1, every) {
		for i, s := range subjects {
			seen[i] = Observed{Subject: s.Subject, Labels: s.Labels, Series: s.Series.Until(n)}
		}
		now := grid.Time(n - 1)
		told = append(told, t.Look(now, slices.Values(seen), before(changes, now))...)
	}
	return told
}

// before returns the changes (oldest first) that had happened by a time.
func before(changes []Change, now time.Time) []Change {
	n := len(changes)
	for n > 0 && changes[n-1].At.After(now) {
		n--
	}
	return changes[:n]
}
