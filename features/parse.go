package features

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/collector"
)

// File is what one target file says.
type File struct {
	Name    string
	groups  []string
	targets []*Target
	signals []collector.Signal
	parts   []part
}

// part is one series that the file asks for, and where it does.
type part struct {
	signal       collector.Signal
	target       bool // a target's own signal, not a named one
	line, column int
	path         string
}

// Targets returns the file's targets in the order of the file.
func (f *File) Targets() []*Target { return f.targets }

// Signals returns the file's named signals in the order of the file. One that
// names no subject has that of the targets that use it; one that no target
// uses either has none and is not collected.
func (f *File) Signals() []collector.Signal { return f.signals }

// ParseFile reads a target file, strictly: an unknown key, a wrong type or a
// PromQL expression that cannot work is an error. All that is wrong is
// returned at once, as Errors. Name is for messages only.
func ParseFile(name string, text []byte) (*File, error) {
	p := fileParser{
		document: document{name: name, lines: strings.Split(string(text), "\n")},
		file:     &File{Name: name},
	}
	root := p.root(text)
	if root == nil {
		return nil, p.problems.orNil()
	}
	keys := p.mapping(root, "", []field{{"groups", func(n *yaml.Node, path string) { p.sequence(n, path, p.group) }}})
	if keys != nil && keys["groups"] == nil {
		p.problem(root, "groups", "missing", "start with groups:")
	}
	p.resolve()
	if err := p.problems.orNil(); err != nil {
		return nil, err
	}
	return p.file, nil
}

// fileParser reads one file.
type fileParser struct {
	document
	file    *File
	named   []namedSignal
	targets []parsedTarget
}

// namedSignal is a signal of a group with the node that it stands at.
type namedSignal struct {
	collector.Signal
	node *yaml.Node
	path string
	expr *yaml.Node
	user string // the target that gave it its subject
}

func (p *fileParser) group(n *yaml.Node, path string) {
	name, interval := "", time.Minute
	var signals, targets *yaml.Node
	keys := p.mapping(n, path, []field{
		{"name", func(n *yaml.Node, path string) {
			if name, _ = p.text(n, path); slices.Contains(p.file.groups, name) {
				p.problem(n, path, fmt.Sprintf("group %s is there already", name), "give it a name of its own")
			}
		}},
		{"interval", func(n *yaml.Node, path string) {
			if d, ok := p.duration(n, path, time.Second, 24*time.Hour); ok {
				interval = d
			}
		}},
		{"signals", func(n *yaml.Node, _ string) { signals = n }},
		{"targets", func(n *yaml.Node, _ string) { targets = n }},
	})
	if keys == nil {
		return
	}
	if keys["name"] == nil {
		p.problem(n, join(path, "name"), "missing", "name the group")
	}
	p.file.groups = append(p.file.groups, name)
	if signals != nil {
		p.sequence(signals, join(path, "signals"), func(n *yaml.Node, path string) {
			p.signal(n, path, collector.Signal{Group: name, Interval: interval})
		})
	}
	if targets != nil {
		p.sequence(targets, join(path, "targets"), func(n *yaml.Node, path string) {
			p.target(n, path, &Target{Group: name, Interval: interval, Scale: ScaleRaw})
		})
	}
}

func (p *fileParser) signal(n *yaml.Node, path string, s collector.Signal) {
	found := namedSignal{node: n, path: path}
	keys := p.mapping(n, path, []field{
		{"signal", func(n *yaml.Node, path string) { s.Name = p.identifier(n, path) }},
		{"expr", func(n *yaml.Node, path string) {
			s.Expr, _ = p.expression(n, path)
			found.expr = n
		}},
		{"unit", func(n *yaml.Node, path string) { s.Unit, _ = p.text(n, path) }},
		{"help", func(n *yaml.Node, path string) { s.Help, _ = p.text(n, path) }},
		{"subject", func(n *yaml.Node, path string) { s.Subject = p.subject(n, path) }},
	})
	if keys == nil {
		return
	}
	for _, key := range []string{"signal", "expr"} {
		if keys[key] == nil {
			p.problem(n, join(path, key), "missing", "a signal is a name and an expr")
		}
	}
	found.Signal = s
	p.named = append(p.named, found)
}
