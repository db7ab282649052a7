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

// Policy says which correction a warning asks for and what bounds it.
type Policy struct {
	Name     string   `yaml:"name"`
	Targets  []string `yaml:"targets,omitempty"` // empty: only targets that name this policy
	Actuator string   `yaml:"actuator"`
	Mode     Mode     `yaml:"mode,omitempty"` // default recommend

	MinRisk  float64        `yaml:"min_risk,omitempty"`  // in (0, 1]; default 0.7
	MaxAge   model.Duration `yaml:"max_age,omitempty"`   // of the newest sample behind the risk; default 10m
	CoolDown model.Duration `yaml:"cool_down,omitempty"` // for the same subject; default 30m
	Expires  model.Duration `yaml:"expires,omitempty"`   // of proposals; default 1h

	// VerifyAfter is how long after applying the risk is looked at again;
	// default 15m. The correction is verified once the risk is under MinRisk.
	VerifyAfter          model.Duration `yaml:"verify_after,omitempty"`
	RevertUnlessImproved bool           `yaml:"revert_unless_improved,omitempty"`

	Budget Budget            `yaml:"budget,omitempty"`
	Params map[string]string `yaml:"params,omitempty"` // for the actuator
}

// Budget bounds how much a policy may do at once and over time.
type Budget struct {
	Concurrent int            `yaml:"concurrent,omitempty"` // corrections in force at once; default 1
	Percent    float64        `yaml:"percent,omitempty"`    // of the pool that may be out, by whoever; default 10
	Count      int            `yaml:"count,omitempty"`      // at most so many…
	Per        model.Duration `yaml:"per,omitempty"`        // …in this time; default 24h where Count is set
}

// WithDefaults returns the policy with its zero fields filled.
func (p Policy) WithDefaults() Policy {
	p.Mode = cmp.Or(p.Mode, Recommend)
	p.MinRisk = cmp.Or(p.MinRisk, 0.7)
	p.MaxAge = cmp.Or(p.MaxAge, minutes(10))
	p.CoolDown = cmp.Or(p.CoolDown, minutes(30))
	p.Expires = cmp.Or(p.Expires, minutes(60))
	p.VerifyAfter = cmp.Or(p.VerifyAfter, minutes(15))
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
	wrong(p.MaxAge < 0 || p.CoolDown < 0 || p.Expires < 0 || p.VerifyAfter < 0 || p.Budget.Per < 0, "durations must not be negative")
	wrong(p.Budget.Concurrent < 0 || p.Budget.Count < 0, "budget counts must not be negative")
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
