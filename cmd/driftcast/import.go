package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
)

func (a *app) importCommand() *cobra.Command {
	var labels []string
	var interval, timeColumn string
	var keepFirst bool
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Read CSV(.gz) or OpenMetrics files into History",
		Long: `Every value column of a CSV becomes a signal of that name, with the label columns as labels. The first column named
"timestamp" (see --time.column) holds Unix seconds or RFC 3339; an empty cell is missing. Files named *.om, *.prom or
*.openmetrics are OpenMetrics. A file is imported as a whole or not at all: bad input is an error that names the line.`,
		Example: "  driftcast import --label queue --interval 60s series.csv.gz",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			step, err := model.ParseDuration(interval)
			if err != nil {
				return fmt.Errorf("--interval %q: %w", interval, err)
			}
			logger, err := a.logger()
			if err != nil {
				return err
			}
			open := collector.OpenHistory
			if _, err := os.Stat(a.path("history")); err == nil {
				open = collector.OpenHistoryReadOnly // imports go beside what a running server writes
			}
			history, err := open(collector.HistoryOptions{Path: a.path("history"), Logger: logger})
			if err != nil {
				return err
			}
			defer func() { _ = history.Close() }() // what was imported is on disk already
			var reports []collector.ImportReport
			for _, name := range args {
				report, err := a.importFile(cmd, history, name, collector.ImportOptions{
					Name: name, LabelColumns: labels, TimeColumn: timeColumn, Interval: time.Duration(step), KeepFirst: keepFirst})
				if err != nil {
					return err
				}
				reports = append(reports, report)
			}
			return a.print(reports, func(t *table) {
				t.row("FILE", "SIGNALS", "SERIES", "SAMPLES", "MISSING", "LEFT OUT", "FROM", "TO", "TOOK")
				for i, r := range reports {
					t.row(args[i], strings.Join(r.Signals, ", "), fmt.Sprint(r.Series), fmt.Sprint(r.Samples),
						fmt.Sprint(r.Missing), fmt.Sprint(r.Duplicates+r.Conflicts),
						r.First.UTC().Format(time.RFC3339), r.Last.UTC().Format(time.RFC3339), r.Took.Round(time.Millisecond).String())
				}
			})
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&labels, "label", nil, "label columns: what names a subject (may be given several times)")
	flags.StringVar(&interval, "interval", "1m", "distance of the samples")
	flags.StringVar(&timeColumn, "time.column", "timestamp", "column that holds the time")
	flags.BoolVar(&keepFirst, "keep-first", false, "leave out rows that go back in time or contradict the row before, instead of refusing the file")
	return cmd
}

func (a *app) importFile(cmd *cobra.Command, history *collector.History, name string, o collector.ImportOptions) (collector.ImportReport, error) {
	file, err := os.Open(name)
	if err != nil {
		return collector.ImportReport{}, err
	}
	defer func() { _ = file.Close() }() // only read
	if info, err := file.Stat(); err == nil {
		o.Size = info.Size()
	}
	bar := a.progress("import "+name, o.Size, true)
	defer bar.done()
	o.Progress = func(p collector.ImportProgress) { bar.set(p.Bytes, p.Size, fmt.Sprintf("%d rows", p.Rows)) }
	for _, suffix := range []string{".om", ".prom", ".openmetrics"} {
		if strings.HasSuffix(strings.TrimSuffix(name, ".gz"), suffix) {
			return collector.ImportOpenMetrics(cmd.Context(), history, file, o)
		}
	}
	return collector.ImportCSV(cmd.Context(), history, file, o)
}
