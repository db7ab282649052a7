package drift

import (
	"context"
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// announce writes one Event for each object whose verdict changed. An Event that
// cannot be written is logged: the finding stands all the same.
func (d *Detector) announce(ctx context.Context, report *Report) {
	now := map[key]Verdict{}
	worst := map[key]*Finding{}
	for i := range report.Findings {
		f := &report.Findings[i]
		k := keyOf(f.Object)
		if worst[k] == nil || severity(f.Verdict) > severity(worst[k].Verdict) {
			now[k], worst[k] = f.Verdict, f
		}
	}
	before := d.verdicts
	d.verdicts = now
	if !d.opts.Config.Events || d.opts.Announcer == nil {
		return
	}
	for k, f := range worst {
		was, known := before[k]
		if was == f.Verdict || (!known && f.Verdict != Drifted) || f.UID == "" { // nothing to write at where the object is gone
			continue
		}
		eventType, reason, note := describe(f)
		if err := d.opts.Announcer.Announce(ctx, f.Object, f.UID, eventType, reason, note); err != nil {
			d.opts.Logger.Warn("write an event", "subject", f.Object.String(), "err", err)
		}
	}
}

func severity(v Verdict) int {
	switch v {
	case Drifted:
		return 2
	case Unknown:
		return 1
	}
	return 0
}

// describe says a verdict in the words of an Event.
func describe(f *Finding) (eventType, reason, note string) {
	switch f.Verdict {
	case Drifted:
		var lines []string
		for _, d := range f.Differences {
			lines = append(lines, d.Words())
		}
		return "Warning", "Drifted", cluster.Cut(fmt.Sprintf("not as declared (%s): %s", f.Source, strings.Join(lines, "; ")), cluster.NoteLimit)
	case Unknown:
		return "Warning", "DriftUnknown", cluster.Cut("could not be compared with what is declared: "+f.Reason, cluster.NoteLimit)
	}
	return "Normal", "DriftRepaired", "as declared again"
}

// Words says a difference in one line: its path, what is declared and live, and
// who did it.
func (d Difference) Words() string {
	path, declared, live := d.Path, d.Declared, d.Live
	if path == "" {
		path = "the object"
	}
	if declared == "" {
		declared = "nothing"
	}
	if live == "" {
		live = "absent"
	}
	line := fmt.Sprintf("%s: %s → %s", path, declared, live)
	if d.Manager != "" {
		line += " by " + d.Manager
	}
	return line
}
