package models

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/driftcast/driftcast/features"
)

// EventReport is the outcome of a backtest of event models.
type EventReport struct {
	Target   string
	Horizons []time.Duration
	From     time.Time // the first tested origin
	Subjects int
	Rows     int   // tested
	Fitted   int   // rows that the models were fitted on, at the last fold
	Events   []int // by horizon: that began within the horizon of a tested row, each once
	Models   []EventModelScore
}

// EventModelScore is how one model did. Models come naive first, then the best
// (by the Brier score over all horizons) first.
type EventModelScore struct {
	Model    string
	Naive    bool // base rate or time since last
	Err      error
	Horizons []EventScore // one a horizon; NaN where Err is not nil
	Origins  []time.Time  // ascending
	Losses   []float64    // Brier score over the horizons at each of Origins, for paired tests
}

// EventScore is how one model did at one horizon. Rows overlap; Alerts counts
// every event once.
type EventScore struct {
	Rows             int // with a known outcome
	Positives        int // of them with an event
	AUROC            float64
	AveragePrecision float64
	Brier            float64
	Skill            float64 // over the base rate; above 0 is better
	CalibrationError float64
	Reliability      []CalibrationBin
	Allowed          float64    // alerts by the budget over the test: the target's, or one a subject and week
	Alerts           AlertScore // of the highest risks of the test, as many as are allowed
	Kept             AlertScore // at the threshold that kept to the budget before the test, one alert an episode; its Threshold is NaN where none was found
}

// loss is the Brier score averaged over the horizons that have one.
func (m EventModelScore) loss() float64 {
	var sum, n float64
	for _, s := range m.Horizons {
		if s.Brier == s.Brier {
			sum += s.Brier
			n++
		}
	}
	return sum / n
}

// Score returns the score of the model of that name.
func (r *EventReport) Score(model string) (EventModelScore, bool) {
	for _, m := range r.Models {
		if m.Model == model {
			return m, true
		}
	}
	return EventModelScore{}, false
}

// Best returns the model with the lowest Brier score over all horizons, naive
// ones included.
func (r *EventReport) Best() EventModelScore {
	best := r.Models[0]
	for _, m := range r.Models[1:] {
		if m.loss() < best.loss() {
			best = m
		}
	}
	return best
}

// NaiveWins says that at the h-th horizon no learned model has a lower Brier
// score than the better of the naive ones.
func (r *EventReport) NaiveWins(h int) bool {
	naive, learned := math.Inf(1), math.Inf(1)
	for _, m := range r.Models {
		if b := m.Horizons[h].Brier; m.Naive {
			naive = min(naive, orInf(b))
		} else {
			learned = min(learned, orInf(b))
		}
	}
	return naive <= learned
}

func orInf(v float64) float64 {
	if math.IsNaN(v) {
		return math.Inf(1)
	}
	return v
}

// Print writes the report as a table, horizon by horizon: scores of the risks,
// alerts of the highest risks within the budget, and alerts kept (of those
// allowed) by a threshold that was set before the test.
func (r *EventReport) Print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "horizon\tevents\tmodel\tAUROC\tAP\tBrier\tskill\tECE\talerts\tprecision\trecall\tlead\tkept\tprecision\trecall\t")
	for h, horizon := range r.Horizons {
		for _, m := range r.Models {
			s, note := m.Horizons[h], ""
			switch {
			case m.Err != nil:
				note = m.Err.Error()
			case m.Naive && r.NaiveWins(h):
				note = "naive wins"
			case m.Naive:
				note = "naive"
			}
			fmt.Fprintf(tab, "%s\t%d\t%s\t%.3f\t%.3f\t%.4f\t%+.3f\t%.3f\t%d\t%.3f\t%.3f\t%s\t%s\t%.3f\t%.3f\t  %s\n",
				spell(horizon), r.Events[h], m.Model, s.AUROC, s.AveragePrecision, s.Brier, s.Skill, s.CalibrationError,
				s.Alerts.Alerts, s.Alerts.Precision, s.Alerts.Recall, spell(s.Alerts.Lead), s.kept(), s.Kept.Precision, s.Kept.Recall, note)
		}
	}
	return tab.Flush()
}

// kept writes how many alerts the threshold raised, and how many were allowed.
func (s EventScore) kept() string {
	if math.IsNaN(s.Kept.Threshold) {
		return "-"
	}
	return fmt.Sprintf("%d/%.0f", s.Kept.Alerts, s.Allowed)
}

// report scores what run gathered.
func (b *eventBacktest) report() (*EventReport, error) {
	if len(b.at) == 0 {
		return nil, fmt.Errorf("backtest %s: %w: no subject is at risk after %s", b.target.Name, ErrTooFewRows, b.o.TestFrom.UTC().Format(time.RFC3339))
	}
	r := &EventReport{
		Target: b.target.Name, Horizons: b.target.Horizons, From: b.panel.Time(b.origins[0]),
		Subjects: len(b.panel.Subjects), Rows: len(b.at), Fitted: b.fitted,
	}
	for i := range b.entries {
		e := &b.entries[i]
		name := e.model.Name()
		r.Models = append(r.Models, EventModelScore{
			Model: name, Naive: i < 2, Err: e.err, Horizons: make([]EventScore, len(r.Horizons)),
		})
		b.lossesByOrigin(e, &r.Models[i])
	}
	for h := range r.Horizons {
		labels := b.column(b.labels, h)
		base := b.column(b.entries[0].risks, h)
		book := b.book(h, labels)
		events := 0
		for _, onsets := range book.onsets {
			events += len(onsets)
		}
		r.Events = append(r.Events, events)
		for i := range b.entries {
			r.Models[i].Horizons[h] = b.score(b.column(b.entries[i].risks, h), base, labels, book, b.entries[i].limits[h])
		}
	}
	slices.SortStableFunc(r.Models[2:], func(a, b EventModelScore) int { return cmp.Compare(orInf(a.loss()), orInf(b.loss())) })
	return r, nil
}

// column picks one horizon out of values by row and horizon.
func (b *eventBacktest) column(values []float64, h int) []float64 {
	n := len(b.target.Horizons)
	out := make([]float64, len(b.at))
	for i := range out {
		out[i] = values[i*n+h]
	}
	return out
}

func (b *eventBacktest) score(risks, base, labels []float64, book alertBook, limit float64) EventScore {
	s := EventScore{
		AUROC: AUROC(risks, labels), AveragePrecision: AveragePrecision(risks, labels), Brier: Brier(risks, labels),
		Skill: BrierSkill(risks, base, labels), CalibrationError: CalibrationError(risks, labels), Reliability: Reliability(risks, labels),
	}
	for _, y := range labels {
		if y == y {
			s.Rows++
			if y > 0.5 {
				s.Positives++
			}
		}
	}
	if slices.ContainsFunc(risks, math.IsNaN) {
		s.Alerts = AlertScore{Threshold: math.NaN(), Precision: math.NaN(), Recall: math.NaN()}
		s.Kept = s.Alerts
		return s
	}
	for i := range book.rows {
		book.rows[i].risk = risks[book.rows[i].index]
	}
	// Time is counted where there are forecasts.
	budget := budgetOf(&features.Frame{Target: b.target, Panel: b.panel})
	rowsAtOnce := float64(len(b.panel.Subjects))
	s.Allowed = budget.Count * float64(len(risks)) / rowsAtOnce * float64(b.o.Every) / float64(budget.Per)
	s.Alerts = book.atBudget(max(1, int(math.Round(s.Allowed))), b.panel.Interval)
	s.Kept = AlertScore{Threshold: math.NaN(), Precision: math.NaN(), Recall: math.NaN()}
	if !math.IsNaN(limit) {
		s.Kept = book.atThreshold(limit, b.panel.Interval)
	}
	return s
}

// book lists the tested rows by subject and time, and the events that began
// within the horizon of at least one of them. After an alert a subject is
// quiet for the horizon, or a day where that is shorter.
func (b *eventBacktest) book(h int, labels []float64) alertBook {
	horizon := b.target.Horizons[h]
	steps := max(1, int(horizon/b.panel.Interval))
	book := alertBook{
		horizon: steps, quiet: min(steps, max(1, int(24*time.Hour/b.panel.Interval))),
		onsets: map[int][]int{}, rows: make([]alertRow, len(b.at)),
	}
	tested := map[int][]int{}
	for i, at := range b.at {
		book.rows[i] = alertRow{index: i, subject: b.subjects[i], at: at, label: labels[i]}
		tested[b.subjects[i]] = append(tested[b.subjects[i]], at)
	}
	slices.SortFunc(book.rows, func(x, y alertRow) int {
		return cmp.Or(cmp.Compare(x.subject, y.subject), cmp.Compare(x.at, y.at))
	})
	for _, subject := range slices.Sorted(maps.Keys(tested)) {
		at := tested[subject]
		slices.Sort(at)
		for _, onset := range features.Onsets(predicateOf(b.panel, b.target, subject), holdSteps(b.target)) {
			if i, _ := slices.BinarySearch(at, onset-steps); i < len(at) && at[i] < onset {
				book.onsets[subject] = append(book.onsets[subject], onset)
			}
		}
	}
	return book
}

// lossesByOrigin fills the mean Brier score over rows and horizons at each
// origin.
func (b *eventBacktest) lossesByOrigin(e *eventEntry, m *EventModelScore) {
	n := len(b.target.Horizons)
	sum, count := map[int]float64{}, map[int]float64{}
	for i, at := range b.at {
		for h := range n {
			if d := e.risks[i*n+h] - b.labels[i*n+h]; d == d {
				sum[at] += d * d
				count[at]++
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(sum)) {
		m.Origins = append(m.Origins, b.panel.Time(at))
		m.Losses = append(m.Losses, sum[at]/count[at])
	}
}
