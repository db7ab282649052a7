package forecaster

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// The gate lets a challenger pass where a paired test says that it is better
// over all, and neither clearly worse at one horizon nor calibrated worse.
const (
	gateChance    = 0.1  // the chance that it only seems better must be below
	gateOrigins   = 10   // the least that a test is made of
	gateBlocks    = 4    // independent blocks of them
	gateResamples = 2000 // of the bootstrap
	gateSlack     = 0.02 // by which calibration may be worse
	partSlack     = 0.05 // at one horizon, where less is known
	partWorse     = 0.02 // by which the loss at one horizon may be higher, whatever the test says
)

type verdict struct {
	promote bool
	message string // why, in words and numbers
}

// judge compares the best contender with the champion. On the origins that the
// champion was not fitted on it is judged as it is; where those are too few, by
// a model of its kind that was fitted in the backtest like the others.
func judge(t *features.Target, champion *incumbent, ranked []contender, seed uint64) verdict {
	best := ranked[0]
	if champion == nil {
		return verdict{true, fmt.Sprintf("the first champion: %s, loss %.4g over %d origins", best.name, best.scores["loss"], len(best.origins))}
	}
	if champion.misfit != nil {
		return verdict{true, fmt.Sprintf("promoted: %s, loss %.4g over %d origins: the champion cannot serve any more: %v",
			best.name, best.scores["loss"], len(best.origins), champion.misfit)}
	}
	rival, how := contender{}, ""
	if last := ranked[len(ranked)-1]; last.name == incumbentName {
		rival, how = since(last, champion.manifest.Through), "on origins since it was fitted"
	}
	if len(rival.origins) < gateOrigins {
		i := slices.IndexFunc(ranked, func(c contender) bool { return c.name == champion.manifest.Model })
		switch {
		case i < 0:
			return verdict{false, fmt.Sprintf("kept: the champion (%s) cannot be compared with %s: only %d origins since it was fitted",
				champion.manifest.Model, best.name, len(rival.origins))}
		case i == 0:
			return verdict{false, fmt.Sprintf("kept: %s is the best again, and only %d origins have come since the champion was fitted, too few to tell them apart",
				best.name, len(rival.origins))}
		}
		rival, how = ranked[i], "both fitted anew"
	}
	challengers := 0
	for _, c := range ranked {
		if c.name != incumbentName && c.name != champion.manifest.Model {
			challengers++
		}
	}
	return compare(t, best, rival, champion.manifest.Model, how, challengers, seed)
}

// compare tests the best of so many challengers against the champion. The best
// of several looks better by chance more often than one does, so the level of
// the test is shared among them (Bonferroni).
func compare(t *features.Target, best, rival contender, rivalName, how string, challengers int, seed uint64) verdict {
	gains := pair(best, rival)
	if reach := gains.reach(t.Horizons); reach > 0 && len(best.parts) == len(rival.parts) {
		best, rival = best.within(reach), rival.within(reach)
		gains = pair(best, rival)
		how += fmt.Sprintf(", up to %s: for more the history is too short", short(reach))
	}
	mine, theirs := gains.means()
	numbers := fmt.Sprintf("loss %.4g against %.4g (%+.1f%%) over %d origins, %s", mine, theirs, 100*(mine/theirs-1), len(gains.diff), how)
	block := gains.blockLength(best.longest(t.Horizons))
	if len(gains.diff) < gateOrigins || len(gains.diff) < gateBlocks*block {
		return verdict{false, fmt.Sprintf("kept: %s against %s: %s: too few independent origins to tell", best.name, rivalName, numbers)}
	}
	chance := gains.chance(block, seed)
	numbers += fmt.Sprintf(", p=%.3f; miscalibration %.3f against %.3f", chance, best.miscalibrated, rival.miscalibrated)
	switch {
	case chance >= gateChance/float64(max(1, challengers)):
		return verdict{false, fmt.Sprintf("kept: %s is not clearly better than the champion (%s): %s", best.name, rivalName, numbers)}
	case best.miscalibrated > rival.miscalibrated+gateSlack:
		return verdict{false, fmt.Sprintf("kept: %s is better than the champion (%s) but calibrated worse: %s", best.name, rivalName, numbers)}
	}
	if worst := worstPart(best, rival, block, seed); worst != "" {
		return verdict{false, fmt.Sprintf("kept: %s is better than the champion (%s) over all but %s: %s", best.name, rivalName, worst, numbers)}
	}
	return verdict{true, fmt.Sprintf("promoted: %s is better than the champion (%s): %s", best.name, rivalName, numbers)}
}

// worstPart tells at which horizon the best is clearly worse than its rival,
// by the same test at the same level, shared among the horizons; "" is none.
func worstPart(best, rival contender, block int, seed uint64) string {
	for h := range min(len(best.parts), len(rival.parts)) {
		mine, theirs := best.parts[h], rival.parts[h]
		losses := pair(contender{origins: theirs.origins, losses: theirs.losses}, contender{origins: mine.origins, losses: mine.losses})
		a, b := losses.means() // the rival's, and ours
		if len(losses.diff) >= gateOrigins && b > a*(1+partWorse) && losses.chance(block, seed) < gateChance/float64(len(best.parts)) {
			return fmt.Sprintf("worse at %s (loss %.4g against %.4g)", short(mine.horizon), b, a)
		}
		if mine.miscalibrated > theirs.miscalibrated+partSlack {
			return fmt.Sprintf("calibrated worse at %s (%.3f against %.3f)", short(mine.horizon), mine.miscalibrated, theirs.miscalibrated)
		}
	}
	return ""
}

// since keeps the origins after a time.
func since(c contender, t time.Time) contender {
	cut := func(origins []time.Time, losses []float64) ([]time.Time, []float64) {
		first, _ := slices.BinarySearchFunc(origins, t, func(o, t time.Time) int {
			if o.After(t) {
				return 1
			}
			return -1
		})
		return origins[first:], losses[first:]
	}
	c.origins, c.losses = cut(c.origins, c.losses)
	c.parts = slices.Clone(c.parts)
	for h := range c.parts {
		c.parts[h].origins, c.parts[h].losses = cut(c.parts[h].origins, c.parts[h].losses)
	}
	return c
}

// pairs are the losses of two contenders at the origins that both have.
type pairs struct {
	origins      []time.Time
	mine, theirs []float64
	diff         []float64 // theirs − mine: above 0 is a gain
}

func pair(best, rival contender) pairs {
	theirs := make(map[int64]float64, len(rival.origins))
	for i, o := range rival.origins {
		theirs[o.UnixMilli()] = rival.losses[i]
	}
	var p pairs
	for i, o := range best.origins {
		if loss, ok := theirs[o.UnixMilli()]; ok && loss == loss && best.losses[i] == best.losses[i] {
			p.origins = append(p.origins, o)
			p.mine, p.theirs, p.diff = append(p.mine, best.losses[i]), append(p.theirs, loss), append(p.diff, loss-best.losses[i])
		}
	}
	return p
}

func (p pairs) means() (mine, theirs float64) {
	var a, b mean
	for i := range p.diff {
		a.add(p.mine[i])
		b.add(p.theirs[i])
	}
	return a.value(), b.value()
}

// spacing is the mean distance of the origins; 0 where there are fewer than two.
func (p pairs) spacing() time.Duration {
	if len(p.origins) < 2 {
		return 0
	}
	return p.origins[len(p.origins)-1].Sub(p.origins[0]) / time.Duration(len(p.origins)-1)
}

// blockLength is how many origins in a row share a future as long as a horizon:
// forecasts that overlap are not independent.
func (p pairs) blockLength(horizon time.Duration) int {
	return max(1, int(horizon/max(1, p.spacing())))
}

// reach is the longest horizon of which the origins span enough blocks, where
// that is not the longest of all: contenders that cannot be told apart a week
// ahead can be an hour ahead. 0 where all can be judged, or none.
func (p pairs) reach(horizons []time.Duration) time.Duration {
	reach, all := time.Duration(0), true
	for _, h := range horizons {
		if gateBlocks*p.blockLength(h) <= len(p.origins) {
			reach = max(reach, h)
		} else {
			all = false
		}
	}
	if all {
		return 0
	}
	return reach
}

// within is a contender judged by its horizons up to one: the losses of an
// origin are the mean of theirs.
func (c contender) within(reach time.Duration) contender {
	kept := slices.DeleteFunc(slices.Clone(c.parts), func(part horizonLoss) bool { return part.horizon > reach })
	at := map[int64]*mean{}
	for _, part := range kept {
		for i, origin := range part.origins {
			ms := origin.UnixMilli()
			if at[ms] == nil {
				at[ms] = &mean{}
			}
			at[ms].add(part.losses[i])
		}
	}
	c.parts, c.origins, c.losses = kept, nil, nil
	for _, ms := range slices.Sorted(maps.Keys(at)) {
		c.origins, c.losses = append(c.origins, time.UnixMilli(ms).UTC()), append(c.losses, at[ms].value())
	}
	return c
}

// longest is the longest horizon that a contender is judged by.
func (c contender) longest(horizons []time.Duration) (longest time.Duration) {
	for _, part := range c.parts {
		longest = max(longest, part.horizon)
	}
	if longest == 0 && len(horizons) > 0 {
		longest = slices.Max(horizons)
	}
	return longest
}

// chance is the share of resampled means that show no gain: a circular block
// bootstrap (Politis and Romano 1992) of the paired differences.
func (p pairs) chance(block int, seed uint64) float64 {
	n := len(p.diff)
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	worse := 0
	for range gateResamples {
		sum := 0.0
		for taken := 0; taken < n; {
			from := random.IntN(n)
			for i := 0; i < block && taken < n; i++ {
				sum += p.diff[(from+i)%n]
				taken++
			}
		}
		if sum <= 0 {
			worse++
		}
	}
	return float64(worse) / gateResamples
}

func sortByLoss(c []contender) {
	slices.SortStableFunc(c, func(a, b contender) int { return cmp.Compare(a.loss, b.loss) })
}
