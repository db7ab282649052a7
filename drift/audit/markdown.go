package audit

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeMarkdown writes a report for wikis, tickets and pull requests.
func writeMarkdown(w io.Writer, r Report) error {
	m := &markdown{}
	s := r.Summary
	m.line("# %s", r.Title())
	m.line("%s", r.Verdict())
	m.table([]string{"", ""}, [][]string{
		{"Drifts begun", fmt.Sprintf("%d (%s of %s)", s.Drifts, count(s.Episodes, "field"), count(s.Objects, "object"))},
		{"A week", rate(s.PerWeek)},
		{"Open at the end", strconv.Itoa(s.Open)},
		{"Time to repair, median", s.Repair.Took()},
		{"Drifted again after a repair", s.Return.Back() + within(s.Return)},
		{"Corrections", fmt.Sprintf("%d proposed, %d applied, %d helped, %d reverted", s.Proposed, s.Applied, s.Helped, s.Reverted)},
		{"Unknown now", r.unknownText()},
		{"Audit trail", r.trailText()},
	})
	m.groups("Who set the fields", "Field manager", r, r.Managers)
	m.groups("Where", "Namespace", r, r.Places)
	if len(r.Pools) > 0 {
		m.groups("Node pools", "Pool", r, r.Pools)
	}
	m.groups("The objects that drift most", "Object", r, r.Objects)
	m.heading("Kinds of drift, and which come back", len(r.Kinds))
	var rows [][]string
	for _, k := range r.Kinds {
		rows = append(rows, []string{string(k.Kind), strconv.Itoa(k.Drifts), strconv.Itoa(k.Objects), rate(k.PerWeek), strconv.Itoa(k.Open), k.Repair.Took(), k.Return.Back() + within(k.Return)})
	}
	m.table([]string{"Kind", "Drifts", "Objects", "A week", "Open", "Median time to repair", "Back after a repair"}, rows)
	m.heading("When ("+r.Zone+")", s.Drifts)
	if s.Drifts > 0 {
		m.when(r)
	}
	m.groups("Who put it right", "Field manager", r, r.Repairers)
	m.heading("Open at the end of the period", len(r.Open))
	rows = nil
	for _, d := range r.Open {
		rows = append(rows, []string{d.Object, strings.Join(d.Kinds, ", "), strings.Join(orUnknown(d.Managers), ", "), r.moment(d.Since), hours(d.Age), strings.TrimSpace(d.Source + " " + short(d.Revision))})
	}
	m.table([]string{"Object", "Kinds", "By", "Since", "Age", "Declared by"}, rows)
	m.heading("Corrections: from commit to outcome", len(r.Stories))
	rows = nil
	for _, p := range r.Policies {
		rows = append(rows, []string{p.Name, strconv.Itoa(p.Proposed), strconv.Itoa(p.Blocked), strconv.Itoa(p.Applied), strconv.Itoa(p.Helped), strconv.Itoa(p.Not), strconv.Itoa(p.Reverted), strconv.Itoa(p.Failed)})
	}
	m.table([]string{"Policy", "Begun", "Blocked", "Applied", "Helped", "Did not", "Reverted", "Failed"}, rows)
	for _, story := range r.Stories {
		m.story(r, story)
	}
	m.heading("Unknown", r.Unknown.Objects)
	if r.Unknown.At.IsZero() {
		m.line("%s", r.unknownText())
	}
	rows = nil
	for _, c := range r.Unknown.Causes {
		rows = append(rows, []string{strconv.Itoa(c.Objects), c.Source, c.Reason, c.Example})
	}
	m.table([]string{"Objects", "Source", "Cause", "For example"}, rows)
	m.heading("Declared states in force", len(r.Baselines))
	rows = nil
	for _, b := range r.Baselines {
		rows = append(rows, []string{b.Name, b.Source, short(b.Revision), b.Subject, b.Author, r.moment(b.Time), r.moment(b.Checked), strconv.Itoa(b.Problems)})
	}
	m.table([]string{"Baseline", "Source", "Revision", "Commit", "Author", "Time", "Last seen", "Unread"}, rows)
	m.line("## How to read this")
	for _, line := range Reading() {
		m.text.WriteString("- " + line + "\n")
	}
	m.line("\nMade %s %s by Driftcast.", r.moment(r.Made), r.Zone)
	_, err := io.WriteString(w, strings.TrimRight(m.text.String(), "\n")+"\n")
	return err
}

func within(s Survival) string {
	if day, seven := percent(s.Day), percent(s.Week); s.Known > 0 && (day != "–" || seven != "–") {
		return fmt.Sprintf(" (within 24 h: %s, 7 d: %s)", day, seven)
	}
	return ""
}

func (r Report) unknownText() string {
	if r.Unknown.At.IsZero() {
		return "not known here: no comparison was at hand when this report was made"
	}
	return fmt.Sprintf("%d of %d objects, compared %s", r.Unknown.Objects, r.Unknown.Of, r.moment(r.Unknown.At))
}

func (r Report) trailText() string {
	if r.Summary.TrailBroken != "" {
		return "BROKEN: " + r.Summary.TrailBroken
	}
	return fmt.Sprintf("%s, the hash chain verifies", count(int(r.Summary.TrailRows), "row"))
}

type markdown struct{ text strings.Builder }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.text, format+"\n\n", args...) }

func (m *markdown) heading(text string, n int) {
	m.line("## %s", text)
	if n == 0 {
		m.line("None.")
	}
}

func (m *markdown) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	line := func(cells []string) {
		m.text.WriteString("|")
		for _, c := range cells {
			m.text.WriteString(" " + escapeCell(c) + " |")
		}
		m.text.WriteString("\n")
	}
	line(head)
	m.text.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	m.text.WriteString("\n")
}

// escapeCell keeps what came from a cluster from being read as Markdown.
func escapeCell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", "[", `\[`, "`", "\\`", "*", `\*`, "_", `\_`).Replace(text)
}

func (m *markdown) groups(title, what string, r Report, list []Group) {
	m.heading(title, len(list))
	var rows [][]string
	for _, g := range list {
		rows = append(rows, []string{g.Name, strconv.Itoa(g.Drifts), percent(g.Share), strconv.Itoa(g.Objects), strings.Join(g.Kinds, ", "), r.moment(g.Last)})
	}
	m.table([]string{what, "Drifts", "Share", "Objects", "Kinds", "Last"}, rows)
}

// when draws hours as blocks, one line a weekday.
func (m *markdown) when(r Report) {
	shades := []rune(" ░▒▓█")
	m.text.WriteString("```\n     0     6     12    18    24\n")
	most := r.Week.Most()
	for day, hoursOfDay := range r.Week {
		m.text.WriteString(weekdays()[day] + "  ")
		total := 0
		for _, n := range hoursOfDay {
			shade := 0
			if n > 0 {
				shade = 1 + (n*3)/most
			}
			m.text.WriteRune(shades[shade])
			total += n
		}
		fmt.Fprintf(&m.text, "  %d\n", total)
	}
	m.text.WriteString("```\n\n")
}

func weekdays() [7]string { return [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} }

func (m *markdown) story(r Report, s Story) {
	m.line("### %s — %s, %s", escapeCell(s.Object), escapeCell(s.Actuator), s.State)
	item := func(label, text string) {
		if text != "" {
			m.text.WriteString("- " + label + ": " + escapeCell(text) + "\n")
		}
	}
	item("Because", s.Because)
	item("Declared by", strings.TrimSpace(s.Source+" "+s.Revision+" "+s.Commit))
	if !s.Drifted.IsZero() {
		item("Drifted since", r.moment(s.Drifted))
	}
	item("Correction", fmt.Sprintf("%s of policy %s (%s)", s.Correction, s.Policy, s.Mode))
	for _, step := range s.Steps {
		item(fmt.Sprintf("%s, row %d", r.moment(step.At), step.Seq), step.Action+" by "+step.Actor+reason(step))
	}
	item("Outcome", s.Outcome)
	item("Afterwards", s.After)
	m.text.WriteString("\n")
}

func reason(s Step) string {
	if s.Reason == "" {
		return ""
	}
	return ": " + s.Reason
}
