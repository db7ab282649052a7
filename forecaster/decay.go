package forecaster

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// A Decay is a sign that a champion no longer fits what it forecasts. It asks
// for a retraining; whether anything changes is for the gate to say.
type Decay struct {
	Kind string // loss, coverage, calibration, population, version
	Text string // in words and numbers
}

// reason is what a run says of why it was asked for.
func (d Decay) reason() string { return decayed(d.Kind) + ": " + d.Text }

func decayed(kind string) string { return "decay: " + kind }

// What a detector asks for before it says anything.
const (
	decayBlock   = 3 * time.Hour // at least: what is closer together is not independent
	decayWarmUp  = 16            // blocks that say what is usual
	decaySlack   = 0.75          // standard deviations of a block that are no news
	decayAlarm   = 8             // of the Page-Hinkley sum, in the same unit
	decayRise    = 1.1           // of the loss ratio, that is worth a training
	coverSlack   = 0.05          // by which coverage may be off without sampling error
	coverSigmas  = 3.5
	shiftedPSI   = 0.25
	shiftedShare = 0.1 // of columns
	changedShare = 0.2 // of subjects
)

// PageHinkley detects that the mean of a sequence has risen (Page 1954; Hinkley
// 1971): the sum of what exceeds Slack, never below 0, passes Alarm. Values are
// expected to be standardised. The zero sum begins anew.
type PageHinkley struct {
	Slack, Alarm float64
	sum          float64
}

// Add takes the next value, NaN being none, and says whether the alarm is on.
func (p *PageHinkley) Add(z float64) bool {
	if !math.IsNaN(z) {
		p.sum = math.Max(0, p.sum+z-p.Slack)
	}
	return p.sum > p.Alarm
}

// block is what came of the turns of one stretch of time. A stretch is as long
// as the horizon and at least decayBlock, so that blocks share little.
type block struct {
	at time.Time
	Turn
}

// blocksOf joins the turns (of one horizon and model, by origin) by stretches.
func blocksOf(turns []Turn) []block {
	var out []block
	for _, t := range turns {
		at := t.Origin.Truncate(max(t.Horizon, decayBlock))
		if len(out) == 0 || !out[len(out)-1].at.Equal(at) {
			out = append(out, block{at: at, Turn: t})
			continue
		}
		b := &out[len(out)-1].Turn
		b.Forecasts, b.Loss, b.Naive = b.Forecasts+t.Forecasts, b.Loss+t.Loss, b.Naive+t.Naive
		b.Levels, b.Covered = b.Levels+t.Levels, b.Covered+t.Covered
		b.Events, b.Risk, b.Happened = b.Events+t.Events, b.Risk+t.Risk, b.Happened+t.Happened
	}
	return out
}

// LossDecay says whether the matured loss has risen against that of naive since
// the turns (of one horizon and model, by origin) began: Page-Hinkley on the
// logarithm of their ratio, standardised by the first two days or so, and clipped
// at three standard deviations so that one bad hour is not an alarm.
func LossDecay(turns []Turn) (Decay, bool) {
	var x []float64
	blocks := slices.DeleteFunc(blocksOf(turns), func(b block) bool { return b.Forecasts == 0 })
	if len(blocks) <= decayWarmUp {
		return Decay{}, false
	}
	naive := 0.0
	for _, b := range blocks[:decayWarmUp] {
		naive += b.Naive / float64(b.Forecasts) / decayWarmUp
	}
	if naive <= 0 {
		return Decay{}, false // where naive never errs, no ratio means anything
	}
	for _, b := range blocks {
		n := float64(b.Forecasts)
		x = append(x, math.Log((b.Loss/n+naive/4)/(b.Naive/n+naive/4)))
	}
	usual, spread := location(x[:decayWarmUp])
	p := PageHinkley{Slack: decaySlack, Alarm: decayAlarm}
	for i, v := range x[decayWarmUp:] {
		alarm := p.Add(min(max((v-usual)/spread, -3), 3))
		from := decayWarmUp + max(0, i-3)
		recent, _ := location(x[from : decayWarmUp+i+1])
		if alarm && recent > usual+math.Log(decayRise) {
			return Decay{"loss", fmt.Sprintf("%.2f of naive's loss at %s since %s, %.2f before", math.Exp(recent), short(turns[0].Horizon),
				blocks[from].at.UTC().Format("2 Jan 15:04"), math.Exp(usual))}, true
		}
	}
	return Decay{}, false
}

// location returns the median, and a robust standard deviation of at least 0.1.
func location(x []float64) (centre, spread float64) {
	sorted := slices.Sorted(slices.Values(x))
	centre = sorted[len(sorted)/2]
	for i, v := range sorted {
		sorted[i] = math.Abs(v - centre)
	}
	slices.Sort(sorted)
	return centre, math.Max(0.1, 1.4826*sorted[len(sorted)/2])
}

// CoverageDecay says whether the share of actuals within the 0.1…0.9 band is
// off what it was in the backtest (NaN: 0.8, as it should be): a binomial test
// whose sample size is what the blocks say, since what shares a moment is not
// independent (Kish 1965).
func CoverageDecay(turns []Turn, expected float64) (Decay, bool) {
	if math.IsNaN(expected) {
		expected = 0.8
	}
	var covered, levels []float64
	for _, b := range blocksOf(turns) {
		if b.Levels > 0 {
			covered, levels = append(covered, float64(b.Covered)), append(levels, float64(b.Levels))
		}
	}
	if len(levels) < decayWarmUp {
		return Decay{}, false
	}
	got, n := effective(covered, levels)
	allowed := coverSlack + coverSigmas*math.Sqrt(math.Max(0.05, expected*(1-expected))/n)
	if math.Abs(got-expected) <= allowed {
		return Decay{}, false
	}
	return Decay{"coverage", fmt.Sprintf("the 80 %% band at %s holds %.0f %% of %.0f effective outcomes, %.0f %% in its backtest",
		short(turns[0].Horizon), 100*got, n, 100*expected)}, true
}

// effective returns the share Σ hits ÷ Σ counts, and the number of independent
// trials that would tell it as exactly as these clusters do: between the number
// of clusters and that of trials. An all-or-nothing share has that of clusters.
func effective(hits, counts []float64) (share, n float64) {
	var h, c, v float64
	for i := range hits {
		h, c = h+hits[i], c+counts[i]
	}
	share = h / c
	clusters := float64(len(hits))
	for i := range hits {
		d := hits[i] - share*counts[i]
		v += d * d / (c * c) * clusters / (clusters - 1)
	}
	if v <= 0 {
		return share, clusters
	}
	return share, min(max(share*(1-share)/v, clusters/4), c)
}

// CalibrationDecay says whether events come clearly more or less often than the
// risks (of one horizon and model, by origin) said: by half and by more than the
// blocks vary.
func CalibrationDecay(turns []Turn) (Decay, bool) {
	var risk, happened, variance float64
	n := 0
	for _, b := range blocksOf(turns) {
		if b.Events == 0 {
			continue
		}
		risk, happened, n = risk+b.Risk, happened+float64(b.Happened), n+1
		variance += (float64(b.Happened) - b.Risk) * (float64(b.Happened) - b.Risk)
	}
	off := happened - risk
	if n < decayWarmUp || math.Abs(off) < coverSigmas*math.Sqrt(math.Max(variance, risk)) || math.Abs(off) < 0.5*math.Max(risk, 1) {
		return Decay{}, false
	}
	return Decay{"calibration", fmt.Sprintf("%.0f came true within %s where the risks said %.1f", happened, short(turns[0].Horizon), risk)}, true
}

// PopulationDecay says whether a day's features are unlike those of the window
// that the champion was fitted on, in more columns than a tenth: by the
// population stability index, which must be twice that of the most unlike day
// of that window. tallies holds a Tally a summary.
func PopulationDecay(summaries []models.ColumnSummary, tallies []*models.Tally) (Decay, bool) {
	shifted, worst, most := 0, 0, 0.0
	for i := range summaries {
		psi := tallies[i].PSI(&summaries[i])
		if !(psi > max(shiftedPSI, 2*summaries[i].Usual)) {
			continue
		}
		if shifted++; psi > most {
			worst, most = i, psi
		}
	}
	if shifted == 0 || float64(shifted) < shiftedShare*float64(len(summaries)) {
		return Decay{}, false
	}
	return Decay{"population", fmt.Sprintf("%d of %d features are unlike the training window, most of all %s (stability index %.2f, at most %.2f on a day of it)",
		shifted, len(summaries), summaries[worst].Column, most, summaries[worst].Usual)}, true
}

// VersionDecay says whether a signal that tells a version has changed for many
// of a panel's subjects after a time, such as the end of the training window.
func VersionDecay(p *features.Panel, since time.Time) (Decay, bool) {
	for k, signal := range p.Signals {
		if !tellsVersion(signal) {
			continue
		}
		changed, known := 0, 0
		for s := range p.Subjects {
			before, after := math.NaN(), math.NaN()
			for i, v := range p.Series(k, s) {
				switch {
				case math.IsNaN(v):
				case !p.Time(i).After(since) || math.IsNaN(before):
					before = v
				default:
					after = v
				}
			}
			if !math.IsNaN(after) {
				known++
				if after != before {
					changed++
				}
			}
		}
		if changed > 0 && float64(changed) >= changedShare*float64(known) {
			return Decay{"version", fmt.Sprintf("%s has changed on %d of %d subjects since the champion was fitted", signal, changed, known)}, true
		}
	}
	return Decay{}, false
}
