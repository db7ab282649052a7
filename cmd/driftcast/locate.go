package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// keyPath is how an error names a key of the configuration: drift.ignore[0].paths.
var keyPath = regexp.MustCompile(`^([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*)[:,]`)

// locate says in which line and column of the file the key is that a validation
// speaks of.
func locate(name string, text []byte, err error) error {
	var field fieldError
	if errors.As(err, &field) {
		for i, line := range strings.Split(string(text), "\n") {
			content := strings.TrimLeft(line, " -")
			if key, value, ok := strings.Cut(content, ":"); ok && key == field.key && strings.Contains(value, field.value) {
				return fmt.Errorf("%s:%d:%d: %w", name, i+1, len(line)-len(content)+1, err)
			}
		}
		return fmt.Errorf("%s:1:1: %w", name, err)
	}
	line, column := 1, 1
	var root yaml.Node
	if m := keyPath.FindStringSubmatch(err.Error()); m != nil && yaml.Unmarshal(text, &root) == nil && len(root.Content) == 1 {
		line, column = position(root.Content[0], m[1])
	}
	return fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
}

// position follows a path from a node as far as it goes.
func position(node *yaml.Node, path string) (line, column int) {
	line, column = 1, 1
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var next *yaml.Node
		switch index, err := strconv.Atoi(step); {
		case err == nil && node.Kind == yaml.SequenceNode && index < len(node.Content):
			next = node.Content[index]
			line, column = next.Line, next.Column
		case node.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == step {
					line, column = node.Content[i].Line, node.Content[i].Column
					next = node.Content[i+1]
				}
			}
		}
		if next == nil {
			break
		}
		node = next
	}
	return line, column
}
