package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/driftcast/driftcast/models"
)

// printLevel writes one task's table, the best model first.
func printLevel(w io.Writer, t task, r *models.LevelReport) {
	fmt.Fprintf(w, "\n%s: %d subjects, %d origins from %s, fitted on %d rows, season %d\n",
		t.name(), r.Subjects, r.Origins, r.From.UTC().Format(time.RFC3339), r.Fitted, r.Season)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var ends strings.Builder
	for _, b := range r.Models[0].Buckets {
		fmt.Fprintf(&ends, "MASE≤%s\t", time.Duration(b.Through)*t.target.Interval)
	}
	fmt.Fprintf(tab, "model\tMASE\tWQL\tcoverage\t÷naive\t÷seasonal\t÷window\tfit\t%s\n", ends.String())
	for _, m := range r.Models {
		if m.Err != nil {
			fmt.Fprintf(tab, "%s\t-\t-\t-\t-\t-\t-\t-\t %v\n", m.Model, m.Err)
			continue
		}
		fmt.Fprintf(tab, "%s\t%.3f\t%.4f\t%.3f\t%.3f\t%.3f\t%.3f\t%.1fs\t", m.Model, m.MASE, m.WQL, m.Coverage, m.ToNaive, m.ToSeasonal, m.ToWindow, m.Fit.Seconds())
		for _, b := range m.Buckets {
			fmt.Fprintf(tab, "%.3f\t", b.MASE)
		}
		fmt.Fprintln(tab)
	}
	_ = tab.Flush() // to a terminal or a file: nobody could act on it
}

// summary gathers ratios over tasks, by model.
type summary struct {
	names  []string
	mase   map[string][]float64 // ÷ seasonal naive
	naive  map[string][]float64 // pinball ÷
	season map[string][]float64
	window map[string][]float64
	cover  map[string][]float64
	tasks  int
}

func (s *summary) add(_ task, r *models.LevelReport) {
	if s.mase == nil {
		s.mase, s.naive, s.season, s.window, s.cover = map[string][]float64{}, map[string][]float64{}, map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	}
	seasonal, _ := r.Score(models.SeasonalNaive{}.Name())
	for _, m := range r.Models {
		if m.Err != nil {
			continue
		}
		if !slices.Contains(s.names, m.Model) {
			s.names = append(s.names, m.Model)
		}
		s.mase[m.Model] = append(s.mase[m.Model], m.MASE/seasonal.MASE)
		s.naive[m.Model] = append(s.naive[m.Model], m.ToNaive)
		s.season[m.Model] = append(s.season[m.Model], m.ToSeasonal)
		s.window[m.Model] = append(s.window[m.Model], m.ToWindow)
		s.cover[m.Model] = append(s.cover[m.Model], m.Coverage)
	}
	s.tasks++
}

// print writes the geometric means, the lowest pinball first, and how often
// coverage was within 0.76…0.84. Models that could not be fitted everywhere are
// marked: their means are of fewer tasks.
func (s *summary) print(w io.Writer) {
	if s.tasks == 0 {
		return
	}
	slices.SortStableFunc(s.names, func(a, b string) int {
		x, y := models.GeometricMean(s.season[a]), models.GeometricMean(s.season[b])
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	fmt.Fprintf(w, "\ngeometric means over %d tasks\n", s.tasks)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "model\tMASE÷seasonal\tpinball÷seasonal\t÷window\t÷naive\tcoverage\t0.76…0.84\ttasks\t")
	for _, name := range s.names {
		var mean, within float64
		for _, c := range s.cover[name] {
			mean += c / float64(len(s.cover[name]))
			if math.Abs(c-0.8) <= 0.04 {
				within++
			}
		}
		fmt.Fprintf(tab, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.0f\t%d\t\n", name, models.GeometricMean(s.mase[name]), models.GeometricMean(s.season[name]),
			models.GeometricMean(s.window[name]), models.GeometricMean(s.naive[name]), mean, within, len(s.cover[name]))
	}
	_ = tab.Flush()
}
