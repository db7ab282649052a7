package audit

import "time"

// Estimate is the Kaplan–Meier estimate of times, of which some had not ended.
func Estimate(happened, open []time.Duration) Survival {
	var spells []spell
	for _, d := range happened {
		spells = append(spells, spell{d, false})
	}
	for _, d := range open {
		spells = append(spells, spell{d, true})
	}
	return survival(spells)
}
