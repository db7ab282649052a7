package corrector_test

import (
	"context"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/corrector"
)

// A proposal waits for a person; once approved it is applied, and can be undone.
func Example() {
	now := func() time.Time { return start }
	c, err := corrector.New(corrector.Options{
		Policies:  []corrector.Policy{{Name: "cordon", Actuator: "cordon", Mode: corrector.Approve}},
		Actuators: map[string]corrector.Actuator{"cordon": newCluster(100)}, // or those of corrector/actuators
		Log:       newMemLog(),                                              // or the store
		Risks:     &risks{risk: map[string]float64{"gpu-17": 0.9}, fresh: now},
		Now:       now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	proposal, err := c.Submit(ctx, corrector.Request{
		Policy: "cordon", Target: "NodeNotReady", Subject: node("gpu-17"), Horizon: time.Hour, Actor: "alice",
	})
	fmt.Println(proposal.State, err)
	applied, err := c.Approve(ctx, proposal.ID, "bob", "looks right")
	fmt.Println(applied.State, err)
	reverted, err := c.Revert(ctx, proposal.ID, "bob", "fixed otherwise")
	fmt.Println(reverted.State, err)
	// Output:
	// proposed <nil>
	// applied <nil>
	// reverted <nil>
}
