package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

func (a *app) trainCommand() *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Fit, backtest and register models; promote those that are better",
		Long: `Trains every target (or one) on History, beside a running server or without one: the server serves the new champion
from its next step on. A challenger that is better than a champion is first tried in shadow by the server (training.shadow),
which then promotes or drops it. A Kubernetes CronJob runs this. Exit codes: 0 every run ended well (promoted, shadow or
kept), 1 a run failed, 2 an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			logger, err := a.logger()
			if err != nil {
				return err
			}
			o, err := a.openOffline(ctx, target)
			if err != nil {
				return err
			}
			o.shadow = time.Duration(o.config.Training.Shadow)
			ledger, err := store.Open(ctx, store.Options{Path: a.path("driftcast.db"), Logger: logger})
			if err != nil {
				return errors.Join(err, o.close())
			}
			bar := a.progress("train", 1000, false)
			f, err := o.forecaster(ctx, ledger, time.Duration(o.config.Training.Window), func(e forecaster.Event) {
				if e.Run != nil {
					bar.set(int64(1000*e.Run.Progress), 1000, e.Run.Target+": "+e.Run.Stage)
				}
			}, logger)
			if err != nil {
				return errors.Join(err, o.close(), ledger.Close())
			}
			var runs []forecaster.Run
			if target != "" {
				var run forecaster.Run
				run, err = f.Train(ctx, target, "cli")
				runs = append(runs, run)
			} else {
				runs, err = f.TrainAll(ctx, "cli")
			}
			bar.done()
			if err := errors.Join(o.close(), ledger.Close()); err != nil {
				return err
			}
			if len(runs) == 0 || runs[0].ID == "" {
				return err
			}
			return a.printRuns(runs)
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "only this target")
	return cmd
}

// printRuns prints what became of the runs; errFound where one failed.
func (a *app) printRuns(runs []forecaster.Run) error {
	var failed error
	for _, r := range runs {
		if r.State == forecaster.RunFailed {
			failed = errFound
		}
	}
	return errors.Join(failed, a.print(runs, func(t *table) {
		t.row("TARGET", "STATE", "MODEL", "TOOK", "WHY")
		for _, r := range runs {
			model := r.Champion
			if model == "" {
				model = r.Candidate
			}
			t.row(r.Target, string(r.State), short(model), fmt.Sprint(r.Finished.Sub(r.Started).Round(time.Millisecond)), r.Message)
		}
	}))
}
