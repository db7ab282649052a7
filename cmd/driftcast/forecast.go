package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"
	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

func (a *app) forecastCommand() *cobra.Command {
	var target, subject string
	var limit int
	cmd := &cobra.Command{
		Use:   "forecast",
		Short: "Print ranked risks, or one subject's path with a plot; exit 1 where a risk is over its threshold",
		Long: `Prints the newest forecasts that a server on the same --storage.path has issued. Where there are none (after an
import, say) it forecasts from the newest sample of History, with the champions of the registry, or naively.`,
		Example: "  driftcast forecast\n  driftcast forecast --target NodeLoad --subject node/gpu-17",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.openOffline(cmd.Context(), target)
			if err != nil {
				return err
			}
			defer func() { _ = o.close() }() // only read
			if subject != "" {
				return a.forecastOne(cmd.Context(), o, subject)
			}
			return a.forecastAll(cmd.Context(), o, target, limit)
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "only this target")
	cmd.Flags().StringVar(&subject, "subject", "", "one subject, such as node/gpu-17: its path, plotted")
	cmd.Flags().IntVar(&limit, "limit", 50, "rows at most")
	return cmd
}

// forecasts opens the store of issued forecasts, or fills a temporary one.
func (a *app) forecasts(ctx context.Context, o *offline, target string) (s *store.Store, done func(), err error) {
	quiet := slog.New(slog.DiscardHandler)
	if _, err := os.Stat(a.path("driftcast.db")); err == nil {
		if s, err = store.Open(ctx, store.Options{Path: a.path("driftcast.db"), Logger: quiet}); err != nil {
			return nil, nil, err
		}
		if issued, _, err := s.Forecasts(ctx, forecaster.ForecastQuery{Target: target, Limit: 1}); err == nil && len(issued) > 0 {
			return s, func() { _ = s.Close() }, nil // only read
		}
		if err := s.Close(); err != nil {
			return nil, nil, err
		}
	}
	dir, err := os.MkdirTemp("", "driftcast-forecast-")
	if err != nil {
		return nil, nil, err
	}
	clean := func() { _ = os.RemoveAll(dir) } // a temporary folder that stays behind harms nobody
	if s, err = store.Open(ctx, store.Options{Path: dir + "/driftcast.db", Logger: quiet}); err != nil {
		clean()
		return nil, nil, err
	}
	done = func() { _ = s.Close(); clean() }
	window := time.Duration(o.config.Training.Window)
	f, err := o.forecaster(ctx, s, window, nil, quiet)
	if err == nil {
		if step := f.Step(ctx, o.now); step != nil && f.Status().LastStep.IsZero() {
			err = step
		}
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	for _, problem := range f.Status().Problems {
		fmt.Fprintf(a.err, "note: %s\n", problem)
	}
	return s, done, nil
}

func (a *app) forecastAll(ctx context.Context, o *offline, target string, limit int) error {
	s, done, err := a.forecasts(ctx, o, target)
	if err != nil {
		return err
	}
	defer done()
	list, _, err := s.Forecasts(ctx, forecaster.ForecastQuery{Target: target, Limit: limit})
	if err != nil {
		return err
	}
	thresholds, warns := map[string]float64{}, map[string]features.Warn{}
	for i := range o.targets {
		t := &o.targets[i]
		thresholds[t.Name], _ = o.limit(t)
		warns[t.Name] = t.Warn
	}
	over := func(f models.Forecast) bool {
		return forecaster.HighestRisk(warns[f.Target], f.Risks) >= thresholds[f.Target]
	}
	var found error
	for _, f := range list {
		if over(f) {
			found = errFound
		}
	}
	return errors.Join(found, a.print(list, func(t *table) {
		t.row("RISK", "TARGET", "SUBJECT", "WITHIN", "AS OF", "WHY")
		for _, f := range list {
			mark := ""
			if over(f) {
				mark = " !"
			}
			t.row(percent(highest(f))+mark, f.Target, f.Subject.String(), within(f), f.Origin.UTC().Format(time.RFC3339), why(f))
		}
	}))
}

func (a *app) forecastOne(ctx context.Context, o *offline, text string) error {
	subject, err := collector.ParseSubject(text)
	if err != nil {
		return fmt.Errorf("--subject: %w", err)
	}
	if len(o.targets) != 1 {
		return errors.New("--subject: name the target too (--target NAME)")
	}
	target := &o.targets[0]
	s, done, err := a.forecasts(ctx, o, target.Name)
	if err != nil {
		return err
	}
	defer done()
	f, err := s.Forecast(ctx, target.Name, subject.String())
	if err != nil {
		return err
	}
	var found error
	threshold, because := o.limit(target)
	if forecaster.HighestRisk(target.Warn, f.Risks) >= threshold {
		found = errFound
	}
	past, err := o.past(ctx, target, f)
	if err != nil {
		return err
	}
	x := o.explain(ctx, s, target, subject)
	return errors.Join(found, a.print(explained{f, threshold, because, x}, func(t *table) {
		t.row(f.Target+" of "+f.Subject.String(), "as of "+f.Origin.UTC().Format(time.RFC3339), "model "+short(f.Model))
		t.row("risk", within(f))
		if len(f.Risks) > 0 {
			t.row("warns from", warnsFrom(threshold, because))
		}
		for _, d := range f.Drivers {
			t.row("why", d.Text)
		}
		t.row("before", x.Text)
		if len(f.Leads) == 0 {
			return
		}
		t.row()
		t.row("in", "10 %", "median", "90 %")
		for i := range 8 {
			k := i * (len(f.Leads) - 1) / 7
			q := f.Path[k*len(models.Quantiles) : (k+1)*len(models.Quantiles)]
			t.row(span(time.Duration(f.Leads[k])*f.Interval), number(q[0]).String(), number(q[models.Median]).String(), number(q[len(q)-1]).String())
		}
		t.row()
		t.row(plot(past, f))
	}))
}

// explained is one forecast as -o json prints it.
type explained struct {
	models.Forecast
	Threshold float64
	Because   string
	Episodes  forecaster.Explanation
}

func warnsFrom(threshold float64, because string) string {
	if because == "" {
		return percent(threshold)
	}
	return percent(threshold) + ", from " + because
}

// limit is the risk from which a target warns with its champion, and why.
func (o *offline) limit(t *features.Target) (threshold float64, because string) {
	id, err := o.registry.Champion(t.Name)
	if err != nil {
		return forecaster.Limit(t, 0)
	}
	m, err := o.registry.Manifest(id)
	if err != nil {
		return forecaster.Limit(t, 0)
	}
	return forecaster.Limit(t, m.Threshold)
}

// explain finds the past episodes; its Text says where that was not possible.
func (o *offline) explain(ctx context.Context, ledger forecaster.Ledger, t *features.Target, subject collector.Subject) forecaster.Explanation {
	f, err := o.forecaster(ctx, ledger, time.Duration(o.config.Training.Window), nil, slog.New(slog.DiscardHandler))
	var x forecaster.Explanation
	if err == nil {
		x, err = f.Explain(ctx, t.Name, subject)
	}
	if err != nil {
		x.Text = "no past episodes: " + err.Error()
	}
	return x
}

// past is the target's own series of the subject before the forecast, as long
// as the forecast is.
func (o *offline) past(ctx context.Context, t *features.Target, f models.Forecast) (*features.Panel, error) {
	if len(f.Leads) == 0 {
		return nil, nil
	}
	signals, err := signalsOf(o.targets)
	if err != nil {
		return nil, err
	}
	w := collector.Window{Start: f.Origin.Add(-time.Duration(f.Leads[len(f.Leads)-1]) * f.Interval), End: f.Origin, Step: f.Interval}
	reader, err := derive(ctx, o.history, signals, w)
	if err != nil {
		return nil, err
	}
	own := *t
	own.Signals = nil
	return features.LoadSubjects(ctx, reader, &own, w, func(s collector.Subject) bool { return s == f.Subject })
}

// plot draws the past and, after it, the median within its 10–90 % band.
func plot(p *features.Panel, f models.Forecast) string {
	const half = 60
	low, mid, high, past := blank(2*half), blank(2*half), blank(2*half), blank(2*half)
	if p != nil && len(p.Subjects) > 0 {
		y := p.Series(0, 0)
		for i := range half {
			past[i] = y[i*(len(y)-1)/(half-1)]
		}
	}
	for i := range half {
		k := i * (len(f.Leads) - 1) / (half - 1)
		q := f.Path[k*len(models.Quantiles) : (k+1)*len(models.Quantiles)]
		low[half+i], mid[half+i], high[half+i] = q[0], q[models.Median], q[len(q)-1]
	}
	return asciigraph.PlotMany([][]float64{past, low, high, mid}, asciigraph.Height(14), asciigraph.Precision(3),
		asciigraph.Caption("past │ median within its 10–90 % band"))
}

func blank(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = math.NaN()
	}
	return list
}

// highest is the highest risk at any horizon, NaN where there is none.
// highest is the highest risk at any horizon, warned of or not.
func highest(f models.Forecast) float64 { return forecaster.HighestRisk(features.Warn{}, f.Risks) }

func within(f models.Forecast) string {
	words := make([]string, len(f.Risks))
	for i, r := range f.Risks {
		words[i] = span(r.Horizon) + " " + percent(r.Probability)
	}
	return strings.Join(words, "  ")
}

func why(f models.Forecast) string {
	words := make([]string, 0, 2)
	for _, d := range f.Drivers[:min(2, len(f.Drivers))] {
		words = append(words, d.Text)
	}
	return strings.Join(words, "; ")
}

func percent(p float64) string {
	switch {
	case math.IsNaN(p):
		return "-"
	case p > 0 && p < 0.01:
		return "<1%"
	}
	return fmt.Sprintf("%.0f%%", 100*p)
}
