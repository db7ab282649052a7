package sim

import (
	"math"
	"math/rand/v2"
)

// traffic is the request rate of one service: a day's and a week's wave, slow
// noise, and bursts that come at any time.
type traffic struct {
	rng      *rand.Rand
	peak     float64 // requests/s at an ordinary weekday's peak
	hour     float64 // UTC hour of the peak
	swing    float64 // 0 flat, 1 nothing at night
	weekend  float64 // factor on Saturday and Sunday
	drift    float64 // AR(1) of the log rate
	burst    float64 // factor above 1 of the burst in progress
	goal     float64 // that it climbs to
	hold     float64 // seconds left at the goal
	perDay   float64 // bursts a day
	schedule float64 // UTC hour of a daily batch, negative: none
}

// rate lets seconds pass and returns the requests/s at t (Unix ms).
func (f *traffic) rate(t int64, seconds float64) float64 {
	hour := float64(t%86_400_000) / 3_600_000
	day := (t/86_400_000 + 4) % 7 // 1970-01-01 was a Thursday; Sunday is 0
	wave := 1 - f.swing*(0.5-0.5*math.Cos(2*math.Pi*(hour-f.hour)/24))
	if day == 0 || day == 6 {
		wave *= f.weekend
	}
	if f.schedule >= 0 {
		if since := hour - f.schedule; since >= 0 && since < 1.5 {
			wave += 0.45
		}
	}
	keep := math.Exp(-seconds / 5400)
	f.drift = f.drift*keep + 0.10*math.Sqrt(1-keep*keep)*f.rng.NormFloat64()

	if f.hold > 0 {
		f.hold -= seconds
		f.burst += (f.goal - f.burst) * (1 - math.Exp(-seconds/300)) // climbs in minutes
	} else {
		f.burst *= math.Exp(-seconds / 1500) // and ebbs in half an hour
		if f.rng.Float64() < f.perDay*seconds/86400 {
			f.goal = clamp(logNormal(f.rng, 0.35, 0.5), 0.1, 1)
			f.hold = between(f.rng, 600, 4200)
		}
	}
	return f.peak * wave * (1 + f.burst) * math.Exp(f.drift+0.04*f.rng.NormFloat64())
}
