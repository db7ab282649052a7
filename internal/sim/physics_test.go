package sim_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/internal/sim"
)

// TestGPUPhysics: more load is more power is more heat; the clock falls only
// near the slowdown temperature or at the power cap; nothing leaves its range.
func TestGPUPhysics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		inlet := rapid.Float64Range(15, 45).Draw(t, "inlet")
		fan := rapid.Float64Range(1, 1.6).Draw(t, "fan")
		low := rapid.Float64Range(0.05, 0.9).Draw(t, "low demand")
		high := rapid.Float64Range(low+0.1, 1.05).Draw(t, "high demand")
		const minutes = 90
		coolTemps, coolPowers, _ := sim.Heat(seed, low, inlet, fan, minutes)
		temps, powers, clocks := sim.Heat(seed, high, inlet, fan, minutes)
		last := minutes - 1
		if temps[last] < coolTemps[last]-0.5 || powers[last] < coolPowers[last]-10 {
			t.Fatalf("demand %.2f: %.1f °C at %.0f W; demand %.2f: %.1f °C at %.0f W; want more for more",
				low, coolTemps[last], coolPowers[last], high, temps[last], powers[last])
		}
		for i := range temps {
			if clocks[i] < 1979 && temps[i] < 85 && powers[i] < 699 {
				t.Fatalf("minute %d: %.0f MHz at %.1f °C and %.0f W: throttled without a reason", i, clocks[i], temps[i], powers[i])
			}
			if powers[i] < 75 || powers[i] > 700 || temps[i] < 15 || temps[i] > 105 || clocks[i] < 345 {
				t.Fatalf("minute %d: %.0f MHz, %.1f °C, %.0f W: out of range", i, clocks[i], temps[i], powers[i])
			}
		}
		if hot := inlet + 0.052*fan*(75+625*high) - 3; hot > 95 && clocks[last] > 1979 {
			t.Fatalf("would reach %.0f °C and does not throttle", hot)
		}
	})
}

// TestQueueProperties: nothing is served that did not come or could not be;
// buckets are monotone and only grow; a slower or busier replica is not faster.
func TestQueueProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := sim.NewQueue()
		came, served := 0.0, 0.0
		before := make([]float64, len(q.Buckets()))
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			rate := rapid.Float64Range(0, 2*q.Capacity()).Draw(t, "rate")
			speed := rapid.Float64Range(0.3, 1).Draw(t, "speed")
			done := q.Serve(rate, speed, 60)
			came, served = came+60*rate, served+done
			if done < 0 || done > 60*q.Capacity()*speed*(1+1e-9) || served > came*(1+1e-9) {
				t.Fatalf("served %v of %v that came, capacity %v", served, came, 60*q.Capacity()*speed)
			}
			if load := q.Load(); load < 0 || load > 1 || q.Waiting() < 0 {
				t.Fatalf("load %v, waiting %v", load, q.Waiting())
			}
			for i, v := range q.Buckets() {
				if v < before[i]-1e-9 || i > 0 && v < q.Buckets()[i-1]-1e-9 || math.IsNaN(v) {
					t.Fatalf("bucket %d fell from %v to %v, below it %v", i, before[i], v, q.Buckets()[:i])
				}
			}
			copy(before, q.Buckets())
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(0.05, 0.95).Draw(t, "low")
		high := rapid.Float64Range(low, 1.5).Draw(t, "high")
		speed := rapid.Float64Range(0.3, 1).Draw(t, "speed")
		mean := func(share, speed float64) float64 {
			q := sim.NewQueue()
			for range 20 {
				q.Serve(share*q.Capacity(), speed, 60)
			}
			return q.MeanTTFT()
		}
		if a, b := mean(low, 1), mean(high, 1); b < a*(1-1e-9) {
			t.Fatalf("time to first token %v at load %v, %v at %v", a, low, b, high)
		}
		if a, b := mean(low, 1), mean(low, speed); b < a*(1-1e-9) {
			t.Fatalf("time to first token %v at full speed, %v at %v", a, b, speed)
		}
	})
}
