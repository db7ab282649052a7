package shift

import (
	"fmt"
	"math"
	"time"
)

// Series is one subject on a grid: sample i was taken at Start + i·Step. All
// slices that are not nil have the same length; NaN is missing.
type Series struct {
	Start time.Time
	Step  time.Duration

	Latency []float64 // in its own unit; what is not positive and finite is missing
	Load    []float64 // requests a second or the like; nil: not known
	Mix     []float64 // what a request is like, such as tokens of a prompt or the share of a class; nil: not known
	Body    []float64 // a lower quantile of the same latency, such as the median; nil: not known
}

// Time returns when sample i was taken.
func (s Series) Time(i int) time.Time { return s.Start.Add(time.Duration(i) * s.Step) }

// Until returns the series as it was known when it had n samples.
func (s Series) Until(n int) Series { return s.between(0, n) }

func (s Series) between(from, to int) Series {
	cut := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		return v[from:to]
	}
	return Series{Start: s.Time(from), Step: s.Step, Latency: cut(s.Latency), Load: cut(s.Load), Mix: cut(s.Mix), Body: cut(s.Body)}
}

// Options say what counts as a regression.
type Options struct {
	MinEffect float64       // the least relative rise that matters; default 0.1
	Hold      time.Duration // how long a rise must last; default 15m
	Baseline  time.Duration // how much of the past a rise is held against; default 24h
	Score     float64       // how many spreads of the past's blocks a rise must have; default 5
	Usual     float64       // the share of the past that may have been as high; default 0.025
}

const (
	day      = 24 * time.Hour
	week     = 7 * day
	fewest   = 3 // samples in a block
	blocks   = 8 // in the past, for a verdict
	patience = 4 // holds within which a regression that went away is the same when it comes back
)

// withDefaults fills what is zero.
func (o Options) withDefaults() Options {
	if o.MinEffect == 0 {
		o.MinEffect = 0.1
	}
	if o.Hold == 0 {
		o.Hold = 15 * time.Minute
	}
	if o.Baseline == 0 {
		o.Baseline = day
	}
	if o.Score == 0 {
		o.Score = 5
	}
	if o.Usual == 0 {
		o.Usual = 0.025
	}
	return o
}

// Validate says what is wrong with options or with how they fit a step.
func (o Options) Validate(step time.Duration) error {
	o = o.withDefaults()
	switch {
	case !(o.MinEffect > 0) || math.IsInf(o.MinEffect, 0):
		return fmt.Errorf("least effect %v: want a positive share such as 0.1", o.MinEffect)
	case step <= 0:
		return fmt.Errorf("step %s is not positive", step)
	case o.Hold < fewest*step:
		return fmt.Errorf("hold %s is shorter than %d steps of %s: lengthen it", o.Hold, fewest, step)
	case o.Baseline < blocks*o.Hold:
		return fmt.Errorf("baseline %s is shorter than %d times the hold %s: lengthen it, or shorten the hold", o.Baseline, blocks, o.Hold)
	case !(o.Score > 0), !(o.Usual >= 0 && o.Usual < 0.5):
		return fmt.Errorf("score %v and usual share %v: want a positive number, and a share under a half", o.Score, o.Usual)
	}
	return nil
}
