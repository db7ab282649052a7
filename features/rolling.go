package features

import "strconv"

// The columns of levels, one function each. Windows end at the origin.

func (p plan) last() kind {
	w := p.long()
	return kind{"last", "newest SIGNAL", "", func(t *track) float64 { return t.newest(w) }}
}

func (p plan) lag(w window) kind {
	return kind{"lag_" + w.name, "SIGNAL " + w.text + " ago", "", func(t *track) float64 { return t.lag(w.steps) }}
}

func (p plan) mean(w window) kind {
	return kind{"mean_" + w.name, "mean of SIGNAL over " + w.text, "", func(t *track) float64 { return t.mean(w) }}
}

func (p plan) std(w window) kind {
	return kind{"std_" + w.name, "standard deviation of SIGNAL over " + w.text, "", func(t *track) float64 { return t.std(w) }}
}

func (p plan) min(w window) kind {
	return kind{"min_" + w.name, "least SIGNAL in " + w.text, "", func(t *track) float64 { return t.min(w) }}
}

func (p plan) max(w window) kind {
	return kind{"max_" + w.name, "greatest SIGNAL in " + w.text, "", func(t *track) float64 { return t.max(w) }}
}

func (p plan) quantile(w window, q string) kind {
	level, _ := strconv.ParseFloat(q, 64)
	return kind{
		"q" + q[2:] + "0_" + w.name, q + " quantile of SIGNAL over " + w.text, "",
		func(t *track) float64 { return t.quantile(w, level) },
	}
}

func (p plan) slope(w window) kind {
	return kind{
		"slope_" + w.name, "rise of SIGNAL per hour over " + w.text, "UNIT/h",
		func(t *track) float64 { return t.slope(w) * p.hours },
	}
}

func (p plan) change(w window) kind {
	long := p.long()
	return kind{"change_" + w.name, "change of SIGNAL in " + w.text, "", func(t *track) float64 { return t.newest(long) - t.lag(w.steps) }}
}

func (p plan) changes(w window) kind {
	return kind{
		"changes_" + w.name, "times that SIGNAL changed in " + w.text, "changes",
		func(t *track) float64 { return t.changes(w) },
	}
}

func (p plan) sinceChange() kind {
	w := p.long()
	return kind{
		"since_change", "time since SIGNAL last changed", "h",
		func(t *track) float64 { return t.sinceChange(w) / p.hours },
	}
}

func (p plan) missing(w window) kind {
	return kind{
		"missing_" + w.name, "share of " + w.text + " without a sample of SIGNAL", "ratio",
		func(t *track) float64 { return t.missing(w) },
	}
}

func (p plan) sinceSample() kind {
	w := p.long()
	return kind{
		"since_sample", "time since the newest sample of SIGNAL", "h",
		func(t *track) float64 { return t.sinceSample(w) / p.hours },
	}
}
