package features

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/collector"
)

// resolve joins targets to the signals they name, gives named signals their
// subjects, and checks that every series is asked for in one way only.
func (p *fileParser) resolve() {
	known := map[string]*namedSignal{}
	for i := range p.named {
		if s := &p.named[i]; s.Name != "" && known[s.Name] == nil {
			known[s.Name] = s
		}
	}
	own := map[string]*Target{}
	for _, t := range p.targets {
		own[t.Name] = t.Target
	}
	for _, t := range p.targets {
		for i, name := range t.Signals {
			at := fmt.Sprintf("%s.signals[%d]", t.path, i)
			n := t.keys["signals"]
			if i < len(n.Content) {
				n = dealias(n.Content[i])
			}
			switch s, other := known[name], own[name]; {
			case slices.Contains(t.Signals[:i], name):
				p.problem(n, at, fmt.Sprintf("signal %s is named twice", name), "keep one")
			case name == t.Name:
				p.problem(n, at, "a target is no covariate of itself", "remove it: its own past is always used")
			case s != nil:
				p.use(t, s, n, at)
			case other != nil:
				p.fits(t, n, at, name, other.Subject, other.Interval == t.Interval)
				t.Units[name] = other.Units[name]
			default:
				names := slices.Sorted(maps.Keys(known))
				p.problem(n, at, fmt.Sprintf("no signal %s in this file", name), nearest(name, names))
			}
		}
	}
	for _, t := range p.targets {
		p.shifts(t, known, own)
	}
	for _, s := range p.named {
		p.file.signals = append(p.file.signals, s.Signal)
		if s.Subject.Kind == "" {
			continue // nobody uses it
		}
		p.part(s.Signal, false, s.node, s.path)
		if s.expr != nil && s.Expr != "" {
			if e, err := collector.ParseExpr(s.Expr); err == nil {
				p.carries(s.expr, join(s.path, "expr"), e, s.Subject.Labels)
			}
		}
	}
	for _, t := range p.targets {
		p.file.targets = append(p.file.targets, t.Target)
		if s, err := t.Signal(); err == nil { // else noted already
			p.part(s, true, t.node, t.path)
		}
		if s, ok, err := t.MaintenanceSignal(); ok && err == nil {
			p.part(s, true, t.node, t.path)
		}
		for _, s := range t.ShiftSignals() {
			p.part(s, true, t.node, t.path)
		}
	}
	p.problems = append(p.problems, conflicts([]*File{p.file})...)
}

// use makes a named signal a covariate of a target.
func (p *fileParser) use(t parsedTarget, s *namedSignal, n *yaml.Node, at string) {
	switch {
	case s.Subject.Kind == "":
		s.Subject, s.user = t.Subject, t.Name
	case s.user != "" && !same(s.Subject, t.Subject):
		p.problem(n, at, fmt.Sprintf("signal %s has no subject of its own, and the targets %s and %s that use it are about different subjects", s.Name, s.user, t.Name),
			"give the signal a subject")
		return
	}
	p.fits(t, n, at, s.Name, s.Subject, s.Interval == t.Interval)
	t.Units[s.Name] = s.Unit
}

// fits checks that a covariate can be joined to a target's subjects.
func (p *fileParser) fits(t parsedTarget, n *yaml.Node, at, name string, subject collector.SubjectSpec, interval bool) {
	if !interval {
		p.problem(n, at, fmt.Sprintf("signal %s is in a group of another interval", name), "define it in this group too, under another name")
	}
	for _, label := range subject.Labels {
		if !slices.Contains(t.Subject.Labels, label) {
			p.problem(n, at, fmt.Sprintf("signal %s has the label %s, which the target's subject has not", name, label),
				fmt.Sprintf("aggregate it by (%s), or rename the label with label_replace()", strings.Join(t.Subject.Labels, ", ")))
		}
	}
}

func (p *fileParser) part(s collector.Signal, target bool, n *yaml.Node, path string) {
	if s.Name != "" {
		p.file.parts = append(p.file.parts, part{s, target, n.Line, n.Column, path})
	}
}

// ParseFiles reads target files, given by name, and checks them together: a
// target is named once, and a signal that several files name is the same in
// all. All that is wrong in any of them is returned at once, as Errors.
func ParseFiles(texts map[string][]byte) ([]*File, error) {
	var files []*File
	var problems Errors
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		f, err := ParseFile(name, texts[name])
		var found Errors
		if errors.As(err, &found) {
			problems = append(problems, found...)
			continue
		}
		files = append(files, f)
	}
	if len(problems) == 0 {
		problems = conflicts(files)
	}
	if err := problems.orNil(); err != nil {
		return nil, err
	}
	return files, nil
}

// Collect returns everything that is to be collected for the files, which
// ParseFiles has checked together: the targets' own signals, their maintenance
// predicates and the named signals, each once.
func Collect(files []*File) []collector.Signal {
	var signals []collector.Signal
	seen := map[string]bool{}
	for _, f := range files {
		for _, part := range f.parts {
			if !seen[part.signal.Name] {
				seen[part.signal.Name] = true
				signals = append(signals, part.signal)
			}
		}
	}
	return signals
}

// conflicts returns a problem for each series that is asked for in two ways.
func conflicts(files []*File) Errors {
	var problems Errors
	first := map[string]part{}
	in := map[string]string{}
	for _, f := range files {
		for _, s := range f.parts {
			name := s.signal.Name
			other, there := first[name]
			if !there {
				first[name], in[name] = s, f.Name
				continue
			}
			where := fmt.Sprintf("%s:%d", in[name], other.line)
			note := func(message, remedy string) {
				problems = append(problems, Problem{f.Name, s.line, s.column, s.path, message, remedy})
			}
			switch {
			case s.target || other.target:
				note(fmt.Sprintf("%s is the name of another target or signal (%s)", name, where), "names are unique over all files: give it another")
			case s.signal.Expr != other.signal.Expr, s.signal.Interval != other.signal.Interval, !same(s.signal.Subject, other.signal.Subject):
				note(fmt.Sprintf("signal %s is defined differently in %s", name, where), "make the two the same, or give one another name")
			}
		}
	}
	return problems
}

func same(a, b collector.SubjectSpec) bool {
	return a.Kind == b.Kind && slices.Equal(a.Labels, b.Labels)
}
