package sim

import (
	"context"
	"fmt"
	"time"
)

// Clock is accelerated time: speed simulated seconds pass in each real one.
type Clock struct {
	start time.Time
	began time.Time
	speed float64
	real  func() time.Time
}

// NewClock returns a clock that reads start now and runs at speed; real is the
// real time, nil for time.Now.
func NewClock(start time.Time, speed float64, real func() time.Time) *Clock {
	if real == nil {
		real = time.Now
	}
	return &Clock{start: start, began: real(), speed: speed, real: real}
}

// Now is the simulated time.
func (c *Clock) Now() time.Time {
	return c.start.Add(time.Duration(float64(c.real().Sub(c.began)) * c.speed))
}

// Run lets the cluster live by the clock, a look at it every tick of real
// time, until ctx ends or sink fails. It returns nil when ctx ended.
func (c *Cluster) Run(ctx context.Context, clock *Clock, tick time.Duration, sink Sink) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		if _, err := c.Advance(ctx, clock.Now(), sink); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("advance the simulated cluster: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
