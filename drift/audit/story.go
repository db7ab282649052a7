package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// tell adds the corrections: what they rested on, who decided, what came of it.
func tell(r *Report, in Input, all []Drift) {
	r.Stories, r.Policies = []Story{}, []Policy{}
	byID := map[string][]forecaster.AuditEntry{}
	var ids []string
	for _, e := range in.Trail {
		id := e.Correction.ID
		if id == "" { // of the kill switch
			continue
		}
		if byID[id] == nil {
			ids = append(ids, id)
		}
		byID[id] = append(byID[id], e)
	}
	bySubject := map[string][]Drift{}
	for _, d := range all {
		bySubject[d.Subject] = append(bySubject[d.Subject], d)
	}
	policies := map[string]*Policy{}
	for _, id := range ids {
		rows := byID[id]
		if at := rows[0].At; at.Before(in.From) || !at.Before(in.To) {
			continue
		}
		c := rows[len(rows)-1].Correction
		s := story(c, rows, in)
		s.After = afterwards(c, rows, bySubject[c.Subject.String()], in)
		r.Stories = append(r.Stories, s)
		p := policies[c.Policy]
		if p == nil {
			p = &Policy{Name: c.Policy}
			policies[c.Policy] = p
		}
		p.count(c, rows)
	}
	slices.SortStableFunc(r.Stories, func(a, b Story) int { return b.Steps[0].At.Compare(a.Steps[0].At) })
	for _, p := range policies {
		r.Policies = append(r.Policies, *p)
		r.Summary.Proposed += p.Proposed
		r.Summary.Applied += p.Applied
		r.Summary.Helped += p.Helped
		r.Summary.Reverted += p.Reverted
	}
	slices.SortFunc(r.Policies, func(a, b Policy) int { return cmp.Or(cmp.Compare(b.Proposed, a.Proposed), cmp.Compare(a.Name, b.Name)) })
}

func story(c forecaster.Correction, rows []forecaster.AuditEntry, in Input) Story {
	s := Story{Correction: c.ID, Policy: c.Policy, Actuator: c.Actuator, Mode: c.Mode, Object: c.Subject.String(), State: string(c.State), Steps: []Step{},
		Because: fmt.Sprintf("%s: risk %.0f %% within %s", c.Target, 100*c.Risk, hours(c.Horizon)), Outcome: "not known yet"}
	if d := c.Drift; d != nil {
		s.Because = "drift: " + strings.Join(d.Kinds, ", ")
		if d.By != "" {
			s.Because += " by " + d.By
		}
		s.Source, s.Revision, s.Drifted = d.Source, d.Revision, d.Since
		for _, b := range in.Baselines {
			if b.Revision == d.Revision && b.Revision != "" && b.Subject != "" {
				s.Commit = fmt.Sprintf("%s (%s)", b.Subject, b.Author)
			}
		}
	}
	for _, e := range rows {
		s.Steps = append(s.Steps, Step{Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Reason: e.Correction.Reason})
	}
	if o := c.Outcome; !o.At.IsZero() {
		s.Outcome = string(o.Verdict)
		if o.Says != "" {
			s.Outcome += ": " + o.Says
		}
	}
	return s
}

// afterwards says what the drift did once the correction had been applied. It
// says that one followed the other, never that one caused the other.
func afterwards(c forecaster.Correction, rows []forecaster.AuditEntry, drifts []Drift, in Input) string {
	i := slices.IndexFunc(rows, func(e forecaster.AuditEntry) bool { return e.Action == "apply" })
	if i < 0 || c.Subject == (collector.Subject{}) {
		return ""
	}
	applied := rows[i].At
	var ended, back time.Time
	open := false
	for _, d := range drifts {
		switch {
		case d.Since.After(applied):
			if back.IsZero() {
				back = d.Since
			}
		case d.Until.IsZero():
			open = true
		case !d.Until.Before(applied.Add(-Together)):
			ended = later(ended, d.Until)
		}
	}
	switch {
	case open:
		return "the drift was still there at the end of the period"
	case !ended.IsZero() && !back.IsZero():
		return fmt.Sprintf("the drift ended %s later; the object drifted again on %s", hours(max(0, ended.Sub(applied))), back.In(in.Location).Format("02 Jan 15:04"))
	case !ended.IsZero():
		return fmt.Sprintf("the drift ended %s later and did not come back in the period", hours(max(0, ended.Sub(applied))))
	case !back.IsZero():
		return "the object drifted on " + back.In(in.Location).Format("02 Jan 15:04")
	}
	return ""
}

func (p *Policy) count(c forecaster.Correction, rows []forecaster.AuditEntry) {
	did := func(action string) int {
		if slices.ContainsFunc(rows, func(e forecaster.AuditEntry) bool { return e.Action == action }) {
			return 1
		}
		return 0
	}
	p.Proposed++
	p.Applied += did("apply")
	p.Reverted += did("revert")
	p.Failed += did("fail")
	if c.State == forecaster.Blocked {
		p.Blocked++
	}
	switch c.Outcome.Verdict {
	case forecaster.Helped:
		p.Helped++
	case forecaster.NotHelped, forecaster.TakenBack:
		p.Not++
	}
}

// hours is a duration as people say it, to two units: 3d 4h, 2h 5m, 40s.
func hours(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Second:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute), " 0m")
	}
	return strings.TrimSuffix(fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour), " 0h")
}
