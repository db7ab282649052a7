package shift

import (
	"math"
	"time"
)

// Detect says what the end of a series is like, from the series alone. Options
// must be valid for the step (Options.Validate); zero ones are the defaults.
func Detect(s Series, o Options) Verdict {
	if blind(s, o) {
		return quiet(Unknown, "too few samples in the last %s", words(o.withDefaults().Hold))
	}
	d := newDetection(s, o)
	r, _ := d.residual(len(d.y) - d.hold)
	last, n := d.scratch.median(r[max(0, len(r)-d.hold):])
	if n < max(fewest, d.hold/2) {
		return quiet(Unknown, "too few samples in the last %s", words(d.o.Hold))
	}
	p, ok := d.scratch.learn(r, len(r)-d.hold, d.hold, d.baseline, s.Step)
	if !ok {
		return quiet(Unknown, "the past is shorter than %d times %s", blocks, words(d.o.Hold))
	}
	last -= p.expected(len(r) - 1 - d.hold/2)
	if last-p.centre < d.least {
		return quiet(Steady, "as before")
	}
	onset := d.onset(r, &p, last)
	if onset < 0 {
		return quiet(Unknown, "it has been so for as long as it can be told")
	}
	// Once more, with a past that the shift is not part of.
	return d.judge(onset)
}

// blind says whether the end of a series holds too few samples to look at all.
func blind(s Series, o Options) bool {
	hold, n := max(fewest, int(o.withDefaults().Hold/s.Step)), 0
	for _, v := range s.Latency[max(0, len(s.Latency)-hold):] {
		if v > 0 && v-v == 0 {
			n++
		}
	}
	return n < max(fewest, hold/2)
}

// Assess is Detect of a shift that is known: whether half of its effect still
// stands at the end of the series. Its verdict is Regressed, Steady or Unknown.
func Assess(s Series, known Verdict, o Options) Verdict {
	if blind(s, o) {
		return quiet(Unknown, "too few samples in the last %s", words(o.withDefaults().Hold))
	}
	d := newDetection(s, o)
	at := int(known.Onset.Sub(d.Start) / s.Step)
	if at < blocks*d.hold || at >= len(d.y) {
		return d.outlived(known)
	}
	r, _ := d.residual(at)
	last, n := d.scratch.median(r[max(at, len(r)-d.hold):])
	p, ok := d.scratch.learn(r, at, d.hold, d.baseline, s.Step)
	if !ok || n < max(fewest, d.hold/2) {
		return quiet(Unknown, "too few samples in the last %s", words(d.o.Hold))
	}
	if last-p.expected(len(r)-1-d.hold/2)-p.centre < math.Log1p(known.Effect)/2 {
		return quiet(Steady, "it is as it was before")
	}
	known.Kind, known.Why = Regressed, "it still stands"
	return known
}

// outlived is Assess where the series no longer reaches back to what was before.
func (d *detection) outlived(known Verdict) Verdict {
	last, n := d.scratch.median(d.y[max(0, len(d.y)-d.hold):])
	switch {
	case n < max(fewest, d.hold/2):
		return quiet(Unknown, "too few samples in the last %s", words(d.o.Hold))
	case last < math.Log(known.Before*known.After)/2:
		return quiet(Steady, "it is as it was before")
	}
	known.Kind, known.Why = Regressed, "it still stands"
	return known
}

// detection is one series being looked at.
type detection struct {
	Series
	o              Options
	y, body        []float64 // logs
	load           []float64 // log
	hold, baseline int       // steps
	least          float64   // effect, log
	scratch        scratch
}

func newDetection(s Series, o Options) *detection {
	o = o.withDefaults()
	if before := int((max(o.Baseline, week)+2*o.Baseline)/s.Step) + 1; len(s.Latency) > before {
		s = s.between(len(s.Latency)-before, len(s.Latency))
	}
	return &detection{Series: s, o: o, y: logs(s.Latency), body: logs(s.Body), load: logs(s.Load),
		hold: max(fewest, int(o.Hold/s.Step)), baseline: int(o.Baseline / s.Step), least: math.Log1p(o.MinEffect)}
}

// residual frees log latency from what the load and the mix explain, by curves
// that are learned from the baseline before a step.
func (d *detection) residual(to int) ([]float64, [2]curve) {
	var curves [2]curve
	r := d.y
	from := max(0, to-d.baseline)
	if to <= from {
		return r, curves
	}
	for i, x := range [][]float64{d.load, d.Mix} {
		if x == nil {
			continue
		}
		curves[i] = fit(x[from:to], r[from:to], i == 0)
		if len(curves[i].at) > 0 {
			freed := make([]float64, len(r))
			for k, v := range r {
				freed[k] = v - curves[i].explains(x[k])
			}
			r = freed
		}
	}
	return r, curves
}

// onset finds where the shift to the level last began: the start of the suffix
// with the largest sum of deviations from half way, each at most half the
// shift. It looks back half a baseline and returns −1 where the shift is older.
func (d *detection) onset(r []float64, p *past, last float64) int {
	half := (last - p.centre) / 2
	sum, best, at := 0.0, 0.0, -1
	stop := max(0, len(r)-d.baseline/2)
	for i := len(r) - 1; i >= stop; i-- {
		if r[i] != r[i] {
			continue
		}
		sum += math.Max(-half, math.Min(half, r[i]-p.expected(i)-p.centre-half))
		if sum >= best {
			best, at = sum, i
		}
	}
	if at <= stop {
		return -1
	}
	return at
}

// judge decides on a shift that began at a step.
func (d *detection) judge(onset int) Verdict {
	r, curves := d.residual(onset)
	p, ok := d.scratch.learn(r, onset, d.hold, d.baseline, d.Step)
	if !ok {
		return quiet(Unknown, "the past before %s is shorter than %d times %s", clock(d.Time(onset)), blocks, words(d.o.Hold))
	}
	v := d.numbers(r, &p, onset)
	v.Onset, v.Between = d.Time(onset), d.Time(onset-1)
	for i := onset - 1; i > 0 && d.y[i] != d.y[i]; i-- {
		v.Between = d.Time(i - 1)
	}
	effect := math.Log1p(v.Effect)
	switch after := r[onset:]; {
	case !(effect >= d.least):
		return v.as(Steady, "the rise is smaller than %s", percent(d.o.MinEffect))
	case len(after) < d.hold:
		return v.as(Waiting, "it has lasted for %s of %s", words(time.Duration(len(after))*d.Step), words(d.o.Hold))
	case d.shareAbove(after, &p, onset, p.centre+effect/2) < 0.7:
		return v.as(Noise, "it comes and goes")
	case v.Score < d.o.Score:
		return v.as(Noise, "the past's blocks of %s vary as much", words(d.o.Hold))
	case d.usual(&p, effect):
		return v.as(Noise, "the past was as high now and then")
	}
	if unit, ok := d.unit(r, onset, effect); ok {
		return v.as(Unit, "%s", unit)
	}
	if why, ok := d.traffic(curves, onset); ok {
		return v.as(Traffic, "%s", why)
	}
	if d.body != nil && !d.inBody(onset) {
		return v.as(Tail, "the body of the distribution has not moved, only its tail")
	}
	why, days := d.seasonal(r, onset)
	switch {
	case why != "":
		return v.as(Seasonal, "%s", why)
	case days == 0 && p.profile == nil && (v.Shape == Creep || d.sloping(r, &p, onset, effect)):
		return v.as(Creeping, "it rises slowly, and there is no other day to hold it against")
	case days == 0 && p.profile == nil && v.Score < 1.5*d.o.Score:
		return v.as(Noise, "there is no other day to hold it against, and it is not large enough without")
	}
	v.Kind = Regressed
	v.Why = percent(v.Effect) + " since " + clock(v.Onset)
	if v.Shape == Creep {
		v.Why += ", slowly"
	}
	return v
}

// numbers measures the shift from step from on.
func (d *detection) numbers(r []float64, p *past, from int) Verdict {
	apart := make([]float64, len(r)-from)
	for i := range apart {
		apart[i] = r[from+i] - p.expected(from+i)
	}
	level, _ := d.scratch.median(apart)
	effect := level - p.centre
	after, _ := d.scratch.median(d.y[from:])
	n := len(p.medians)
	spread := math.Max(p.spread, d.least/(2*d.o.Score)) // a constant past is not infinitely sure
	score := effect / (spread * math.Sqrt(1+1/float64(n)))
	wide := 2.2 * spread * math.Sqrt(math.Min(1, float64(d.hold)/float64(len(apart)))+1/float64(n))
	above := 0
	for _, m := range p.medians {
		if m >= level {
			above++
		}
	}
	v := Verdict{Shape: Step, After: math.Exp(after), Before: math.Exp(after - effect), Effect: math.Expm1(effect),
		Lower: math.Expm1(effect - wide), Upper: math.Expm1(effect + wide), Score: score,
		Confidence: 1 - math.Max(tail(score, min(n-1, 30)), float64(above+1)/float64(n+1))}
	near, _ := d.scratch.median(apart[:min(len(apart), d.hold)])
	before := make([]float64, 0, 2*d.hold)
	for i := max(0, from-2*d.hold); i < from; i++ {
		before = append(before, r[i]-p.expected(i))
	}
	jump := math.NaN()
	if m, n := d.scratch.median(before); n > 0 {
		jump = near - m
	}
	if v.Jump = math.Expm1(jump); jump < effect/2 {
		v.Shape = Creep
	}
	return v
}

// sloping says whether a line that rises from the level before explains the end
// of the series about as well as a step at the onset does: both have a time and a
// height, and errors are squared, each no larger than the effect. It is for
// shifts that no other day can be held against.
func (d *detection) sloping(r []float64, p *past, onset int, effect float64) bool {
	from := max(0, onset-2*(len(r)-onset)-2*d.hold)
	sse := func(at int, model func(i int) float64) float64 {
		sum := 0.0
		for i := from; i < len(r); i++ {
			if r[i] != r[i] {
				continue
			}
			want := 0.0
			if i >= at {
				want = model(i)
			}
			off := math.Max(-effect, math.Min(effect, r[i]-p.centre-want))
			sum += off * off
		}
		return sum
	}
	step := sse(onset, func(int) float64 { return effect })
	for at := from; at < len(r)-d.hold/2; at += max(1, d.hold/5) {
		along, square := 0.0, 0.0
		for i := at; i < len(r); i++ {
			if r[i] == r[i] {
				x := float64(i - at + 1)
				along, square = along+x*(r[i]-p.centre), square+x*x
			}
		}
		slope := along / math.Max(1, square)
		if sse(at, func(i int) float64 { return slope * float64(i-at+1) }) < 1.05*step {
			return true
		}
	}
	return false
}

func (d *detection) shareAbove(after []float64, p *past, onset int, bar float64) float64 {
	above, n := 0, 0
	for i, v := range after {
		if v != v {
			continue
		}
		n++
		if v-p.expected(onset+i) > bar {
			above++
		}
	}
	return float64(above) / float64(max(1, n))
}

// usual says whether the past's blocks were three quarters as high too often.
func (d *detection) usual(p *past, effect float64) bool {
	high := 0
	for _, m := range p.medians {
		if m-p.centre >= 0.75*effect {
			high++
		}
	}
	return float64(high) > d.o.Usual*float64(len(p.medians))
}

// seasonal says why a shift is nothing new at this time of day or week, and how
// many other days it was held against.
func (d *detection) seasonal(r []float64, onset int) (why string, days int) {
	level, _ := d.scratch.median(r[onset:])
	for _, ago := range []struct {
		span time.Duration
		name string
	}{{day, "yesterday"}, {week, "a week before"}} {
		back := int(ago.span / d.Step)
		if onset-back < 0 {
			continue
		}
		then := r[onset-back : len(r)-back]
		m, n := d.scratch.median(then)
		if n < max(fewest, len(then)/2) {
			continue
		}
		days++
		if level-m < d.least {
			return "it was as slow at this time " + ago.name, days
		}
	}
	return "", days
}

// inBody says whether the lower quantile has moved too, by half of what matters
// at least.
func (d *detection) inBody(onset int) bool {
	own := detection{Series: d.Series, o: d.o, y: d.body, load: d.load, hold: d.hold, baseline: d.baseline, least: d.least}
	r, _ := own.residual(onset)
	p, ok := own.scratch.learn(r, onset, d.hold, d.baseline, d.Step)
	if !ok {
		return true // cannot be told
	}
	return math.Log1p(own.numbers(r, &p, onset).Effect) >= d.least/2
}

// traffic says whether the load rose, or the mix went, to where the past before
// the onset never was, so that what it explains is not known.
func (d *detection) traffic(curves [2]curve, onset int) (string, bool) {
	if d.load != nil && curves[0].high == curves[0].high {
		after, n := d.scratch.median(d.load[onset:])
		// What came just before may already be part of it.
		before, _ := d.scratch.median(d.load[max(0, onset-12*d.hold):max(0, onset-4*d.hold)])
		if n > 0 && after > curves[0].high && after-before > math.Log(1.2) {
			return "the load rose by " + percent(math.Expm1(after-before)) + " at the same time, higher than before it", true
		}
	}
	if d.Mix != nil && curves[1].high == curves[1].high {
		after, n := d.scratch.median(d.Mix[onset:])
		wide := curves[1].high - curves[1].low
		if n > 0 && (after > curves[1].high+wide/10 || after < curves[1].low-wide/10) {
			return "the mix of requests changed at the same time, to one that was not there before it", true
		}
	}
	return "", false
}

// unit says whether the shift is a known factor between units and nothing else:
// the noise is as it was, and the change was instant.
func (d *detection) unit(r []float64, onset int, effect float64) (string, bool) {
	before, after := r[max(0, onset-d.baseline):onset], r[onset:]
	a, _ := d.scratch.median(before)
	b, _ := d.scratch.median(after)
	x, y := d.scratch.spread(before, a), d.scratch.spread(after, b)
	if math.Max(x, y) > 4*math.Min(x, y)+0.05 || effect < math.Log(40) {
		return "", false
	}
	return UnitFactor(math.Exp(effect))
}

// words writes a duration as Prometheus does: 90s, 15m, 1h30m.
func words(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(text) - len(zero); n > 0 && text[n:] == zero {
			text = text[:n+1]
		}
	}
	return text
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
