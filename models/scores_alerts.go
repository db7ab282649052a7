package models

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/driftcast/driftcast/features"
)

// AlertScore says what a fixed number of alerts would have been worth.
type AlertScore struct {
	Threshold float64       // risk from which an alert is raised
	Alerts    int           // raised
	Precision float64       // share of the alerts that an event followed within the horizon; NaN without alerts
	Recall    float64       // share of the events that an alert preceded by at most the horizon; NaN without events
	Lead      time.Duration // median time from the first such alert to the event; 0 where none was caught
}

// alertRow is one forecast of one subject.
type alertRow struct {
	index   int // in the order tested
	subject int
	at      int // grid step
	risk    float64
	rank    int // by falling risk
	label   float64
}

// alertBook holds all forecasts of one model at one horizon, and the events
// that began, to be judged per event and not per (overlapping) row.
type alertBook struct {
	rows    []alertRow    // by subject, then time
	onsets  map[int][]int // subject to grid steps, ascending: the events that could be foreseen
	horizon int           // grid steps
	quiet   int           // grid steps after an alert in which its subject raises none
}

// atBudget raises about `budget` alerts, the highest risks first, and judges
// them. Equal risks are ranked by lot, so that a model that cannot tell rows
// apart scores as chance does.
func (b alertBook) atBudget(budget int, interval time.Duration) AlertScore {
	order := make([]int, len(b.rows))
	for i := range order {
		order[i] = i
	}
	lot := newRand(uint64(len(order)))
	lot.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(b.rows[j].risk, b.rows[i].risk) })
	for rank, i := range order {
		b.rows[i].rank = rank
	}
	// The more rows may raise an alert, the more do, nearly always: silence
	// after an alert can undo one or two.
	most := sort.Search(len(order), func(n int) bool { return len(b.raise(n+1)) > budget })
	s := b.judge(b.raise(most), interval)
	s.Threshold = math.Inf(1)
	if most > 0 {
		s.Threshold = b.rows[order[most-1]].risk
	}
	return s
}

// raise returns the rows at which an alert is raised where the n highest risks
// may.
func (b alertBook) raise(n int) []alertRow {
	var alerts []alertRow
	for _, r := range b.rows {
		if r.rank >= n {
			continue
		}
		if n := len(alerts); n > 0 && alerts[n-1].subject == r.subject && r.at-alerts[n-1].at < b.quiet {
			continue
		}
		alerts = append(alerts, r)
	}
	return alerts
}

// atThreshold raises one alert an episode, as the loop does, and judges them.
func (b alertBook) atThreshold(threshold float64, interval time.Duration) AlertScore {
	var alerts []alertRow
	e := episode{threshold: threshold}
	for i, r := range b.rows {
		if i == 0 || r.subject != b.rows[i-1].subject {
			e.raised = false
		}
		if e.begins(r.risk) {
			alerts = append(alerts, r)
		}
	}
	s := b.judge(alerts, interval)
	s.Threshold = threshold
	return s
}

func (b alertBook) judge(alerts []alertRow, interval time.Duration) AlertScore {
	s := AlertScore{Alerts: len(alerts), Precision: math.NaN(), Recall: math.NaN()}
	bySubject := map[int][]int{}
	var right, known int
	for _, a := range alerts {
		bySubject[a.subject] = append(bySubject[a.subject], a.at)
		if !math.IsNaN(a.label) {
			known++
			if a.label > 0.5 {
				right++
			}
		}
	}
	if known > 0 {
		s.Precision = float64(right) / float64(known)
	}
	var leads []int
	events := 0
	for subject, onsets := range b.onsets {
		for _, onset := range onsets {
			events++
			at := bySubject[subject]
			i, _ := slices.BinarySearch(at, onset-b.horizon)
			if i < len(at) && at[i] < onset {
				leads = append(leads, onset-at[i])
			}
		}
	}
	if events > 0 {
		s.Recall = float64(len(leads)) / float64(events)
	}
	if len(leads) > 0 {
		slices.Sort(leads)
		s.Lead = time.Duration(leads[len(leads)/2]) * interval
	}
	return s
}

// RiskRow is the calibrated risk of one subject at one origin.
type RiskRow struct {
	Subject int     // any number that tells subjects apart
	Step    int     // the origin, a grid step
	Risk    float64 // the highest over the horizons that may warn; NaN counts for nothing
}

// A warning ends when the risk has stayed under calm times the threshold for
// calmRows rows of its subject, as in the forecaster's loop.
const (
	calm     = 0.8
	calmRows = 2
)

// BudgetThreshold returns the risk from which to warn so that warnings stay
// within the budget on rows like these: forecasts by a fitted model, at all
// origins of all subjects, of rows that it was not trained on (those it was
// calibrated on will do). It is the lowest threshold that raises no more than
// budget.Count warnings per budget.Per over the time that the rows span,
// counted as the loop counts them: one per subject and episode, however many
// rows the risk stays high. Risks that cannot be told apart are warned of
// together or not at all, so that the budget holds; where not even the highest
// fit, the answer lies above it. It is 0 where there is no budget, and NaN
// where there is no row to learn from; rows may come in any order.
func BudgetThreshold(rows []RiskRow, interval time.Duration, budget features.Budget) float64 {
	if budget.Count <= 0 || budget.Per <= 0 {
		return 0
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r RiskRow) bool { return math.IsNaN(r.Risk) })
	if len(rows) == 0 {
		return math.NaN()
	}
	slices.SortFunc(rows, func(a, b RiskRow) int { return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Step, b.Step)) })
	allowed := budget.Count * float64(span(rows)) * float64(interval) / float64(budget.Per)
	risks := make([]float64, len(rows))
	for i, r := range rows {
		risks[i] = r.Risk
	}
	slices.Sort(risks)
	risks = slices.Compact(risks)
	slices.Reverse(risks)
	// Warnings grow in number as the threshold falls, until episodes run into
	// one another: of what fits, take the most warnings, and of as many the
	// lowest threshold. Ranks grow by an eighth first, then are halved between.
	best, most, fits, over := -1, 0, -1, len(risks)
	try := func(i int) {
		n := episodes(rows, risks[i])
		switch {
		case float64(n) > allowed:
			over = i
			return
		case n >= most:
			best, most = i, n
		}
		fits = i
	}
	for i := 0; i < over; i += 1 + i/8 {
		try(i)
	}
	for over-fits > 1 && over < len(risks) {
		try((fits + over) / 2)
	}
	switch {
	case best >= 0:
		return risks[best]
	case risks[0] < 1:
		return risks[0] + 0.1*(1-risks[0]) // higher than anything seen
	}
	return math.Nextafter(1, 2) // never
}

// span is the number of grid steps that rows stand for: from the first origin
// to the last, and one distance between origins more.
func span(rows []RiskRow) int {
	steps := make([]int, len(rows))
	for i, r := range rows {
		steps[i] = r.Step
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	every := 1
	if n := len(steps); n > 1 {
		every = max(1, (steps[n-1]-steps[0])/(n-1))
	}
	return steps[len(steps)-1] - steps[0] + every
}

// episodes counts the warnings that a threshold raises on rows in the order of
// subjects, then time.
func episodes(rows []RiskRow, threshold float64) (count int) {
	e := episode{threshold: threshold}
	for i, r := range rows {
		if i == 0 || r.Subject != rows[i-1].Subject {
			e.raised = false
		}
		if e.begins(r.Risk) {
			count++
		}
	}
	return count
}

// episode follows the risks of one subject.
type episode struct {
	threshold float64
	below     int // rows in a row that the risk was low
	raised    bool
}

// begins takes the next risk and says whether it raises a warning.
func (e *episode) begins(risk float64) bool {
	switch {
	case risk >= e.threshold:
		e.below = 0
		if !e.raised {
			e.raised = true
			return true
		}
	case risk >= calm*e.threshold:
		e.below = 0
	default:
		if e.below++; e.below >= calmRows {
			e.raised = false
		}
	}
	return false
}
