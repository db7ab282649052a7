package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

func (a *app) scoresCommand() *cobra.Command {
	var target string
	var curve bool
	cmd := &cobra.Command{
		Use:   "scores",
		Short: "How issued forecasts came out, by target, horizon and model, against naive",
		Long: `Prints the running scores of the forecasts that a server on the same --storage.path has issued and whose horizon has passed.
SKILL is 1 − loss ÷ naive's loss: over 0 is better than naive. COVERAGE is the share of actuals within the 10–90 % band; 80 %
is right. ECE is the mean distance between a risk and the share that came true. A model in shadow is tried beside the champion.`,
		Example: "  driftcast scores --target NodeLoad --reliability",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cards, err := a.scorecards(cmd.Context(), target)
			if err != nil {
				return err
			}
			return a.print(cards, func(t *table) {
				scoreRows(t, cards)
				if curve {
					curveRows(t, cards)
				}
			})
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "only this target")
	cmd.Flags().BoolVar(&curve, "reliability", false, "the reliability curves too")
	return cmd
}

// scorecards reads the scores; none where no server has run here yet.
func (a *app) scorecards(ctx context.Context, target string) ([]forecaster.Scorecard, error) {
	if _, err := os.Stat(a.path("driftcast.db")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s, err := store.Open(ctx, store.Options{Path: a.path("driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	cards, err := s.Scorecards(ctx, target)
	return cards, errors.Join(err, s.Close())
}

func scoreRows(t *table, cards []forecaster.Scorecard) {
	if len(cards) == 0 {
		t.row("No forecast has matured yet.")
		return
	}
	t.row("TARGET", "WITHIN", "MODEL", "MATURED", "SKILL", "PINBALL", "COVERAGE", "BRIER", "ECE", "BASE RATE", "PRECISION", "RECALL", "LEAD", "FALSE/WEEK")
	for _, c := range cards {
		model := short(c.Model)
		if c.Shadow {
			model += " (shadow)"
		}
		lead := "-"
		if !math.IsNaN(c.LeadSeconds) {
			lead = (time.Duration(c.LeadSeconds) * time.Second).Round(time.Minute).String()
		}
		t.row(c.Target, span(c.Horizon), model, fmt.Sprint(c.Forecasts), signed(c.Skill), number(c.Pinball).String(), percent(c.Coverage),
			number(c.Brier).String(), number(c.Calibration).String(), number(c.BaseRate).String(), percent(c.Precision), percent(c.Recall), lead, number(c.FalsePerWeek).String())
	}
}

func curveRows(t *table, cards []forecaster.Scorecard) {
	for _, c := range cards {
		if len(c.Reliability) == 0 {
			continue
		}
		t.row()
		t.row(c.Target, span(c.Horizon), short(c.Model))
		t.row("MEAN RISK", "CAME TRUE", "FORECASTS")
		for _, b := range c.Reliability {
			t.row(number(b.Risk).String(), number(b.Happened).String(), fmt.Sprint(b.Forecasts))
		}
	}
}

// signed prints a skill; "-" for NaN.
func signed(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%+.3f", v)
}
