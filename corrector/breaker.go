package corrector

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/forecaster"
)

// Breaker stops a policy whose corrections are of no use, and lets it go on
// again by itself, slowly. It never keeps anything from being undone.
//
// Bad corrections (failed, reverted before they were verified, undone by others,
// not helpful) within Window trip it. For Rest nothing is done, then one
// correction as a probe. If that is of use, the others follow, one a Pace; if not,
// Rest begins anew. After two windows without a bad one it is as if never tripped.
type Breaker struct {
	Bad    int            `yaml:"bad,omitempty"`    // so many trip it; default 3; -1: never
	Window model.Duration `yaml:"window,omitempty"` // within this time; default 6h
	Rest   model.Duration `yaml:"rest,omitempty"`   // before a probe; default 1h
	Pace   model.Duration `yaml:"pace,omitempty"`   // between corrections after a good probe; default 15m
}

func (c *Corrector) unbroken(_ context.Context, a *attempt) error {
	state, wait, why := a.policy.Breaker.judge(a.acted, c.now(), time.Duration(a.policy.VerifyAfter))
	c.metrics.breaker.WithLabelValues(a.Policy).Set(float64(state))
	if wait > 0 {
		return refuse("%s; %s to go", why, wait.Round(time.Second))
	}
	a.note("%s", why)
	return nil
}

type breakerState int

const (
	closed   breakerState = iota // all is well
	paced                        // a probe was good: one a Pace
	halfOpen                     // one may probe
	tripped
)

// judge says how the breaker stands at a time, from what the policy did; wait
// is 0 where one more may act now. Nothing is kept but the log.
func (b Breaker) judge(acted []forecaster.Correction, now time.Time, verifyAfter time.Duration) (state breakerState, wait time.Duration, why string) {
	if b.Bad < 0 {
		return closed, 0, "switched off"
	}
	window, rest := time.Duration(b.Window), time.Duration(b.Rest)
	var bads []time.Time
	for _, p := range acted {
		if f, at := fateOf(p); f == bad && !at.Before(now.Add(-3*window)) {
			bads = append(bads, at)
		}
	}
	last, n := trip(bads, window, b.Bad)
	if last.IsZero() || !now.Before(last.Add(2*window)) {
		return closed, 0, "closed"
	}
	since := fmt.Sprintf("%d corrections within %s were of no use", n, b.Window)
	if left := last.Add(rest).Sub(now); left > 0 {
		return tripped, left, since
	}
	// What acted since: probes. One that never tells is forgotten after a while.
	patience := 2*verifyAfter + rest
	var proved time.Time
	acts := 0
	for _, p := range acted {
		at := p.Applied
		if at.IsZero() && p.State == forecaster.Approved {
			at = p.Approved
		}
		if !at.After(last) {
			continue
		}
		acts++
		switch f, known := fateOf(p); f {
		case good:
			if proved.IsZero() || known.Before(proved) {
				proved = known
			}
		case bad:
			wait = max(wait, known.Add(rest).Sub(now))
		case pending:
			wait = max(wait, at.Add(patience).Sub(now))
		}
	}
	if proved.IsZero() {
		if wait > 0 {
			return halfOpen, wait, since + "; a probe is under way"
		}
		return halfOpen, 0, since + "; this one is a probe"
	}
	// A bucket that fills with one token a pace since the probe proved good.
	return b.pacing(acts, now.Sub(proved), since)
}

// pacing lets one act for each pace that has passed since a good probe, which
// was the first act.
func (b Breaker) pacing(acts int, passed time.Duration, since string) (breakerState, time.Duration, string) {
	pace := time.Duration(b.Pace)
	allowed := 2 // the probe, and one now
	if pace > 0 {
		allowed += int(max(0, passed) / pace)
	}
	if acts < allowed {
		return paced, 0, since + "; a probe was of use, one a " + b.Pace.String()
	}
	wait := time.Duration(acts-1)*pace - passed
	return paced, max(wait, time.Nanosecond), since + "; a probe was of use, one a " + b.Pace.String()
}

// trip returns the newest of the times that had at least n of them within a
// window up to it, and how many; zero where there is none.
func trip(times []time.Time, window time.Duration, n int) (last time.Time, count int) {
	slices.SortFunc(times, time.Time.Compare)
	for i := len(times) - 1; i >= 0; i-- {
		first := i
		for first > 0 && times[first-1].After(times[i].Add(-window)) {
			first--
		}
		if i-first+1 >= n {
			return times[i], i - first + 1
		}
	}
	return time.Time{}, 0
}
