package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models/shift"
)

// shiftFlags are what the flags of `driftcast regressions` and `driftcast
// shifts` share.
type shiftFlags struct {
	backtestFlags
	load, mix string
	changes   []string
	minEffect float64
	hold      string
	baseline  string
	window    string
	psi       float64
	since     string
	every     string
	all       bool
}

func (a *app) regressionsCommand() *cobra.Command {
	f := &shiftFlags{}
	cmd := &cobra.Command{
		Use:   "regressions",
		Short: "Find latency regressions in what is past, and the change that each follows; exit 1 where there is one",
		Long: `Walks over History (or a CSV) and says, at each time from what was known then, where a latency became higher for
its load and stayed so, since when, by how much, and which change (rollout, config, node) came before it.

It keeps quiet where the shift goes away within --hold, where yesterday or last week had it too, where the load or the mix
is one that the past never saw, where the tail alone moved, and where a subject's own past varies as much. Subjects that
shift together are one regression. Targets with a "regression:" key are looked at, or the one that --target names.

Exit codes: 0 none, 1 found, 2 an error.`,
		Example: `  driftcast regressions
  driftcast regressions --target TimeToFirstToken --since 2026-11-20T00:00:00Z
  driftcast regressions --data pods.csv.gz --label pod --level latency_p95_s --load requests_per_second --changes generation`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.regressions(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.register(cmd)
	flags.StringVar(&f.load, "load", "", "signal, column or PromQL of what drives the level")
	flags.StringVar(&f.mix, "mix", "", "signal, column or PromQL of what a request is like")
	flags.StringSliceVar(&f.changes, "changes", nil, "signals or columns whose changes a regression may follow")
	flags.Float64Var(&f.minEffect, "min-effect", 0.1, "the least rise that matters, as a share")
	flags.StringVar(&f.hold, "hold", "15m", "how long a rise must last")
	flags.StringVar(&f.baseline, "baseline", "24h", "the past that a rise is held against")
	flags.StringVar(&f.since, "since", "", "first look (RFC 3339 or Unix seconds; default: the beginning of --data, else the last day)")
	flags.StringVar(&f.every, "every", "5m", "between looks")
	return cmd
}

// register adds the flags that say where the data is.
func (f *shiftFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.target, "target", "", "a target of the configuration, on History")
	flags.StringVar(&f.data, "data", "", "a CSV(.gz) to work on instead, without configuration or server")
	flags.StringSliceVar(&f.labels, "label", nil, "label columns of --data: what names a subject")
	flags.StringVar(&f.kind, "kind", "", "kind of the subjects (default: the label where it is one, else workload)")
	flags.StringVar(&f.interval, "interval", "1m", "the grid of --data")
	flags.StringVar(&f.level, "level", "", "column or PromQL of a level in --data")
}

// watched is one target with what there is of it.
type watched struct {
	target features.Target
	reader features.Reader
	extent collector.Window
}

// watched opens what --data or --target names, or every target that asks.
func (a *app) watched(ctx context.Context, f *shiftFlags, asks func(*features.Target) bool, complete func(*features.Target) error) (list []watched, done func(), err error) {
	done = func() {}
	if f.data != "" {
		if f.target != "" || f.level == "" {
			return nil, done, errors.New("--data wants --level EXPR, and no --target")
		}
		own := f.backtestFlags
		own.hold, own.scale = "0s", string(features.ScaleLog)
		memory, target, err := a.backtestFile(ctx, &own)
		if err != nil {
			return nil, done, err
		}
		if err := complete(target); err != nil {
			return nil, done, err
		}
		w, err := watch(ctx, memory, target)
		return []watched{w}, done, err
	}
	o, err := a.openOffline(ctx, f.target)
	if err != nil {
		return nil, done, err
	}
	done = func() { _ = o.close() } // only read
	for i := range o.targets {
		t := &o.targets[i]
		switch {
		case t.IsEvent() && f.target != "":
			return nil, done, fmt.Errorf("target %s is an event: only levels shift", t.Name)
		case t.IsEvent() || (f.target == "" && !asks(t)):
			continue
		}
		if err := complete(t); err != nil {
			return nil, done, err
		}
		w, err := watch(ctx, o.history, t)
		if err != nil {
			return nil, done, err
		}
		list = append(list, w)
	}
	return list, done, nil
}

// watch evaluates what a target's shifts need on top of an archive.
func watch(ctx context.Context, data archive, t *features.Target) (watched, error) {
	own, err := t.Signal()
	if err != nil {
		return watched{}, err
	}
	w, err := extent(ctx, data, t.Interval)
	if err != nil {
		return watched{}, err
	}
	reader, err := derive(ctx, data, append([]collector.Signal{own}, t.ShiftSignals()...), w)
	return watched{target: *t, reader: reader, extent: w}, err
}

func (a *app) regressions(ctx context.Context, f *shiftFlags) error {
	durations, err := f.durations(map[string]string{"hold": f.hold, "baseline": f.baseline, "every": f.every})
	if err != nil {
		return err
	}
	list, done, err := a.watched(ctx, f, func(t *features.Target) bool { return t.Regression != nil }, func(t *features.Target) error {
		if t.Regression == nil || f.data != "" {
			t.Regression = &features.Regression{Load: f.load, Mix: f.mix, Changes: f.changes, MinEffect: f.minEffect,
				Hold: durations["hold"], Baseline: durations["baseline"]}
		}
		return forecaster.RegressionOptions(t).Validate(t.Interval)
	})
	defer done()
	if err != nil {
		return err
	}
	rows, subjects := []regressionRow{}, 0
	for _, w := range list {
		found, n, err := a.replay(ctx, f, &w, durations["every"])
		if err != nil {
			return err
		}
		rows, subjects = append(rows, found...), subjects+n
	}
	if err := a.print(rows, func(t *table) {
		if len(rows) == 0 {
			t.row(fmt.Sprintf("no regression (%d targets, %d subjects)", len(list), subjects))
			return
		}
		t.row("TARGET", "SUBJECT", "STATE", "ONSET", "AFTER", "EFFECT", "95 %", "LEVEL", "FOLLOWS")
		for _, r := range rows {
			t.row(r.cells()...)
		}
	}); err != nil {
		return err
	}
	if len(rows) > 0 {
		return errFound
	}
	return nil
}

// replay looks for one target's regressions.
func (a *app) replay(ctx context.Context, f *shiftFlags, w *watched, every time.Duration) ([]regressionRow, int, error) {
	t := &w.target
	since := w.extent.Start
	if f.data == "" {
		since = w.extent.End.Add(-24 * time.Hour)
	}
	if f.since != "" {
		var err error
		if since, err = parseTime("since", f.since); err != nil {
			return nil, 0, err
		}
	}
	window := w.extent
	if from := since.Add(-forecaster.RegressionReach(t)).Truncate(t.Interval); from.After(window.Start) {
		window.Start = from
	}
	subjects, err := forecaster.Observe(ctx, w.reader, t, window, nil)
	if err != nil {
		return nil, 0, err
	}
	if len(subjects) == 0 && f.data != "" {
		return nil, 0, fmt.Errorf("--level %q finds no series with the labels %v", f.level, t.Subject.Labels)
	}
	changes, err := forecaster.Changes(ctx, w.reader, t, window)
	if err != nil {
		return nil, 0, err
	}
	tracker := &shift.Tracker{Target: t.Name, Options: forecaster.RegressionOptions(t)}
	told := shift.Replay(tracker, subjects, changes, int(since.Sub(window.Start)/t.Interval)+1, int(every/t.Interval))
	newest := map[string]regressionRow{} // the tracker forgets what is long gone
	for _, r := range append(told, tracker.Regressions()...) {
		newest[r.ID] = rowOf(r)
	}
	rows := slices.Collect(maps.Values(newest))
	slices.SortFunc(rows, func(a, b regressionRow) int {
		return cmp.Or(b.Onset.Compare(a.Onset), cmp.Compare(a.Subjects[0], b.Subjects[0]))
	})
	return rows, len(subjects), nil
}

// durations reads the flags that are durations.
func (f *shiftFlags) durations(texts map[string]string) (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	for flag, text := range texts {
		d, err := model.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("--%s %q: want a duration such as 15m or 1h", flag, text)
		}
		out[flag] = time.Duration(d)
	}
	return out, nil
}

// regressionRow is how a regression is printed.
type regressionRow struct {
	Target     string      `json:"target"`
	Subjects   []string    `json:"subjects"`
	State      shift.State `json:"state"`
	Shape      shift.Shape `json:"shape"`
	Onset      time.Time   `json:"onset"`
	Detected   time.Time   `json:"detected"`
	Ended      *time.Time  `json:"ended"`
	Before     float64     `json:"before"`
	After      float64     `json:"after"`
	Effect     float64     `json:"effect"`
	Lower      float64     `json:"lower"`
	Upper      float64     `json:"upper"`
	Confidence float64     `json:"confidence"`
	Follows    []string    `json:"follows"` // changes, nearest first; empty: none found
}

func rowOf(r shift.Regression) regressionRow {
	row := regressionRow{Target: r.Target, Subjects: []string{}, State: r.State, Shape: r.Shape, Onset: r.Onset, Detected: r.Detected, Before: r.Before, After: r.After,
		Effect: r.Effect, Lower: r.Lower, Upper: r.Upper, Confidence: r.Confidence, Follows: []string{}}
	if !r.Ended.IsZero() {
		row.Ended = &r.Ended
	}
	for _, s := range r.Subjects {
		row.Subjects = append(row.Subjects, s.String())
	}
	for _, c := range r.Follows {
		row.Follows = append(row.Follows, c.At.Format(time.RFC3339)+" "+c.String())
	}
	return row
}

func (r regressionRow) cells() []string {
	subject, follows := r.Subjects[0], "none found"
	if n := len(r.Subjects); n > 1 {
		subject += fmt.Sprintf(" and %d more", n-1)
	}
	if len(r.Follows) > 0 {
		_, follows, _ = strings.Cut(r.Follows[0], " ")
	}
	state := string(r.State)
	if r.State != shift.Gone {
		state = "standing"
	}
	return []string{r.Target, subject, state, r.Onset.Format(time.RFC3339), span(r.Detected.Sub(r.Onset)), fmt.Sprintf("%+.0f%%", 100*r.Effect),
		fmt.Sprintf("%+.0f…%+.0f%%", 100*r.Lower, 100*r.Upper), number(r.Before).String() + " → " + number(r.After).String(), follows}
}
