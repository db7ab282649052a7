package features

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxProblems is how many problems of a file are reported.
const maxProblems = 100

// document walks the YAML of one file and notes what is wrong where.
type document struct {
	name     string
	lines    []string
	problems Errors
}

// field is a key of a mapping and what reads its value.
type field struct {
	name string
	read func(n *yaml.Node, path string)
}

// root parses the text; nil where that is not possible, or it is empty.
func (d *document) root(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		d.problem(nil, "", "the file is empty", "start with groups:")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		d.problem(&second, "", "a second document", "put all groups into one document, or into another file")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	if len(first.Content) != 1 {
		d.problem(&first, "", "the file is empty", "start with groups:")
		return nil
	}
	return first.Content[0]
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func (d *document) syntax(err error) {
	p := Problem{File: d.name, Line: 1, Column: 1, Message: "not YAML: " + yamlLine.ReplaceAllString(err.Error(), "")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil && m[1] != "" {
		p.Line, _ = strconv.Atoi(m[1])
	}
	for i := max(0, p.Line-2); i < min(len(d.lines), p.Line+1); i++ { // the parser may notice a line late
		if key, value, ok := strings.Cut(d.lines[i], ":"); ok && strings.HasSuffix(key, "objective") && strings.HasPrefix(strings.TrimSpace(value), ">") {
			p.Line, p.Column, p.Field = i+1, len(key)+2, "objective"
			p.Remedy = `put quotes around it: objective: "` + strings.TrimSpace(value) + `"`
		}
	}
	d.problems = append(d.problems, p)
}

// problem notes a problem at a node (nil: the start of the file).
func (d *document) problem(n *yaml.Node, path, message, remedy string) {
	line, column := 1, 1
	if n != nil {
		line, column = n.Line, n.Column
	}
	d.problemAt(line, column, path, message, remedy)
}

func (d *document) problemAt(line, column int, path, message, remedy string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{d.name, line, column, path, message, remedy})
	}
}

// mapping reads each known key of a mapping once, in the order of the file,
// and returns the values by key.
func (d *document) mapping(n *yaml.Node, path string, fields []field) map[string]*yaml.Node {
	n = dealias(n)
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "a mapping")
		return nil
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], dealias(n.Content[i+1])
		at := join(path, key.Value)
		f := slices.Index(names, key.Value)
		switch {
		case f < 0:
			d.problem(key, at, "unknown key", nearest(key.Value, names))
			continue
		case seen[key.Value] != nil:
			d.problem(key, at, fmt.Sprintf("given twice, first in line %d", seen[key.Value].Line), "keep one")
			continue
		}
		seen[key.Value] = value
		if isNull(value) {
			d.problem(value, at, "has no value", "give it one, or remove the key")
			continue
		}
		fields[f].read(value, at)
	}
	return seen
}

// pairs reads a mapping of any keys to strings.
func (d *document) pairs(n *yaml.Node, path string, read func(key *yaml.Node, value, path string)) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := join(path, key.Value)
		if seen[key.Value] {
			d.problem(key, at, "given twice", "keep one")
			continue
		}
		seen[key.Value] = true
		if text, ok := d.text(n.Content[i+1], at); ok {
			read(key, text, at)
		}
	}
}

// sequence reads each element of a sequence.
func (d *document) sequence(n *yaml.Node, path string, read func(n *yaml.Node, path string)) {
	n = dealias(n)
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, path, "a list")
		return
	}
	for i, element := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if element = dealias(element); isNull(element) {
			d.problem(element, at, "has no value", "give it one, or remove the line")
			continue
		}
		read(element, at)
	}
}

// text reads a string that is not empty; ok is false where it is not one.
func (d *document) text(n *yaml.Node, path string) (text string, ok bool) {
	n = dealias(n)
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrongType(n, path, "a string")
	case n.ShortTag() != "!!str":
		d.problem(n, path, fmt.Sprintf("want a string, have %s", kindName(n)), `put quotes around it: "`+n.Value+`"`)
	case strings.TrimSpace(n.Value) == "":
		d.problem(n, path, "is empty", "give it a value, or remove the key")
	default:
		return n.Value, true
	}
	return "", false
}

// scalar reads any scalar as it is written, quoted or not.
func (d *document) scalar(n *yaml.Node, path, want string) (text string, ok bool) {
	n = dealias(n)
	if n.Kind != yaml.ScalarNode {
		d.wrongType(n, path, want)
		return "", false
	}
	return strings.TrimSpace(n.Value), true
}

func (d *document) wrongType(n *yaml.Node, path, want string) {
	d.problem(n, path, fmt.Sprintf("want %s, have %s", want, kindName(n)), "")
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!null":
		return "nothing"
	}
	return "a string"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// dealias follows a YAML alias to what it stands for.
func dealias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
