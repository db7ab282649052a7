package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Write writes a report in a format: html, markdown or json.
func Write(w io.Writer, r Report, format string) error {
	switch format {
	case "html":
		return writeHTML(w, r)
	case "markdown":
		return writeMarkdown(w, r)
	case "json":
		return writeJSON(w, r)
	}
	return fmt.Errorf("format %q is none of html, markdown and json", format)
}

// writeJSON writes a report for machines. Durations are in seconds.
func writeJSON(w io.Writer, r Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// MarshalJSON implements json.Marshaler: Age in seconds.
func (d Drift) MarshalJSON() ([]byte, error) {
	type plain Drift
	return json.Marshal(struct {
		plain
		Age float64 `json:"ageSeconds"`
	}{plain(d), d.Age.Seconds()})
}

// The words that Markdown and HTML share.

// Took says how long half took, and of how many; nine in ten where there are ten.
func (s Survival) Took() string {
	n := s.Known + s.Open
	switch {
	case n == 0:
		return "–"
	case s.Median < 0:
		return fmt.Sprintf("over half still open (%d of %d)", s.Open, n)
	case s.Ninety < 0 || n < 10:
		return fmt.Sprintf("%s (of %d)", hours(s.Median), n)
	}
	return fmt.Sprintf("%s (of %d; 90 %%: %s)", hours(s.Median), n, hours(s.Ninety))
}

// Back says which share came back, for people.
func (s Survival) Back() string {
	if s.Known+s.Open == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", s.Known, s.Known+s.Open)
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	return strconv.Itoa(int(math.Round(100*share))) + " %"
}

func rate(perWeek float64) string {
	switch {
	case perWeek == 0:
		return "0"
	case perWeek < 10:
		return strconv.FormatFloat(perWeek, 'f', 1, 64)
	}
	return strconv.FormatFloat(perWeek, 'f', 0, 64)
}

// moment is a time of the report in its zone.
func (r Report) moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	location, err := time.LoadLocation(r.Zone)
	if err != nil {
		location = time.UTC // made elsewhere, with a zone that is not known here
	}
	return t.In(location).Format("2006-01-02 15:04")
}

// Title names the period.
func (r Report) Title() string {
	return "Drift, " + r.moment(r.From) + " to " + r.moment(r.To) + " " + r.Zone
}

// Verdict is the report in two or three sentences.
func (r Report) Verdict() string {
	s := r.Summary
	if s.Drifts == 0 && s.Open == 0 {
		text := "Nothing drifted."
		if r.Unknown.Objects > 0 {
			text += fmt.Sprintf(" But %s could not be judged: that is not the same as clean.", count(r.Unknown.Objects, "object"))
		}
		return text
	}
	text := fmt.Sprintf("%s of %s began in this period, %s a week; %s at its end.", count(s.Drifts, "drift"), count(s.Objects, "object"), rate(s.PerWeek), stillOpen(s.Open))
	if len(r.Managers) > 0 && r.Managers[0].Name != NotKnown && s.Drifts > 1 {
		text += fmt.Sprintf(" %s set %s of them", r.Managers[0].Name, percent(r.Managers[0].Share))
		if len(r.Places) > 0 {
			text += fmt.Sprintf("; most were in %s (%s)", r.Places[0].Name, percent(r.Places[0].Share))
		}
		text += "."
	}
	if s.Repair.Median >= 0 {
		text += " Half were put right within " + hours(s.Repair.Median) + "."
	}
	return text
}

func stillOpen(n int) string {
	switch n {
	case 0:
		return "none was open"
	case 1:
		return "1 was open"
	}
	return strconv.Itoa(n) + " were open"
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// Reading says how to read the numbers.
func Reading() []string {
	return []string{
		"A drift is all fields of one object that left the declared state within a minute of each other; it lasts until the last of them is as declared again.",
		"Onsets are the times that managedFields give, or the time of the first look that saw the field so.",
		"Times to repair and to return are Kaplan–Meier estimates: what had not ended when the period did is counted as lasting at least so long, not left out.",
		"“Back” counts repairs after which the same object (in the table of kinds: with the same kind of drift) drifted again within the period.",
		"Who set a field is the field manager on record: a program's name, not a person's. Removed fields have no owner.",
		"What followed a correction is told in the order of time; it is no proof of cause. Outcomes are the corrector's own verdicts.",
		"Unknown is what the newest comparison could not judge. It is never counted as clean.",
	}
}

func short(revision string) string {
	if fullLength := 40; len(revision) == fullLength && !strings.Contains(revision, ":") {
		return revision[:10]
	}
	return revision
}
