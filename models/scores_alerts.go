package models

import (
	"math"
	"slices"
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

// atBudget lowers the threshold until about `budget` alerts are raised, and
// judges those.
func (b alertBook) atBudget(budget int, interval time.Duration) AlertScore {
	risks := make([]float64, 0, len(b.rows))
	for _, r := range b.rows {
		risks = append(risks, r.risk)
	}
	slices.Sort(risks)
	risks = slices.Compact(risks)
	// Fewer alerts are raised the higher the threshold, nearly always: silence
	// after an alert can undo one or two.
	low, high := 0, len(risks) // the answer is risks[high], or none
	for low < high {
		if mid := (low + high) / 2; len(b.raise(risks[mid])) <= budget {
			high = mid
		} else {
			low = mid + 1
		}
	}
	threshold := math.Inf(1)
	if high < len(risks) {
		threshold = risks[high]
	}
	return b.judge(threshold, interval)
}

// raise returns the rows at which an alert is raised.
func (b alertBook) raise(threshold float64) []alertRow {
	var alerts []alertRow
	for _, r := range b.rows {
		if r.risk < threshold {
			continue
		}
		if n := len(alerts); n > 0 && alerts[n-1].subject == r.subject && r.at-alerts[n-1].at < b.quiet {
			continue
		}
		alerts = append(alerts, r)
	}
	return alerts
}

func (b alertBook) judge(threshold float64, interval time.Duration) AlertScore {
	alerts := b.raise(threshold)
	s := AlertScore{Threshold: threshold, Alerts: len(alerts), Precision: math.NaN(), Recall: math.NaN()}
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
