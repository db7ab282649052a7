package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/driftcast/driftcast/drift"
)

// drawDrift draws a comparison as people read it: one line a field.
func drawDrift(t *table, v driftView) {
	if v.Counts[drift.Drifted] > 0 {
		t.row("OBJECT", "FIELD", "DECLARED → LIVE", "SINCE", "BY", "DECLARED BY", "SURE")
	}
	for _, f := range v.Findings {
		if f.Verdict != drift.Drifted {
			continue
		}
		for i, d := range f.Differences {
			object, sure := "", ""
			if i == 0 {
				object, sure = f.Object.String(), fmt.Sprintf("%.0f%%", 100*f.Confidence)
				if f.Recurrences > 1 {
					object += fmt.Sprintf(" (%d times in 30d)", f.Recurrences)
				}
			}
			path := cmp.Or(d.Path, "(the object)")
			t.row(object, path, clipped(d.Declared, "not declared")+" → "+clipped(d.Live, "absent"), since(&f, d, v.At), cmp.Or(d.Manager, "not known"), declaredBy(f), sure)
		}
	}
	for _, f := range v.Findings {
		if f.Verdict == drift.Unknown {
			what := f.Object.String()
			if f.Object.Kind == "" { // a manifest that could not be read; the reason names its file
				what, _, _ = strings.Cut(f.Origin, ": ")
			}
			t.row("unknown: " + what + ": " + f.Reason)
		}
	}
	for _, f := range v.Findings {
		if f.Verdict == drift.Synced {
			t.row("as declared: " + f.Object.String() + " (" + declaredBy(f) + ")")
		}
	}
	for _, problem := range v.Problems {
		for line := range strings.Lines(problem) {
			t.row("problem: " + strings.TrimSuffix(line, "\n"))
		}
	}
	t.row(fmt.Sprintf("%d drifted, %d unknown, %d as declared (%d objects seen, compared in %s, %d calls)", v.Counts[drift.Drifted], v.Counts[drift.Unknown],
		v.Counts[drift.Synced], v.Objects, v.Took.Round(time.Millisecond), v.Calls))
}

// declaredBy names what declared an object: its source, the file and revision.
func declaredBy(f drift.Finding) string {
	out := f.Source
	if f.Origin != "" {
		out += " " + f.Origin
	}
	if f.Revision != "" {
		out += " @" + f.Revision[:min(len(f.Revision), 12)]
	}
	return out
}

// clipped cuts a value to what fits a line.
func clipped(value, absent string) string {
	const limit = 48
	if value == "" {
		return absent
	}
	if utf8.RuneCountInString(value) <= limit {
		return value
	}
	runes := []rune(value)
	return string(runes[:limit-1]) + "…"
}

// since says how long a field has drifted. Who looks only once does not know of
// one that nobody stamped: it was found now, which is not when it began.
func since(f *drift.Finding, d drift.Difference, now time.Time) string {
	if d.Since.Equal(f.ComparedAt) {
		return "found now"
	}
	return ago(now, d.Since)
}

// ago says how long ago something was, coarsely.
func ago(now, then time.Time) string {
	d := now.Sub(then)
	switch {
	case then.IsZero():
		return "-"
	case d < time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
