package corrector

import (
	"context"
	"slices"

	"github.com/driftcast/driftcast/forecaster"
)

// single forbids a second open correction of one object by one policy, and one
// that would work against what another policy has in force there.
func (c *Corrector) single(_ context.Context, a *attempt) error {
	for _, p := range a.past {
		switch {
		case p.ID == a.ID:
		case p.Policy == a.Policy && (p.State == forecaster.Proposed || c.inForce(p)):
			return refuse("correction %s of the same object is %s", p.ID, p.State)
		case p.Policy != a.Policy && c.inForce(p) && opposed(p.Actuator, a.Actuator):
			return refuse("%s would work against correction %s, a %s by policy %s, which is %s", a.Actuator, p.ID, p.Actuator, p.Policy, p.State)
		}
	}
	return nil
}

// rewriters are actuators that write the spec of a workload: what one wrote,
// the next would write over, and neither could be undone rightly.
var rewriters = []string{"rollout-restart", "rollout-undo", "scale", "apply"}

// alone are actuators of which one at a time is enough for an object.
var alone = []string{"cordon", "uncordon", "drain", "pause", "resume"}

// opposites are actuators that undo, or hold up, each other.
var opposites = [][2]string{{"cordon", "uncordon"}, {"drain", "uncordon"}, {"pause", "resume"}, {"pause", "rollout-restart"}, {"pause", "rollout-undo"}}

// opposed says whether two actuators must not be in force on one object. A taint,
// a cordon and a drain are steps of one escalation; two labels are two labels.
func opposed(a, b string) bool {
	if a == b && slices.Contains(alone, a) || slices.Contains(rewriters, a) && slices.Contains(rewriters, b) {
		return true
	}
	return slices.Contains(opposites, [2]string{a, b}) || slices.Contains(opposites, [2]string{b, a})
}
