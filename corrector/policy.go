package corrector

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// Mode says how far a policy may go.
type Mode string

// The modes, from the most careful to the least.
const (
	Observe   Mode = "observe"   // record what would be done
	Recommend Mode = "recommend" // show it to people, who do it themselves
	Approve   Mode = "approve"   // do it once a person has approved it
	Auto      Mode = "auto"      // do it
)

// Policy says which correction a warning or a drift asks for and what bounds it.
type Policy struct {
	Name     string   `yaml:"name"`
	Targets  []string `yaml:"targets,omitempty"` // empty: only targets that name this policy
	Drift    []string `yaml:"drift,omitempty"`   // kinds of drift that it answers, such as image or spec
	Actuator string   `yaml:"actuator"`
	Mode     Mode     `yaml:"mode,omitempty"` // default recommend

	MinRisk     float64        `yaml:"min_risk,omitempty"`      // of the risk, or how sure the drift is; in (0, 1]; default 0.7
	MaxAge      model.Duration `yaml:"max_age,omitempty"`       // of what it rests on, and of the cluster's watch; default 10m
	Sources     int            `yaml:"sources,omitempty"`       // that must agree, its own among them; default 1
	CoolDown    model.Duration `yaml:"cool_down,omitempty"`     // for the same object; doubled by each correction of no use; default 30m
	CoolDownMax model.Duration `yaml:"cool_down_max,omitempty"` // default 24h
	Contention  model.Duration `yaml:"contention,omitempty"`    // stop for an object where somebody fights back, unless acknowledged; default 7d
	Expires     model.Duration `yaml:"expires,omitempty"`       // of proposals; default 1h
	Freeze      []Freeze       `yaml:"freeze,omitempty"`        // times in which nothing is done
	Windows     []Window       `yaml:"windows,omitempty"`       // times in which alone something is done; none: always

	// VerifyAfter is how long after applying the risk is looked at again;
	// default 15m. The correction is verified once the risk is under MinRisk,
	// or the drift is gone.
	VerifyAfter          model.Duration `yaml:"verify_after,omitempty"`
	RevertUnlessImproved bool           `yaml:"revert_unless_improved,omitempty"`

	// Hold is how long a verified correction counts as in force, from when it
	// was verified. 0, the default: for as long as it holds its object out of
	// service (cordon, taint, drain), and not at all where it does not.
	Hold       model.Duration `yaml:"hold,omitempty"`
	JudgeAfter model.Duration `yaml:"judge_after,omitempty"` // when the outcome is judged where there is no horizon (drift); default 24h
	Control    float64        `yaml:"control,omitempty"`     // share of episodes kept without action, to compare with; in [0, 0.9]; default 0

	Budget  Budget            `yaml:"budget,omitempty"`
	Breaker Breaker           `yaml:"breaker,omitempty"`
	Params  map[string]string `yaml:"params,omitempty"` // for the actuator
}

// Budget bounds how much a policy may do at once and over time.
type Budget struct {
	Concurrent    int            `yaml:"concurrent,omitempty"`     // corrections in force at once; default 1
	Percent       float64        `yaml:"percent,omitempty"`        // of the pool that may be out, by whoever; default 10
	Domains       int            `yaml:"domains,omitempty"`        // failure domains (zones, racks) touched at once; 0: any
	DomainPercent float64        `yaml:"domain_percent,omitempty"` // of the pool's members in one domain that may be out, by whoever; 0: any
	Namespace     int            `yaml:"namespace,omitempty"`      // in force in one namespace at once, by all policies; 0: any
	Count         int            `yaml:"count,omitempty"`          // at most so many…
	Per           model.Duration `yaml:"per,omitempty"`            // …in this time; default 24h where Count is set
}

// WithDefaults returns the policy with its zero fields filled.
func (p Policy) WithDefaults() Policy {
	p.Mode = cmp.Or(p.Mode, Recommend)
	p.MinRisk = cmp.Or(p.MinRisk, 0.7)
	p.MaxAge = cmp.Or(p.MaxAge, minutes(10))
	p.Sources = cmp.Or(p.Sources, 1)
	p.CoolDown = cmp.Or(p.CoolDown, minutes(30))
	p.CoolDownMax = cmp.Or(p.CoolDownMax, max(p.CoolDown, minutes(24*60)))
	p.Contention = cmp.Or(p.Contention, minutes(7*24*60))
	p.Expires = cmp.Or(p.Expires, minutes(60))
	p.VerifyAfter = cmp.Or(p.VerifyAfter, minutes(15))
	p.JudgeAfter = cmp.Or(p.JudgeAfter, minutes(24*60))
	p.Breaker.Bad = cmp.Or(p.Breaker.Bad, 3)
	p.Breaker.Window = cmp.Or(p.Breaker.Window, minutes(6*60))
	p.Breaker.Rest = cmp.Or(p.Breaker.Rest, minutes(60))
	p.Breaker.Pace = cmp.Or(p.Breaker.Pace, minutes(15))
	p.Budget.Concurrent = cmp.Or(p.Budget.Concurrent, 1)
	p.Budget.Percent = cmp.Or(p.Budget.Percent, 10)
	if p.Budget.Count > 0 {
		p.Budget.Per = cmp.Or(p.Budget.Per, minutes(24*60))
	}
	return p
}

// Validate says what is wrong with a policy, all of it.
func (p Policy) Validate() error {
	p = p.WithDefaults()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("policy %q: "+format, append([]any{p.Name}, args...)...))
		}
	}
	modes := []Mode{Observe, Recommend, Approve, Auto}
	wrong(p.Name == "", "name is empty")
	wrong(p.Actuator == "", "actuator is empty")
	wrong(!slices.Contains(modes, p.Mode), "mode %q: want one of %v", p.Mode, modes)
	wrong(!(p.MinRisk > 0 && p.MinRisk <= 1), "min_risk %v: want (0, 1]", p.MinRisk)
	wrong(slices.Min([]model.Duration{p.MaxAge, p.CoolDown, p.CoolDownMax, p.Contention, p.Expires, p.VerifyAfter, p.Hold, p.JudgeAfter,
		p.Budget.Per, p.Breaker.Window, p.Breaker.Rest, p.Breaker.Pace}) < 0, "durations must not be negative")
	wrong(p.CoolDownMax < p.CoolDown, "cool_down_max %s is under cool_down %s", p.CoolDownMax, p.CoolDown)
	wrong(p.Sources < 0, "sources %d: want how many must agree, 1 or more", p.Sources)
	wrong(!(p.Control >= 0 && p.Control <= 0.9), "control %v: want [0, 0.9]", p.Control)
	wrong(p.Budget.Concurrent < 0 || p.Budget.Count < 0 || p.Budget.Domains < 0 || p.Budget.Namespace < 0, "budget counts must not be negative")
	wrong(!(p.Budget.DomainPercent >= 0 && p.Budget.DomainPercent <= 100), "budget domain_percent %v: want [0, 100]", p.Budget.DomainPercent)
	wrong(slices.Contains(p.Targets, DriftTarget), "targets: %q is no target, name the kinds under drift", DriftTarget)
	for i, f := range p.Freeze {
		_, _, err := f.span()
		wrong(err != nil, "freeze %d: %v", i+1, err)
	}
	for i, w := range p.Windows {
		_, err := w.open(time.Time{})
		wrong(err != nil, "window %d: %v", i+1, err)
	}
	wrong(!(p.Budget.Percent > 0 && p.Budget.Percent <= 100), "budget percent %v: want (0, 100]", p.Budget.Percent)
	return errors.Join(errs...)
}

func minutes(n int) model.Duration { return model.Duration(time.Duration(n) * time.Minute) }

// index checks policies as a set and returns them by name, defaults filled.
func index(policies []Policy, actuators map[string]Actuator) (map[string]Policy, error) {
	byName := make(map[string]Policy, len(policies))
	var errs []error
	for _, p := range policies {
		errs = append(errs, p.Validate())
		if _, ok := actuators[p.Actuator]; !ok {
			errs = append(errs, fmt.Errorf("policy %q: unknown actuator %q", p.Name, p.Actuator))
		}
		if _, ok := byName[p.Name]; ok {
			errs = append(errs, fmt.Errorf("policy %q is there twice", p.Name))
		}
		byName[p.Name] = p.WithDefaults()
	}
	return byName, errors.Join(errs...)
}
