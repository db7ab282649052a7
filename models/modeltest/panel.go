package modeltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// Panel makes a panel for a target with a seed: subjects that differ in level
// and rate. A level is a season with noise, within [0, 1] where the target's
// scale is logit and positive otherwise; an event begins about every fifty
// steps. Every covariate rises before an event, or leads the level.
func Panel(target *features.Target, subjects, steps int, seed uint64) *features.Panel {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &features.Panel{
		Start:    time.Unix(1_700_000_000, 0).UTC().Truncate(target.Interval),
		Interval: target.Interval,
		Len:      steps,
		Signals:  append([]string{target.Name}, target.Signals...),
	}
	p.Values = make([][]float64, len(p.Signals)*subjects)
	for s := range subjects {
		p.Subjects = append(p.Subjects, collector.Subject{Kind: target.Subject.Kind, Name: fmt.Sprintf("subject-%d", s)})
		own := level(target, steps, s, rng)
		if target.IsEvent() {
			own = event(target, steps, s, rng)
		}
		p.Values[s] = own
		for k := 1; k < len(p.Signals); k++ {
			p.Values[k*subjects+s] = covariate(own, rng)
		}
	}
	return p
}

func level(target *features.Target, steps, subject int, rng *rand.Rand) []float64 {
	y := make([]float64, steps)
	season := float64(target.SeasonSteps())
	wander := 0.0
	for i := range y {
		wander = 0.9*wander + 0.1*rng.NormFloat64()
		x := 0.5 + 0.3*math.Sin(2*math.Pi*float64(i)/season+float64(subject)) + 0.1*wander
		switch target.Scale {
		case features.ScaleLogit:
			y[i] = min(max(x, 0), 1)
		case features.ScaleCount:
			y[i] = math.Round(20 * max(x, 0))
		default:
			y[i] = float64(subject+1) * max(x, 0.01)
		}
	}
	return y
}

func event(target *features.Target, steps, subject int, rng *rand.Rand) []float64 {
	y := make([]float64, steps)
	run := int(target.For/target.Interval) + 2
	for i := 5; i < steps; i++ {
		if rng.Float64() < 0.02*float64(1+subject%3) {
			for j := i; j < min(i+run, steps); j++ {
				y[j] = 1
			}
			i += run + 3
		}
	}
	return y
}

// covariate runs three steps ahead of own, with noise.
func covariate(own []float64, rng *rand.Rand) []float64 {
	x := make([]float64, len(own))
	for i := range x {
		x[i] = own[min(i+3, len(own)-1)] + 0.3*rng.NormFloat64()
	}
	return x
}

// clone copies a panel so that its values may be changed.
func clone(p *features.Panel) *features.Panel {
	c := *p
	c.Values = make([][]float64, len(p.Values))
	for i, v := range p.Values {
		c.Values[i] = append([]float64(nil), v...)
	}
	return &c
}

// reversed puts the subjects in the opposite order.
func reversed(p *features.Panel) *features.Panel {
	c := clone(p)
	n := len(p.Subjects)
	c.Subjects = make([]collector.Subject, n)
	for s, subject := range p.Subjects {
		c.Subjects[n-1-s] = subject
		for k := range p.Signals {
			c.Values[k*n+n-1-s] = append([]float64(nil), p.Series(k, s)...)
		}
	}
	return c
}
