package audit

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"
)

//go:embed template/report.html
var page string

// writeHTML writes a report as one page that needs nothing else: no script, no
// font, no picture from elsewhere, so that it can be attached and kept.
func writeHTML(w io.Writer, r Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"moment": r.moment, "hours": hours, "percent": percent, "rate": rate, "short": short, "count": count, "join": strings.Join,
		"within": within, "orUnknown": orUnknown, "reading": Reading, "iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"weekdays": weekdays, "heat": r.heat, "share": func(share, most float64) string { return fmt.Sprintf("%.1f%%", 100*share/most) }, "tone": tone, "few": few,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("report's page: %w", err)
	}
	if err := t.Execute(w, struct {
		Report
		Chart                  Chart
		UnknownText, TrailText string
		OpenShown              []Drift
	}{r, r.chart(), r.unknownText(), r.trailText(), r.Open[:min(len(r.Open), 100)]}); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// heat is how strongly an hour is coloured, 0…1 by the root of its share of the
// fullest hour, so that single drifts are seen beside bursts.
func (r Report) heat(n int) string {
	most := r.Week.Most()
	if n == 0 || most == 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", 0.15+0.6*math.Sqrt(float64(n)/float64(most)))
}

// few names the first, and how many there are beside.
func few(names []string) string {
	if len(names) <= 2 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s +%d", names[0], len(names)-1)
}

// tone is the colour of a correction's state or a verdict.
func tone(state string) string {
	word, _, _ := strings.Cut(state, ":")
	switch word {
	case "verified", "helped", "spared":
		return "good"
	case "failed", "not-help", "not-helped", "happened":
		return "bad"
	case "reverted", "taken-back", "blocked", "rejected", "expired":
		return "warn"
	}
	return "plain"
}

// Chart is the bars of drifts a day, in units of its own box.
type Chart struct {
	Width, Height, Base float64
	Bars                []Bar
	Ticks               []Tick
	Labels              []Tick
}

// Bar is one day.
type Bar struct {
	X, Y, Width, Height float64
	Title               string
}

// Tick is a line or label of an axis.
type Tick struct {
	At   float64
	Text string
}

// chart lays the days out.
func (r Report) chart() Chart {
	c := Chart{Width: 960, Height: 170, Base: 145}
	left, top := 34.0, 10.0
	most := 0
	for _, d := range r.Days {
		most = max(most, d.Drifts)
	}
	if most == 0 || len(r.Days) == 0 {
		return c
	}
	step := max(1, int(math.Ceil(float64(most)/4)))
	high := float64((most + step - 1) / step * step)
	for n := 0; n <= int(high); n += step {
		c.Ticks = append(c.Ticks, Tick{c.Base - (c.Base-top)*float64(n)/high, fmt.Sprint(n)})
	}
	wide := (c.Width - left) / float64(len(r.Days))
	every := max(1, int(math.Ceil(60/wide)))
	for i, d := range r.Days {
		x := left + float64(i)*wide
		height := (c.Base - top) * float64(d.Drifts) / high
		c.Bars = append(c.Bars, Bar{x + wide*0.12, c.Base - height, wide * 0.76, height, d.Date + ": " + count(d.Drifts, "drift")})
		if i%every == 0 {
			text := d.Date[5:]
			if t, err := time.Parse(time.DateOnly, d.Date); err == nil {
				text = t.Format("2 Jan")
			}
			c.Labels = append(c.Labels, Tick{x + wide/2, text})
		}
	}
	return c
}
