package features

import "strconv"

// The columns of levels, one function each. Windows end at the origin.

func (p plan) last() kind {
	w := p.long()
	return kind{"last", "newest SIGNAL", "", func(t *track, i int) float64 { return t.newest(i, w.steps) }}
}

func (p plan) lag(w window) kind {
	return kind{"lag_" + w.name, "SIGNAL " + w.text + " ago", "", func(t *track, i int) float64 { return t.lag(i, w.steps) }}
}

func (p plan) mean(w window) kind {
	return kind{"mean_" + w.name, "mean of SIGNAL over " + w.text, "", func(t *track, i int) float64 { return t.mean(i, w.steps) }}
}

func (p plan) std(w window) kind {
	return kind{"std_" + w.name, "standard deviation of SIGNAL over " + w.text, "", func(t *track, i int) float64 { return t.std(i, w.steps) }}
}

func (p plan) min(w window) kind {
	return kind{"min_" + w.name, "least SIGNAL in " + w.text, "", func(t *track, i int) float64 { return t.min(i, w.steps) }}
}

func (p plan) max(w window) kind {
	return kind{"max_" + w.name, "greatest SIGNAL in " + w.text, "", func(t *track, i int) float64 { return t.max(i, w.steps) }}
}

func (p plan) quantile(w window, q string) kind {
	level, _ := strconv.ParseFloat(q, 64)
	return kind{
		"q" + q[2:] + "0_" + w.name, q + " quantile of SIGNAL over " + w.text, "",
		func(t *track, i int) float64 { return t.quantile(i, w.steps, level) },
	}
}

func (p plan) slope(w window) kind {
	return kind{
		"slope_" + w.name, "rise of SIGNAL per hour over " + w.text, "UNIT/h",
		func(t *track, i int) float64 { return t.slope(i, w.steps) * p.hours },
	}
}

func (p plan) change(w window) kind {
	return kind{"change_" + w.name, "change of SIGNAL in " + w.text, "", func(t *track, i int) float64 { return t.change(i, w.steps) }}
}

func (p plan) changes(w window) kind {
	return kind{
		"changes_" + w.name, "times that SIGNAL changed in " + w.text, "changes",
		func(t *track, i int) float64 { return t.changes(i, w.steps) },
	}
}

func (p plan) sinceChange() kind {
	w := p.long()
	return kind{
		"since_change", "time since SIGNAL last changed, at most " + w.text, "h",
		func(t *track, i int) float64 { return t.sinceChange(i, w.steps) / p.hours },
	}
}

func (p plan) missing(w window) kind {
	return kind{
		"missing_" + w.name, "share of " + w.text + " without a sample of SIGNAL", "ratio",
		func(t *track, i int) float64 { return t.missing(i, w.steps) },
	}
}

func (p plan) sinceSample() kind {
	w := p.long()
	return kind{
		"since_sample", "time since the newest sample of SIGNAL, at most " + w.text, "h",
		func(t *track, i int) float64 { return t.sinceSample(i, w.steps) / p.hours },
	}
}
