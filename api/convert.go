package api

import (
	"math"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// number is null where v is not a number, or infinite.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// numbers are null where they are missing. They point into values, which must
// not change any more.
func numbers(values []float64) []*float64 {
	list := make([]*float64, len(values))
	for i := range values {
		if !math.IsNaN(values[i]) && !math.IsInf(values[i], 0) {
			list[i] = &values[i]
		}
	}
	return list
}

// moment is null where t is zero.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// text is empty where p is nil.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// optional is nil where s is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// some is an empty map instead of none.
func some(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// convert converts a list; it is empty, never null.
func convert[A, B any](list []A, one func(A) B) []B {
	converted := make([]B, len(list))
	for i := range list {
		converted[i] = one(list[i])
	}
	return converted
}

func subject(s collector.Subject) gen.Subject {
	return gen.Subject{Id: s.String(), Kind: gen.Kind(s.Kind), Namespace: optional(s.Namespace), Name: s.Name}
}

func spec(s collector.SubjectSpec) gen.SubjectSpec {
	return gen.SubjectSpec{Kind: gen.Kind(s.Kind), Labels: append([]string{}, s.Labels...)}
}

func risk(r models.Risk) gen.Risk {
	return gen.Risk{HorizonSeconds: seconds(r.Horizon), Probability: number(r.Probability)}
}

func driver(d models.Driver) gen.Driver {
	return gen.Driver{Column: d.Column, Text: d.Text, Value: number(d.Value), Contribution: number(d.Contribution)}
}

func outcome(o forecaster.Outcome) gen.Outcome {
	var happened *bool
	if !math.IsNaN(o.Happened) {
		happened = pointer(o.Happened > 0)
	}
	return gen.Outcome{Model: o.Model, Origin: o.Origin.UTC(), HorizonSeconds: seconds(o.Horizon), At: o.Origin.Add(o.Horizon).UTC(),
		Median: number(o.Median), Lower: number(o.Lower), Upper: number(o.Upper), Risk: number(o.Risk), Naive: number(o.Naive),
		Actual: number(o.Actual), Happened: happened, Warned: o.Warned, Began: moment(o.Began), Matured: moment(o.Matured)}
}

func scorecard(s forecaster.Scorecard) gen.Scorecard {
	curve := func(r forecaster.Reliability) gen.ReliabilityBin {
		return gen.ReliabilityBin{Risk: r.Risk, Happened: r.Happened, Forecasts: r.Forecasts}
	}
	return gen.Scorecard{Target: s.Target, HorizonSeconds: seconds(s.Horizon), Model: s.Model, Shadow: s.Shadow, Forecasts: s.Forecasts,
		Pinball: number(s.Pinball), Calibration: number(s.Calibration), Reliability: convert(s.Reliability, curve), Skill: number(s.Skill), Coverage: number(s.Coverage), Brier: number(s.Brier), BaseRate: number(s.BaseRate),
		FalsePerWeek: number(s.FalsePerWeek), LeadSeconds: number(s.LeadSeconds), Precision: number(s.Precision),
		Recall: number(s.Recall), From: moment(s.From), Through: moment(s.Through)}
}

func explanation(x forecaster.Explanation) gen.Explanation {
	return gen.Explanation{Target: x.Target, Subject: subject(x.Subject), Origin: x.Origin.UTC(), HorizonSeconds: seconds(x.Horizon),
		Text: x.Text, Known: x.Known, Happened: x.Happened, Episodes: convert(x.Episodes, func(e models.Episode) gen.Episode {
			out := gen.Episode{Subject: subject(e.Subject), Origin: e.Origin.UTC(), Distance: number(e.Distance), Value: number(e.Value)}
			if x.At < len(e.Happened) && !math.IsNaN(e.Happened[x.At]) {
				out.Happened = pointer(e.Happened[x.At] > 0)
			}
			if x.At < len(e.After) {
				out.After = number(e.After[x.At])
			}
			return out
		})}
}

func run(r forecaster.Run) gen.Run {
	progress := r.Progress
	if math.IsNaN(progress) {
		progress = 0
	}
	return gen.Run{Id: r.ID, Target: r.Target, State: gen.RunState(r.State), Reason: r.Reason, Seed: strconv.FormatUint(r.Seed, 10),
		Progress: min(max(progress, 0), 1), Stage: r.Stage, Message: r.Message, Champion: r.Champion, Candidate: r.Candidate,
		Started: moment(r.Started), Finished: moment(r.Finished)}
}

func warning(w forecaster.Warning) gen.Warning {
	return gen.Warning{Target: w.Target, Subject: subject(w.Subject), HorizonSeconds: seconds(w.Horizon), Risk: number(w.Risk),
		Threshold: w.Threshold, LeadSeconds: seconds(w.Lead), Drivers: convert(w.Drivers, driver), Labels: some(w.Labels),
		Annotations: some(w.Annotations), Correction: w.Correction, Origin: w.Origin.UTC(), StartsAt: w.StartsAt.UTC(), Resolved: w.Resolved}
}

func modelOf(m models.Manifest, champion, shadow string) gen.Model {
	scores := make(map[string]*float64, len(m.Scores))
	for name, v := range m.Scores {
		scores[name] = number(v)
	}
	return gen.Model{Id: m.ID, Target: m.Target, Name: m.Model, Champion: champion == m.ID, Shadow: shadow == m.ID, Created: moment(m.Created), From: moment(m.From),
		Through: moment(m.Through), Rows: m.Rows, SizeBytes: int64(m.Size), Seed: strconv.FormatUint(m.Seed, 10), Scores: scores}
}
