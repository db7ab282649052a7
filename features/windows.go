package features

import (
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// window is a length of the past that features look over.
type window struct {
	steps int
	name  string // 6h, as in column names
	text  string // 6 h, as in sentences
	slot  int    // see plan.offsets; 0 where a track keeps no sums for it
	half  int
}

// ladder holds the windows to choose from.
var ladder = [...]time.Duration{
	15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour,
}

// windowsOf returns the three or four shortest windows of the ladder that hold
// at least four steps of the grid, ascending; on a grid too coarse for that,
// windows of 4, 16 and 64 steps.
func windowsOf(interval time.Duration) []window {
	var ws []window
	for _, d := range ladder {
		if d >= 4*interval && len(ws) < 4 {
			ws = append(ws, newWindow(d, interval))
		}
	}
	if len(ws) < 3 {
		ws = []window{newWindow(4*interval, interval), newWindow(16*interval, interval), newWindow(64*interval, interval)}
	}
	return ws
}

func newWindow(d, interval time.Duration) window {
	name := model.Duration(d).String()
	switch days := d / (24 * time.Hour); {
	case days == 1 && d%(24*time.Hour) == 0:
		name = "24h" // not the calendar's day
	case days > 1 && d%(24*time.Hour) == 0:
		name = strconv.Itoa(int(days)) + "d" // not weeks
	}
	return window{steps: max(1, int(d/interval)), name: name, text: spaced(name)}
}

// spaced writes a duration as people do: 90m as "90 min", 6h as "6 h".
func spaced(name string) string {
	for i := range name {
		if _, err := strconv.Atoi(name[:i+1]); err != nil {
			unit := name[i:]
			if unit == "m" {
				unit = "min"
			}
			return name[:i] + " " + unit
		}
	}
	return name
}

// Lookback returns how far before its origin a row's features may look: a
// panel that reaches that far back gives the same features as a longer one. It
// is the longest window or season of a level, and of an event 10,080 steps (a
// week at a step a minute), at least a week and at most a year.
func Lookback(t *Target) time.Duration {
	return time.Duration(lookbackSteps(t)) * t.Interval
}

func lookbackSteps(t *Target) int {
	ws := windowsOf(t.Interval)
	steps := max(ws[len(ws)-1].steps, t.SeasonSteps()) + 1
	if t.IsEvent() {
		week, year := stepsOf(7*24*time.Hour, t.Interval), stepsOf(365*24*time.Hour, t.Interval)
		steps = max(steps, min(max(week, week10080), year))
	}
	return steps
}

const week10080 = 10080 // the steps of a week at a step a minute
