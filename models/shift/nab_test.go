package shift_test

import (
	"encoding/csv"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/driftcast/driftcast/models/shift"
)

// TestNab looks for drift every four hours in series whose unusual windows are labelled, and
// counts how many of these a new departure touches (from the window's beginning to six
// hours after its end), and the other departures for each week of series. Run it
// with -v for the table. Labels are of anomalies, many of minutes: drift is not made
// for those.
func TestNab(t *testing.T) {
	if testing.Short() {
		t.Skip("walks over 30 series")
	}
	for _, set := range []string{"nab-known-cause", "nab-cloudwatch"} {
		series := sessions(t, set, []string{"series"}, "workload", "value", "", 5*time.Minute)
		rows, err := csv.NewReader(recording(t, set, "events.csv.gz")).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		windows := map[string][][2]time.Time{}
		for _, r := range rows[1:] {
			from, errFrom := strconv.ParseInt(r[0], 10, 64)
			to, errTo := strconv.ParseInt(r[1], 10, 64)
			if errFrom != nil || errTo != nil {
				t.Fatal(r)
			}
			windows[r[2]] = append(windows[r[2]], [2]time.Time{time.Unix(from, 0), time.Unix(to, 0)})
		}
		for _, part := range []string{"earlier 70 %", "last 30 %"} {
			found, total, wrong, weeks := 0, 0, 0, 0.0
			for _, s := range series {
				n := len(s.Series.Latency)
				from, to := 4*288, 7*n/10 // four days make a baseline
				if part != "earlier 70 %" {
					from, to = max(from, 7*n/10), n
				}
				if to <= from {
					continue
				}
				tracker := &shift.DriftTracker{}
				var alarms []time.Time
				for i := from; i <= to; i += 48 {
					seen := s
					seen.Series = s.Series.Until(i)
					for _, d := range tracker.Look(s.Series.Time(i-1), slices.Values([]shift.Observed{seen})) {
						if d.State == shift.New {
							alarms = append(alarms, d.Detected)
						}
					}
				}
				weeks += float64(to-from) / (7 * 288)
				hit := map[[2]time.Time]bool{}
				for _, a := range alarms {
					right := false
					for _, w := range windows[s.Subject.Name] {
						if !a.Before(w[0]) && !a.After(w[1].Add(6*time.Hour)) {
							hit[w], right = true, true
						}
					}
					if !right {
						wrong++
					}
				}
				found += len(hit)
				for _, w := range windows[s.Subject.Name] {
					if !w[0].Before(s.Series.Time(from)) && w[0].Before(s.Series.Time(to-1)) {
						total++
					}
				}
			}
			t.Logf("%-16s %-12s %d of %d labelled windows, %.2f other departures a series-week (%.0f weeks)", set, part, found, total, float64(wrong)/weeks, weeks)
			if float64(wrong)/weeks > 2 {
				t.Errorf("%s: %d departures outside labelled windows in %.0f weeks", set, wrong, weeks)
			}
		}
	}
}
