package features

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/collector"
)

// parsedTarget is a target with the nodes that later checks point to.
type parsedTarget struct {
	*Target
	node *yaml.Node
	path string
	keys map[string]*yaml.Node
}

const month = 31 * 24 * time.Hour

func (p *fileParser) target(n *yaml.Node, path string, t *Target) {
	t.Units = map[string]string{}
	keys := p.mapping(n, path, []field{
		{"target", func(n *yaml.Node, path string) { t.Name = p.identifier(n, path) }},
		{"subject", func(n *yaml.Node, path string) { t.Subject = p.subject(n, path) }},
		{"level", func(n *yaml.Node, path string) { t.Level, _ = p.text(n, path) }},
		{"event", func(n *yaml.Node, path string) { t.Event, _ = p.text(n, path) }},
		{"alert", func(n *yaml.Node, path string) { t.Alert = p.identifier(n, path) }},
		{"unit", func(n *yaml.Node, path string) { t.Units[""], _ = p.text(n, path) }},
		{"objective", func(n *yaml.Node, path string) { t.Objective = p.objective(n, path) }},
		{"for", func(n *yaml.Node, path string) { t.For, _ = p.duration(n, path, 0, month) }},
		{"horizons", func(n *yaml.Node, path string) { p.horizons(n, path, t) }},
		{"scale", func(n *yaml.Node, path string) {
			t.Scale = Scale(p.oneOf(n, path, []string{string(ScaleRaw), string(ScaleLog), string(ScaleLogit), string(ScaleCount)}))
		}},
		{"season", func(n *yaml.Node, path string) {
			if d, ok := p.duration(n, path, 2*t.Interval, 366*24*time.Hour); ok {
				t.Season = int(d / t.Interval)
			}
		}},
		{"signals", func(n *yaml.Node, path string) {
			p.sequence(n, path, func(n *yaml.Node, path string) {
				if name, ok := p.text(n, path); ok {
					t.Signals = append(t.Signals, name)
				}
			})
		}},
		{"maintenance", func(n *yaml.Node, path string) { t.Maintenance, _ = p.text(n, path) }},
		{"regression", func(n *yaml.Node, path string) { t.Regression = p.regression(n, path) }},
		{"drift", func(n *yaml.Node, path string) { t.Drift = p.drift(n, path) }},
		{"warn", func(n *yaml.Node, path string) { p.warn(n, path, &t.Warn) }},
		{"unless", func(n *yaml.Node, path string) { t.Unless, _ = p.text(n, path) }},
		{"correction", func(n *yaml.Node, path string) { t.Correction, _ = p.text(n, path) }},
		{"labels", func(n *yaml.Node, path string) { t.Labels = p.labelled(n, path) }},
		{"annotations", func(n *yaml.Node, path string) { t.Annotations = p.labelled(n, path) }},
	})
	if keys == nil {
		return
	}
	if unit := t.Units[""]; unit != "" {
		t.Units[t.Name] = unit
	}
	delete(t.Units, "")
	found := parsedTarget{Target: t, node: n, path: path, keys: keys}
	p.complete(found)
	p.expressions(found)
	p.targets = append(p.targets, found)
}

// complete checks which keys are there together, and fills defaults.
func (p *fileParser) complete(t parsedTarget) {
	if t.keys["target"] == nil {
		p.problem(t.node, join(t.path, "target"), "missing", "name the target, in CamelCase as alerts are")
	}
	var kinds []string
	for _, key := range []string{"level", "event", "alert"} {
		if t.keys[key] != nil {
			kinds = append(kinds, key)
		}
	}
	switch {
	case len(kinds) == 0:
		p.problem(t.node, t.path, "forecasts nothing", "give it a level, an event or an alert")
	case len(kinds) > 1:
		p.problem(t.keys[kinds[1]], join(t.path, kinds[1]), "a target is either a level, an event or an alert, and this one has "+strings.Join(kinds, " and "),
			"keep one, make the others targets of their own")
	case kinds[0] != "level":
		for _, key := range []string{"objective", "scale", "season", "regression", "drift"} {
			if t.keys[key] != nil {
				p.problem(t.keys[key], join(t.path, key), "is for levels, and this is an "+kinds[0], "remove it")
			}
		}
	}
	if t.keys["subject"] == nil {
		if t.Alert == "" {
			p.problem(t.node, join(t.path, "subject"), "missing", "say whose it is, such as subject: {kind: node, labels: [node]}")
		}
		t.Subject = collector.SubjectSpec{Kind: "workload", Labels: []string{"namespace", "pod"}}
	}
	if t.keys["horizons"] == nil {
		for _, h := range []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
			if h >= t.Interval {
				t.Horizons = append(t.Horizons, h)
			}
		}
	}
	if n := t.keys["warn"]; n != nil && len(t.Horizons) > 0 && !t.Warn.Heeds(t.Horizons[0]) {
		p.problem(n, join(t.path, "warn"), fmt.Sprintf("no horizon is within %s", t.Warn.Within), "raise within to the shortest of them, or remove it")
	}
}

// expressions checks the target's PromQL against its subject.
func (p *fileParser) expressions(t parsedTarget) {
	if n := t.keys["level"]; n != nil && t.Level != "" {
		at := join(t.path, "level")
		_, e := p.expression(n, at)
		p.carries(n, at, e, t.Subject.Labels)
		if counter := rawCounter(e); counter != "" {
			p.problem(n, at, counter+" is a counter: its level only ever rises", "use rate("+counter+"[5m]) or increase()")
		}
	}
	for key, text := range map[string]string{"event": t.Event, "maintenance": t.Maintenance} {
		n, at := t.keys[key], join(t.path, key)
		if n == nil || text == "" {
			continue
		}
		_, e := p.expression(n, at)
		if e == nil {
			continue
		}
		if _, err := Predicate(text, t.Subject.Labels); err != nil {
			p.problem(n, at, err.Error(), "compare a value, such as … > 0 or … == 0")
			continue
		}
		if key == "event" {
			p.carries(n, at, e, t.Subject.Labels)
		}
	}
}

func (p *fileParser) horizons(n *yaml.Node, path string, t *Target) {
	count := len(p.problems)
	p.sequence(n, path, func(n *yaml.Node, path string) {
		h, ok := p.duration(n, path, time.Second, 366*24*time.Hour)
		switch {
		case !ok:
			return
		case h < t.Interval:
			p.problem(n, path, fmt.Sprintf("%s is shorter than the group's interval %s", n.Value, t.Interval), "lengthen it, or shorten the interval")
		case len(t.Horizons) > 0 && h <= t.Horizons[len(t.Horizons)-1]:
			p.problem(n, path, "horizons are not ascending", "put the shortest first, each once")
		}
		t.Horizons = append(t.Horizons, h)
	})
	if len(t.Horizons) == 0 && len(p.problems) == count {
		p.problem(n, path, "is empty", "give at least one, such as [1h, 6h], or remove the key")
	}
}

func (p *fileParser) warn(n *yaml.Node, path string, w *Warn) {
	p.mapping(n, path, []field{
		{"risk", func(n *yaml.Node, path string) {
			risk, ok := p.number(n, path)
			if ok && !(risk > 0 && risk <= 1) {
				p.problem(n, path, fmt.Sprintf("%s is not a probability above 0 and up to 1", n.Value), "")
				return
			}
			w.Risk = risk
		}},
		{"budget", func(n *yaml.Node, path string) { w.Budget = p.budget(n, path) }},
		{"within", func(n *yaml.Node, path string) { w.Within, _ = p.duration(n, path, time.Second, 366*24*time.Hour) }},
	})
}

func (p *fileParser) labelled(n *yaml.Node, path string) map[string]string {
	labels := map[string]string{}
	p.pairs(n, path, func(key *yaml.Node, value, path string) {
		if !labelName.MatchString(key.Value) || slices.Contains([]string{"alertname", "__name__"}, key.Value) {
			p.problem(key, path, fmt.Sprintf("%q cannot be set here", key.Value), "use letters, digits and _; alertname is the target's own")
			return
		}
		labels[key.Value] = value
	})
	return labels
}
