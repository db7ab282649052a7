package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// backtestFlags are what the flags of `driftcast backtest` say.
type backtestFlags struct {
	data      string
	labels    []string
	kind      string
	interval  string
	level     string
	event     string
	objective string
	hold      string
	scale     string
	signals   []string
	target    string
	steps     int
	windows   int
	season    int
	horizons  []string
	every     string
	testFrom  string
	models    []string
	export    string
	seed      uint64
}

func (a *app) backtestCommand() *cobra.Command {
	f := &backtestFlags{}
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Score the models against naive on what is past: on a target of yours, or on any CSV",
		Long: `Scores every model out of time and prints them in one table with naive, whoever wins.

Levels: --windows non-overlapping windows of --steps that end at the last row, each forecast from everything before it
and nothing after (with --target and without --steps: rolling origins over the last third, at the leads that are served).
Events: every --every, all subjects for which the predicate is false, forecast by models fitted on what had ended
--horizon before --test-from (default: the last quarter).

--export writes every forecast with its actual, so that other tools can be scored on the same windows.`,
		Example: `  driftcast backtest --target QueueOnset --horizon 1h
  driftcast backtest --data series.csv.gz --label queue --interval 60s --level gpu_allocated --steps 60 --windows 15 --season 1440
  driftcast backtest --data series.csv.gz --label node --interval 1h --event 'fault_gpu > 0' --for 0s --horizon 168h --every 24h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.backtest(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.target, "target", "", "a target of the configuration, on History")
	flags.StringVar(&f.data, "data", "", "a CSV(.gz) to work on instead, without configuration or server")
	flags.StringSliceVar(&f.labels, "label", nil, "label columns of --data: what names a subject")
	flags.StringVar(&f.kind, "kind", "", "kind of the subjects (default: the label where it is one, else workload)")
	flags.StringVar(&f.interval, "interval", "1m", "the grid of --data")
	flags.StringVar(&f.level, "level", "", "PromQL of a level")
	flags.StringVar(&f.event, "event", "", "PromQL predicate of an event")
	flags.StringVar(&f.objective, "objective", "", `bound of the level, such as "< 2"`)
	flags.StringVar(&f.scale, "scale", "raw", "scale of the level: raw, log, logit or count")
	flags.StringVar(&f.hold, "for", "0s", "how long the predicate must hold")
	flags.StringSliceVar(&f.signals, "signals", nil, "columns of --data used as covariates of an event (default: all; none: none)")
	flags.IntVar(&f.steps, "steps", 0, "steps of a window (levels)")
	flags.IntVar(&f.windows, "windows", 1, "windows (levels)")
	flags.IntVar(&f.season, "season", 0, "main season in steps (default: a day)")
	flags.StringSliceVar(&f.horizons, "horizon", nil, "horizons (events; default: the target's)")
	flags.StringVar(&f.every, "every", "0s", "between tested origins (events; default: about 200 of them)")
	flags.StringVar(&f.testFrom, "test-from", "", "first tested origin (events; RFC 3339 or Unix seconds)")
	flags.StringSliceVar(&f.models, "model", []string{"all"}, "models by name, served (what the service would serve), or all")
	flags.StringVar(&f.export, "export", "", "CSV(.gz) file for every forecast and its actual")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of every fit")
	return cmd
}

func (a *app) backtest(ctx context.Context, f *backtestFlags) error {
	target, panel, err := a.backtestPanel(ctx, f)
	if err != nil {
		return err
	}
	export, err := openExport(f.export)
	if err != nil {
		return err
	}
	if target.IsEvent() {
		err = a.backtestEvent(ctx, f, target, panel, export)
	} else {
		err = a.backtestLevel(ctx, f, target, panel, export)
	}
	return errors.Join(err, export.close())
}

// backtestPanel loads what is to be forecast, from a file or from History.
func (a *app) backtestPanel(ctx context.Context, f *backtestFlags) (*features.Target, *features.Panel, error) {
	var target *features.Target
	var data archive
	signals := []collector.Signal{}
	switch {
	case (f.data == "") == (f.target == ""):
		return nil, nil, errors.New("name one of --data FILE and --target TARGET")
	case f.data != "":
		memory, t, err := a.backtestFile(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		target, data = t, memory
	default:
		c, err := a.loadConfig()
		if err != nil {
			return nil, nil, err
		}
		files, err := loadTargets(c)
		if err != nil {
			return nil, nil, err
		}
		targets, err := targetsOf(files, f.target)
		if err != nil {
			return nil, nil, err
		}
		target = &targets[0]
		for _, s := range features.Collect(files) {
			if s.Name == target.Name || strings.HasPrefix(s.Name, target.Name+":") || slices.Contains(target.Signals, s.Name) {
				signals = append(signals, s)
			}
		}
		history, err := collector.OpenHistoryReadOnly(collector.HistoryOptions{Path: a.path("history")})
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = history.Close() }() // only read
		data = history
	}
	if len(signals) == 0 {
		own, err := target.Signal()
		if err != nil {
			return nil, nil, err
		}
		signals = append(signals, own)
	}
	if f.horizons != nil {
		horizons, err := durations("horizon", f.horizons)
		if err != nil {
			return nil, nil, err
		}
		target.Horizons = horizons
	}
	if f.season > 0 {
		target.Season = f.season
	}
	w, err := extent(ctx, data, target.Interval)
	if err != nil {
		return nil, nil, err
	}
	reader, err := derive(ctx, data, signals, w)
	if err != nil {
		return nil, nil, err
	}
	panel, err := features.Load(ctx, reader, target, w)
	if err != nil {
		return nil, nil, err
	}
	if len(panel.Subjects) == 0 {
		return nil, nil, fmt.Errorf("target %s has no history (its expression finds no series with the labels %v)", target.Name, target.Subject.Labels)
	}
	return target, panel, nil
}

// backtestFile reads --data and makes the target that the flags describe.
func (a *app) backtestFile(ctx context.Context, f *backtestFlags) (*collector.Memory, *features.Target, error) {
	if (f.level == "") == (f.event == "") {
		return nil, nil, errors.New("name one of --level EXPR and --event EXPR")
	}
	interval, err := model.ParseDuration(f.interval)
	if err != nil {
		return nil, nil, fmt.Errorf("--interval %q: %w", f.interval, err)
	}
	hold, err := model.ParseDuration(f.hold)
	if err != nil {
		return nil, nil, fmt.Errorf("--for %q: %w", f.hold, err)
	}
	file, err := os.Open(f.data)
	if err != nil {
		return nil, nil, fmt.Errorf("--data: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	bar := a.progress("read "+f.data, info.Size(), true)
	memory, read, err := collector.LoadCSV(ctx, file, collector.ImportOptions{
		Name: f.data, LabelColumns: f.labels, Interval: time.Duration(interval), Size: info.Size(), KeepFirst: true,
		Progress: func(p collector.ImportProgress) { bar.set(p.Bytes, p.Size, "") },
	})
	bar.done()
	if err != nil {
		return nil, nil, err
	}
	if read.Conflicts > 0 {
		fmt.Fprintf(a.err, "%s: %d rows contradict an earlier row of the same time or go back in time: the first was kept\n", f.data, read.Conflicts)
	}
	target := &features.Target{
		Subject: collector.SubjectSpec{Kind: f.subjectKind(), Labels: f.labels}, Interval: time.Duration(interval),
		Level: f.level, Event: f.event, For: time.Duration(hold), Scale: features.Scale(f.scale),
		Horizons: []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour},
	}
	if f.objective != "" {
		if target.Objective, err = features.ParseObjective(f.objective); err != nil {
			return nil, nil, fmt.Errorf("--objective: %w", err)
		}
	}
	target.Name = "level"
	if f.event != "" {
		target.Name = "event"
	}
	stored, err := memory.Signals(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range stored {
		if s.Name == f.level {
			target.Name = f.level // a column as it is
		}
		if f.event != "" && (f.signals == nil || slices.Contains(f.signals, s.Name)) {
			target.Signals = append(target.Signals, s.Name)
		}
	}
	return memory, target, nil
}

func (f *backtestFlags) subjectKind() string {
	if f.kind != "" {
		return f.kind
	}
	if len(f.labels) == 1 && slices.Contains(collector.Kinds, f.labels[0]) {
		return f.labels[0]
	}
	return "workload"
}

func durations(flag string, texts []string) ([]time.Duration, error) {
	var list []time.Duration
	for _, text := range texts {
		d, err := model.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("--%s %q: want a duration such as 15m or 1h", flag, text)
		}
		list = append(list, time.Duration(d))
	}
	return list, nil
}
