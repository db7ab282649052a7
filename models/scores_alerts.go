package models

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"
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
	s := b.judge(most, interval)
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

func (b alertBook) judge(n int, interval time.Duration) AlertScore {
	alerts := b.raise(n)
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
