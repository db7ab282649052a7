package forecaster

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// unitFactors are what a signal is multiplied by when its unit is changed:
// between ratios and per cent, seconds and minutes or hours, and by the prefixes
// of SI and of bytes.
var unitFactors = []float64{60, 100, 1e3, 1024, 3600, 1e6, 1 << 20, 1e9, 1 << 30}

const (
	unitSlack    = 0.2 // by which a jump may miss a factor
	unitShare    = 0.8 // of subjects that must have made the same jump
	unitSubjects = 3   // from which on factors under a thousand count too: one subject may have an incident
	unitSamples  = 3   // on either side
	unitApart    = 30  // intervals within which all subjects must have jumped
)

// jumps counts the subjects whose level has jumped as if its unit had changed.
type jumps struct {
	known   int
	factors map[float64][]time.Time // by factor, 1÷factor for a fall: when
}

// look looks for a jump in each subject's own signal.
func (j *jumps) look(t *features.Target, p *features.Panel) {
	if t.IsEvent() {
		return
	}
	for s := range p.Subjects {
		factor, at, known := unitJump(p.Series(0, s))
		if !known {
			continue
		}
		j.known++
		if factor != 0 {
			if j.factors == nil {
				j.factors = map[float64][]time.Time{}
			}
			j.factors[factor] = append(j.factors[factor], p.Time(at))
		}
	}
}

// problem names a jump that nearly all subjects have made together; "" is none.
func (j *jumps) problem(t *features.Target) string {
	for factor, at := range j.factors {
		big := factor >= 1000 || factor <= 1.0/1000
		if float64(len(at)) < unitShare*float64(j.known) || (!big && len(at) < unitSubjects) {
			continue
		}
		slices.SortFunc(at, time.Time.Compare)
		if at[len(at)-1].Sub(at[0]) > unitApart*t.Interval {
			continue
		}
		times := fmt.Sprintf("×%.4g", factor)
		if factor < 1 {
			times = fmt.Sprintf("÷%.4g", 1/factor)
		}
		return fmt.Sprintf("its values jumped %s at %s on %d of %d subjects: has its unit changed? Warnings are withheld; correct the expression, or wait until the jump is a day old",
			times, at[len(at)/2].UTC().Format("2 Jan 15:04"), len(at), j.known)
	}
	return ""
}

// unitJump finds the largest step of a series, and the factor of a change of
// units that it is like: what is typical after it against what is typical before
// it. factor is 0 where it is like none, known false where the series is too
// short to tell or not positive.
func unitJump(y []float64) (factor float64, at int, known bool) {
	var values []float64
	var steps []int
	for i, v := range y {
		if v-v == 0 && v > 0 {
			values, steps = append(values, v), append(steps, i)
		}
	}
	if len(values) < 2*unitSamples {
		return 0, 0, false
	}
	split, largest := 0, 0.0
	for i := unitSamples; i <= len(values)-unitSamples; i++ {
		if step := math.Abs(math.Log(values[i] / values[i-1])); step > largest {
			split, largest = i, step
		}
	}
	if largest < math.Log(unitFactors[0]*(1-unitSlack))/2 {
		return 0, 0, true
	}
	before, after := slices.Clone(values[max(0, split-48):split]), slices.Clone(values[split:min(len(values), split+48)])
	slices.Sort(before)
	slices.Sort(after)
	ratio := after[len(after)/2] / before[len(before)/2]
	if after[0] <= before[len(before)-1] && after[len(after)-1] >= before[0] {
		return 0, 0, true // the two overlap: it goes up and down like this
	}
	for _, f := range unitFactors {
		for _, want := range []float64{f, 1 / f} {
			if math.Abs(math.Log(ratio/want)) < math.Log(1+unitSlack) {
				return want, steps[split], true
			}
		}
	}
	return 0, 0, true
}
