package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models/shift"
)

func (a *app) shiftsCommand() *cobra.Command {
	f := &shiftFlags{}
	cmd := &cobra.Command{
		Use:   "shifts",
		Short: "Hold the newest samples of a level against a baseline window; exit 1 where a distribution has drifted",
		Long: `Compares the last --window of every subject with the --baseline before it: Kolmogorov and Smirnov with a p-value for
as many independent samples as there really are, the population stability index (0.1 minor, 0.25 major), and how far the
mass has moved (Wasserstein). A window drifts where the index is over --psi, over what the baseline's own windows do, and not
by chance; where days resemble one another, against the same hours of other days. A change of unit is named as such.

Targets with a "drift:" key are compared, or the one that --target names. Exit codes: 0 none, 1 drift, 2 an error.`,
		Example: `  driftcast shifts
  driftcast shifts --target KvCacheUsage --window 1h --all
  driftcast shifts --data series.csv.gz --label series --interval 5m --level value --baseline 7d --window 6h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.shifts(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.register(cmd)
	flags.StringVar(&f.baseline, "baseline", "7d", "the past that the window is held against")
	flags.StringVar(&f.window, "window", "6h", "of recent samples")
	flags.Float64Var(&f.psi, "psi", 0.25, "population stability index that is too much")
	flags.BoolVar(&f.all, "all", false, "print every subject, not only those that drifted")
	return cmd
}

func (a *app) shifts(ctx context.Context, f *shiftFlags) error {
	durations, err := f.durations(map[string]string{"baseline": f.baseline, "window": f.window})
	if err != nil {
		return err
	}
	list, done, err := a.watched(ctx, f, func(t *features.Target) bool { return t.Drift != nil }, func(t *features.Target) error {
		t.Regression = nil // its load is of no interest here
		if t.Drift == nil || f.data != "" {
			t.Drift = &features.Drift{Baseline: durations["baseline"], Window: durations["window"], PSI: f.psi}
		}
		return driftOptions(t).Validate(t.Interval)
	})
	defer done()
	if err != nil {
		return err
	}
	rows, found, subjects, unclear := []shiftRow{}, 0, 0, 0
	for _, w := range list {
		compared, err := w.compare(ctx)
		if err != nil {
			return err
		}
		subjects += len(compared)
		for _, r := range compared {
			drifted := r.Kind == shift.Drifted || r.Kind == shift.Rescaled
			if drifted {
				found++
			}
			if r.Kind == shift.Unclear {
				unclear++
			}
			if drifted || f.all {
				rows = append(rows, r)
			}
		}
	}
	if err := a.print(rows, func(t *table) {
		if len(rows) == 0 {
			t.row(fmt.Sprintf("no drift (%d targets, %d subjects, %d of them with too few samples)", len(list), subjects, unclear))
			return
		}
		t.row("TARGET", "SUBJECT", "DRIFT", "PSI", "USUAL", "KS", "P", "WASSERSTEIN", "÷ IQR", "MEDIAN", "WHY")
		for _, r := range rows {
			t.row(r.Target, r.Subject, string(r.Kind), r.PSI.String(), r.Usual.String(), r.KS.String(), r.P.String(), r.Wasserstein.String(), r.Normalised.String(),
				r.Before.String()+" → "+r.After.String(), r.Why)
		}
	}); err != nil {
		return err
	}
	if found > 0 {
		return errFound
	}
	return nil
}

// driftOptions are what a target says of its drift.
func driftOptions(t *features.Target) shift.DriftOptions {
	return shift.DriftOptions{Baseline: t.Drift.Baseline, Window: t.Drift.Window, PSI: t.Drift.PSI}
}

// compare holds the end of every subject against its baseline.
func (w *watched) compare(ctx context.Context) ([]shiftRow, error) {
	t, o := &w.target, driftOptions(&w.target)
	end := w.extent.End
	window := collector.Window{Start: end.Add(t.Interval - o.Baseline - o.Window), End: end, Step: t.Interval}
	if window.Start.Before(w.extent.Start) {
		window.Start = w.extent.Start
	}
	subjects, err := forecaster.Observe(ctx, w.reader, t, window, nil)
	if err != nil {
		return nil, err
	}
	if len(subjects) == 0 {
		return nil, fmt.Errorf("target %s has no history (its expression finds no series with the labels %v)", t.Name, t.Subject.Labels)
	}
	rows := make([]shiftRow, len(subjects))
	for i, s := range subjects {
		c, kind, why := shift.Drift(s.Series.Latency, s.Series.Step, o)
		rows[i] = shiftRow{Target: t.Name, Subject: s.Subject.String(), Kind: kind, Why: why, Until: end, PSI: number(c.PSI), Usual: number(c.Usual),
			KS: number(c.KS), P: number(c.KSP), Wasserstein: number(c.Wasserstein), Normalised: number(c.Normalised), Before: number(c.Before), After: number(c.After),
			BaselineN: c.BaselineN, RecentN: c.RecentN, LikeHours: c.LikeHours}
	}
	return rows, nil
}

// shiftRow is how a comparison is printed.
type shiftRow struct {
	Target      string          `json:"target"`
	Subject     string          `json:"subject"`
	Kind        shift.DriftKind `json:"kind"`
	Why         string          `json:"why"`
	Until       time.Time       `json:"until"`
	PSI         number          `json:"psi"`
	Usual       number          `json:"usual"`
	KS          number          `json:"ks"`
	P           number          `json:"p"`
	Wasserstein number          `json:"wasserstein"`
	Normalised  number          `json:"normalised"`
	Before      number          `json:"before"`
	After       number          `json:"after"`
	BaselineN   int             `json:"baselineSamples"`
	RecentN     int             `json:"recentSamples"`
	LikeHours   bool            `json:"likeHours"`
}
