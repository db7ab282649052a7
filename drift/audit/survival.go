package audit

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Survival describes times until something happens, where for some it has not
// happened yet: the Kaplan–Meier estimate, whose step at each time t with d
// events among n at risk is S(t) = Π (1 − d/n) (Kaplan and Meier 1958). What has
// not happened when the period ends is censored there, not left out: leaving out
// what is still open would make repairs look faster than they are.
type Survival struct {
	Known  int           // it happened
	Open   int           // it had not happened at the end of the period
	Median time.Duration // first time by which half had it; -1: fewer than half, or none
	Ninety time.Duration // first time by which 90 % had it; -1: fewer
	Day    float64       // share that had it within 24 h; NaN: nothing was watched for so long
	Week   float64       // share that had it within 7 days; NaN likewise
}

// spell is one time until something happened or the period ended.
type spell struct {
	lasted time.Duration
	open   bool
}

const week = 7 * 24 * time.Hour

func survival(spells []spell) Survival {
	s := Survival{Median: -1, Ninety: -1, Day: math.NaN(), Week: math.NaN()}
	// At the same time, what happened comes before what is censored.
	slices.SortFunc(spells, func(a, b spell) int {
		switch {
		case a.lasted != b.lasted || a.open == b.open:
			return cmp.Compare(a.lasted, b.lasted)
		case b.open:
			return -1
		}
		return 1
	})
	left, day, seven := 1.0, 1.0, 1.0
	for i, x := range spells {
		if x.open {
			s.Open++
			continue
		}
		s.Known++
		left *= 1 - 1/float64(len(spells)-i)
		if s.Median < 0 && left <= 0.5+1e-9 {
			s.Median = x.lasted
		}
		if s.Ninety < 0 && left <= 0.1+1e-9 {
			s.Ninety = x.lasted
		}
		if x.lasted <= 24*time.Hour {
			day = left
		}
		if x.lasted <= week {
			seven = left
		}
	}
	if n := len(spells); n > 0 {
		longest := spells[n-1].lasted
		if longest >= 24*time.Hour || day < 1e-9 {
			s.Day = 1 - day
		}
		if longest >= week || seven < 1e-9 {
			s.Week = 1 - seven
		}
	}
	return s
}

// MarshalJSON implements json.Marshaler: seconds, and null for what is not known.
func (s Survival) MarshalJSON() ([]byte, error) {
	seconds := func(d time.Duration) *float64 {
		if d < 0 {
			return nil
		}
		v := d.Seconds()
		return &v
	}
	out := struct {
		Known  int      `json:"known"`
		Open   int      `json:"open"`
		Median *float64 `json:"medianSeconds"`
		Ninety *float64 `json:"p90Seconds"`
		Day    *float64 `json:"within24h"`
		Week   *float64 `json:"within7d"`
	}{Known: s.Known, Open: s.Open, Median: seconds(s.Median), Ninety: seconds(s.Ninety)}
	if !math.IsNaN(s.Day) {
		out.Day = &s.Day
	}
	if !math.IsNaN(s.Week) {
		out.Week = &s.Week
	}
	return json.Marshal(out)
}
