package features

import (
	"strings"
	"time"
)

// kind is one column made from a track: its name and words (SIGNAL stands for
// the signal), and its value at a step.
type kind struct {
	name  string
	text  string
	unit  string // "" is the signal's own
	value func(t *track) float64
}

// plan is the table of all columns of a target.
type plan struct {
	interval time.Duration
	windows  []window
	hours    float64 // an hour in steps
	cuts     []int   // the steps before an origin at which a track must be cut
}

func newPlan(t *Target) plan {
	p := plan{interval: t.Interval, windows: windowsOf(t.Interval), hours: float64(time.Hour) / float64(t.Interval)}
	p.cuts = p.offsets()
	return p
}

func (p plan) short() window { return p.windows[0] }
func (p plan) mid() window   { return p.windows[1] }
func (p plan) long() window  { return p.windows[len(p.windows)-1] }

// offsets lists the steps before an origin at which windows begin: a window's
// slot is the index of its own, and half names that of its later half, which
// slopes need.
func (p *plan) offsets() []int {
	offsets := []int{0}
	for i := range p.windows {
		w := &p.windows[i]
		w.slot = len(offsets)
		offsets = append(offsets, w.steps)
	}
	for _, i := range []int{1, 2} {
		w := &p.windows[i]
		w.half = len(offsets)
		offsets = append(offsets, w.steps/2, 2*(w.steps/2))
	}
	return offsets
}

// level lists the columns of a level's own signal.
func (p plan) level(season int) []kind {
	ks := []kind{p.last(), p.lag(p.mid())}
	if season != p.long().steps && season != p.mid().steps {
		ks = append(ks, p.lag(newWindow(time.Duration(season)*p.interval, p.interval)))
	}
	ks = append(ks,
		p.mean(p.short()), p.mean(p.mid()), p.mean(p.long()),
		p.std(p.mid()), p.std(p.long()),
		p.min(p.mid()), p.max(p.mid()), p.min(p.long()), p.max(p.long()),
		p.quantile(p.long(), "0.1"), p.quantile(p.long(), "0.5"), p.quantile(p.long(), "0.9"),
		p.slope(p.mid()), p.slope(p.windows[2]))
	for _, w := range p.windows {
		ks = append(ks, p.change(w))
	}
	return append(ks, p.sinceChange(), p.changes(p.long()), p.missing(p.mid()), p.missing(p.long()), p.sinceSample())
}

// covariate lists the columns of a further signal.
func (p plan) covariate() []kind {
	return []kind{
		p.last(), p.mean(p.mid()), p.std(p.mid()), p.max(p.long()), p.slope(p.mid()), p.change(p.mid()), p.change(p.long()),
		p.changes(p.long()), p.sinceChange(), p.missing(p.mid()),
	}
}

// event lists the columns of an event's own predicate.
func (p plan) event(lookback int) []kind {
	age := newWindow(time.Duration(lookback)*p.interval, p.interval)
	ks := []kind{{
		"since_onset", "time since SIGNAL last began", "h",
		func(t *track) float64 { return t.onsets.since(t.i, age.steps) / p.hours },
	}}
	for _, w := range recurrenceWindows(p.interval, lookback) {
		ks = append(ks, kind{
			"onsets_" + w.name, "times that SIGNAL began in " + w.text, "onsets",
			func(t *track) float64 { return t.onsets.count(t.i, w.steps) },
		})
	}
	for _, h := range halfLives(p.interval, lookback) {
		ks = append(ks, kind{
			"onsets_decayed_" + h.name, "times that SIGNAL began, each counting half as much every " + h.text, "onsets",
			func(t *track) float64 { return t.onsets.decay(t.i, age.steps, h.steps) },
		})
	}
	for _, w := range []window{p.mid(), p.long()} {
		k := p.mean(w)
		k.name, k.text, k.unit = "true_"+w.name, "share of "+w.text+" in which SIGNAL was true", "ratio"
		ks = append(ks, k)
	}
	return append(ks, p.sinceChange(), p.missing(p.mid()), p.missing(p.long()), p.sinceSample())
}

// recurrenceWindows are the windows in which onsets are counted.
func recurrenceWindows(interval time.Duration, lookback int) []window {
	return upTo(lookback, interval, 24*time.Hour, 7*24*time.Hour, 30*24*time.Hour, 90*24*time.Hour)
}

// halfLives are the half-lives of decayed onset counts.
func halfLives(interval time.Duration, lookback int) []window {
	return upTo(lookback, interval, time.Hour, 24*time.Hour, 7*24*time.Hour, 30*24*time.Hour, 90*24*time.Hour)
}

// upTo returns those of the durations that are at least a step and at most the
// look-back.
func upTo(lookback int, interval time.Duration, ds ...time.Duration) []window {
	var ws []window
	for _, d := range ds {
		if d >= interval && stepsOf(d, interval) <= lookback {
			ws = append(ws, newWindow(d, interval))
		}
	}
	return ws
}

// column names a kind for a signal.
func (k kind) column(signal, unit string) Column {
	if k.unit != "" {
		unit = strings.ReplaceAll(k.unit, "UNIT", unit)
	}
	return Column{
		Name: signal + "_" + k.name, Signal: signal, Unit: unit,
		Text: strings.ReplaceAll(k.text, "SIGNAL", words(signal)),
	}
}

// words writes a signal's name as people say it: row_remaps as "row remaps".
func words(signal string) string { return strings.ReplaceAll(signal, "_", " ") }
