package shift

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Kind is what Detect thinks of the end of a series.
type Kind string

// The kinds of verdict. All but Regressed are quiet: nobody is told of them
// unless they ask why.
const (
	Steady    Kind = "steady"    // nothing has moved
	Regressed Kind = "regressed" // slower, and it stays so
	Waiting   Kind = "waiting"   // slower, but not for the hold yet
	Unknown   Kind = "unknown"   // too few samples to say
	Noise     Kind = "noise"     // slower, but the past was so now and then
	Seasonal  Kind = "seasonal"  // slower, but so it was yesterday or last week
	Traffic   Kind = "traffic"   // slower, but the load or the mix is one that the past never saw
	Tail      Kind = "tail"      // the tail alone is slower
	Creeping  Kind = "creeping"  // slowly rising, and there is no other day to hold it against
	Unit      Kind = "unit"      // not slower: told in another unit
)

// Shape is how a regression came.
type Shape string

// The shapes: at once, or over more than a few holds.
const (
	Step  Shape = "step"
	Creep Shape = "creep"
)

// Verdict is what Detect thinks of the end of a series. Numbers are NaN where a
// verdict has none.
type Verdict struct {
	Kind       Kind
	Why        string // in words
	Shape      Shape
	Onset      time.Time // the first sample of the shift
	Between    time.Time // the last sample before it: the shift came after this
	Before     float64   // what the latency would be, at this load and hour, without the shift; its own unit
	After      float64   // median latency since the onset
	Effect     float64   // After ÷ Before − 1
	Lower      float64   // 95 % interval of the effect
	Upper      float64
	Jump       float64 // the part of the effect that came within a hold of the onset
	Score      float64 // spreads of the past's blocks
	Confidence float64 // 1 − p; no higher than the number of the past's blocks allows
}

func quiet(kind Kind, format string, args ...any) Verdict {
	nan := math.NaN()
	return Verdict{Kind: kind, Why: fmt.Sprintf(format, args...), Before: nan, After: nan, Effect: nan, Lower: nan, Upper: nan, Jump: nan, Score: nan, Confidence: nan}
}

// as keeps the numbers of a verdict that turns out to be quiet.
func (v Verdict) as(kind Kind, format string, args ...any) Verdict {
	v.Kind, v.Why = kind, fmt.Sprintf(format, args...)
	return v
}

// percent writes a share as people do: +34 %.
func percent(share float64) string {
	switch {
	case math.Abs(share) >= 10:
		return strconv.FormatFloat(1+share, 'f', 0, 64) + " times"
	case math.Abs(share) >= 0.1:
		return fmt.Sprintf("%+.0f %%", 100*share)
	}
	return fmt.Sprintf("%+.1f %%", 100*share)
}
