package corrector

import "context"

// Tick is one turn of Run.
func (c *Corrector) Tick(ctx context.Context) error { return c.tick(ctx) }

// Transitions is the table that record enforces.
var Transitions = transitions

// Opposed says whether two actuators work against each other.
var Opposed = opposed
