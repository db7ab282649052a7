package features

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/collector"
)

// Regression says how regressions of a level, usually a latency, are looked for.
type Regression struct {
	Load      string        // a signal, or PromQL: what drives the level, such as requests a second; may be empty
	Mix       string        // a signal, or PromQL: what a request is like, such as its tokens; may be empty
	Changes   []string      // signals whose changes a regression may follow
	MinEffect float64       // the least relative rise that matters; default 0.1
	Hold      time.Duration // how long a rise must last; default 15m
	Baseline  time.Duration // the past that it is held against; default 24h
}

// Drift says how the distribution of a level is watched.
type Drift struct {
	Baseline time.Duration // default 7d
	Window   time.Duration // of recent samples; default 6h
	PSI      float64       // population stability index that is too much; default 0.25
}

// ShiftSeries returns the names of the series that a target's regressions are found with, empty
// where it has none: the load, the mix, and the median of the histogram whose
// higher quantile the level is.
func (t *Target) ShiftSeries() (load, mix, body string) {
	if t.Regression == nil {
		return "", "", ""
	}
	load, mix = t.Regression.Load, t.Regression.Mix
	if load != "" && !collector.ValidName(load) {
		load = t.Name + ":load"
	}
	if mix != "" && !collector.ValidName(mix) {
		mix = t.Name + ":mix"
	}
	if bodyOf(t.Level) != "" {
		body = t.Name + ":body"
	}
	return load, mix, body
}

// ShiftSignals returns the signals that are collected for a target's regressions
// alone.
func (t *Target) ShiftSignals() []collector.Signal {
	if t.Regression == nil {
		return nil
	}
	var signals []collector.Signal
	load, mix, body := t.ShiftSeries()
	for _, s := range []struct{ name, expr, help string }{
		{load, t.Regression.Load, "what drives " + t.Name}, {mix, t.Regression.Mix, "what the requests behind " + t.Name + " are like"},
		{body, bodyOf(t.Level), "the median of what " + t.Name + " is a quantile of"},
	} {
		if s.name != "" && s.name != s.expr {
			signals = append(signals, collector.Signal{Name: s.name, Group: t.Group, Interval: t.Interval, Subject: t.Subject, Expr: s.expr, Help: s.help})
		}
	}
	return signals
}

// bodyOf returns the PromQL of the median of the histogram whose higher quantile
// an expression is; empty where it is none.
func bodyOf(level string) string {
	e, err := collector.ParseExpr(level)
	if err != nil {
		return ""
	}
	for paren, ok := e.(*parser.ParenExpr); ok; paren, ok = e.(*parser.ParenExpr) {
		e = paren.Expr
	}
	call, ok := e.(*parser.Call)
	if !ok || call.Func.Name != "histogram_quantile" || len(call.Args) != 2 {
		return ""
	}
	if q, ok := call.Args[0].(*parser.NumberLiteral); !ok || q.Val <= 0.5 {
		return ""
	}
	return "histogram_quantile(0.5, " + call.Args[1].String() + ")"
}

func (p *fileParser) regression(n *yaml.Node, path string) *Regression {
	r := &Regression{MinEffect: 0.1, Hold: 15 * time.Minute, Baseline: 24 * time.Hour}
	keys := p.mapping(n, path, []field{
		{"load", func(n *yaml.Node, path string) { r.Load, _ = p.text(n, path) }},
		{"mix", func(n *yaml.Node, path string) { r.Mix, _ = p.text(n, path) }},
		{"changes", func(n *yaml.Node, path string) {
			p.sequence(n, path, func(n *yaml.Node, path string) {
				if name, ok := p.text(n, path); ok {
					r.Changes = append(r.Changes, name)
				}
			})
		}},
		{"min_effect", func(n *yaml.Node, path string) { r.MinEffect = p.share(n, path, 0.01, 10) }},
		{"hold", func(n *yaml.Node, path string) { r.Hold, _ = p.duration(n, path, time.Second, 24*time.Hour) }},
		{"baseline", func(n *yaml.Node, path string) { r.Baseline, _ = p.duration(n, path, time.Minute, month) }},
	})
	if keys != nil && r.Hold > 0 && r.Baseline > 0 && r.Baseline < 8*r.Hold {
		p.problem(n, path, fmt.Sprintf("the baseline %s is shorter than 8 times the hold %s", r.Baseline, r.Hold), "lengthen the baseline, or shorten the hold")
	}
	return r
}

func (p *fileParser) drift(n *yaml.Node, path string) *Drift {
	d := &Drift{Baseline: 7 * 24 * time.Hour, Window: 6 * time.Hour, PSI: 0.25}
	keys := p.mapping(n, path, []field{
		{"baseline", func(n *yaml.Node, path string) { d.Baseline, _ = p.duration(n, path, time.Minute, 3*month) }},
		{"window", func(n *yaml.Node, path string) { d.Window, _ = p.duration(n, path, time.Minute, month) }},
		{"psi", func(n *yaml.Node, path string) {
			psi, ok := p.number(n, path)
			if ok && !(psi > 0 && psi <= 10) {
				p.problem(n, path, fmt.Sprintf("%s is not a stability index above 0 and up to 10", n.Value), "0.1 is usual for a minor shift, 0.25 for a major one")
			}
			d.PSI = psi
		}},
	})
	if keys != nil && d.Window > 0 && d.Baseline > 0 && d.Baseline < 3*d.Window {
		p.problem(n, path, fmt.Sprintf("the baseline %s is shorter than 3 windows of %s", d.Baseline, d.Window), "lengthen the baseline, or shorten the window")
	}
	return d
}

// share reads 10% or 0.1.
func (d *document) share(n *yaml.Node, path string, least, most float64) float64 {
	text, ok := d.scalar(n, path, "a share")
	if !ok {
		return 0
	}
	digits, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= least && v <= most) {
		d.problem(n, path, fmt.Sprintf("%q is not a share from %g%% to %g%%", text, 100*least, 100*most), "write 10% or 0.1")
		return 0
	}
	return v
}

// shifts checks what a target's regressions and drift need against the file.
func (p *fileParser) shifts(t parsedTarget, known map[string]*namedSignal, own map[string]*Target) {
	if t.Regression == nil {
		return
	}
	at := join(t.path, "regression")
	keys := mappingKeys(t.keys["regression"])
	if t.Regression.Hold > 0 && t.Regression.Hold < 3*t.Interval {
		p.problem(t.keys["regression"], join(at, "hold"), fmt.Sprintf("%s is shorter than 3 steps of the group's interval %s", t.Regression.Hold, t.Interval), "lengthen it, or shorten the interval")
	}
	names := slices.Sorted(maps.Keys(known))
	for key, text := range map[string]string{"load": t.Regression.Load, "mix": t.Regression.Mix} {
		n, path := keys[key], join(at, key)
		switch s, other := known[text], own[text]; {
		case text == "" || n == nil:
		case text == t.Name:
			p.problem(n, path, "a target does not explain itself", "name a signal, or write PromQL")
		case s != nil:
			p.use(t, s, n, path)
		case other != nil:
			p.fits(t, n, path, text, other.Subject, other.Interval == t.Interval)
		case collector.ValidName(text):
			p.problem(n, path, fmt.Sprintf("no signal %s in this file", text), "write PromQL, such as sum by (…) (rate("+text+"[5m])), or "+nearest(text, names))
		default:
			_, e := p.expression(n, path)
			p.carries(n, path, e, t.Subject.Labels)
		}
	}
	for i, name := range t.Regression.Changes {
		n, path := keys["changes"], fmt.Sprintf("%s.changes[%d]", at, i)
		if n != nil && i < len(n.Content) {
			n = dealias(n.Content[i])
		}
		switch s := known[name]; {
		case slices.Contains(t.Regression.Changes[:i], name):
			p.problem(n, path, fmt.Sprintf("signal %s is named twice", name), "keep one")
		case s == nil:
			p.problem(n, path, fmt.Sprintf("no signal %s in this file", name), nearest(name, names))
		case s.Subject.Kind == "":
			s.Subject, s.user = t.Subject, t.Name
		}
	}
}

// mappingKeys returns the values of a mapping by their keys.
func mappingKeys(n *yaml.Node) map[string]*yaml.Node {
	keys := map[string]*yaml.Node{}
	if n == nil {
		return keys
	}
	if n = dealias(n); n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			keys[n.Content[i].Value] = dealias(n.Content[i+1])
		}
	}
	return keys
}
