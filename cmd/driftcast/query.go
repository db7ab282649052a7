package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
)

func (a *app) queryCommand() *cobra.Command {
	var at, start, end, step string
	cmd := &cobra.Command{
		Use:   "query EXPR",
		Short: "Ask PromQL of History",
		Example: `  driftcast query 'avg_over_time(gpu_allocated[1h])'
  driftcast query --start 2026-11-22T00:00:00Z --end 2026-11-23T00:00:00Z --step 1h 'max(TimeToFirstToken)'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			history, err := collector.OpenHistoryReadOnly(collector.HistoryOptions{Path: a.path("history")})
			if err != nil {
				return err
			}
			defer func() { _ = history.Close() }() // only read
			if start == "" && end == "" {
				var when time.Time
				if at != "" {
					if when, err = parseTime("time", at); err != nil {
						return err
					}
				} else { // the newest sample: History may be an import from years ago
					w, err := extent(ctx, history, time.Second)
					if err != nil {
						return err
					}
					when = w.End
				}
				answer, err := history.Query(ctx, args[0], when)
				if err != nil {
					return err
				}
				return a.printAnswer(answer)
			}
			w, err := window(start, end, step)
			if err != nil {
				return err
			}
			answer, err := history.QueryRange(ctx, args[0], w)
			if err != nil {
				return err
			}
			return a.printAnswer(answer)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at, "time", "", "evaluate at this time (default: the newest sample of History)")
	flags.StringVar(&start, "start", "", "evaluate over a range from here…")
	flags.StringVar(&end, "end", "", "…to here…")
	flags.StringVar(&step, "step", "1m", "…at this step")
	cmd.MarkFlagsMutuallyExclusive("time", "start")
	cmd.MarkFlagsRequiredTogether("start", "end")
	return cmd
}

func window(start, end, step string) (w collector.Window, err error) {
	if w.Start, err = parseTime("start", start); err != nil {
		return w, err
	}
	if w.End, err = parseTime("end", end); err != nil {
		return w, err
	}
	d, err := model.ParseDuration(step)
	if err != nil || d <= 0 {
		return w, fmt.Errorf("--step %q: want a duration such as 1m", step)
	}
	w.Step = time.Duration(d)
	if w.End.Before(w.Start) {
		return w, fmt.Errorf("--end %s is before --start %s", end, start)
	}
	return w, nil
}

// answerSeries is a series as JSON and YAML show it.
type answerSeries struct {
	Labels map[string]string `json:"labels"`
	Values []sample          `json:"values"`
}

type sample struct {
	Time  string `json:"time"`
	Value string `json:"value"` // as Prometheus writes numbers: NaN and +Inf are words
}

func (a *app) printAnswer(answer collector.Result) error {
	for _, w := range answer.Warnings {
		fmt.Fprintf(a.err, "warning: %s\n", w)
	}
	list := make([]answerSeries, len(answer.Series))
	for i, s := range answer.Series {
		list[i].Labels = map[string]string{}
		for _, l := range s.Labels {
			list[i].Labels[l.Name] = l.Value
		}
		for j, ms := range s.Times {
			list[i].Values = append(list[i].Values, sample{time.UnixMilli(ms).UTC().Format(time.RFC3339), strconv.FormatFloat(s.Values[j], 'g', -1, 64)})
		}
	}
	return a.print(list, func(t *table) {
		t.row("SERIES", "TIME", "VALUE")
		for i, s := range answer.Series {
			for j, v := range list[i].Values {
				value := v.Value
				if math.IsNaN(s.Values[j]) {
					value = "NaN"
				}
				t.row(s.Labels.String(), v.Time, value)
			}
		}
	})
}
