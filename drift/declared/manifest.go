package declared

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kubeyaml "sigs.k8s.io/yaml"
)

// document is one manifest of one file, as it was written.
type document struct {
	file   string
	line   int // of its first line in the file, 1-based
	number int // in the file, 1-based
	object map[string]any
}

func (d document) gvk() schema.GroupVersionKind {
	apiVersion, _ := d.object["apiVersion"].(string)
	kind, _ := d.object["kind"].(string)
	return schema.FromAPIVersionAndKind(apiVersion, kind)
}

func (d document) metadata(key string) string {
	metadata, _ := d.object["metadata"].(map[string]any)
	text, _ := metadata[key].(string)
	return text
}

// readManifests reads the YAML or JSON documents of one file. Lists are
// flattened. Empty documents are left out. A document that cannot be read is a
// Problem and loses no other.
func readManifests(file string, text []byte) (documents []document, problems []Problem) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for _, chunk := range split(text) {
		objects, err := chunk.decode()
		if err != nil {
			problems = append(problems, chunk.explain(file, err))
			continue
		}
		for _, object := range objects {
			found, trouble := flatten(document{file: file, line: chunk.line, number: chunk.number, object: object}, chunk)
			documents, problems = append(documents, found...), append(problems, trouble...)
		}
	}
	return documents, problems
}

// chunk is the text of one document.
type chunk struct {
	text   []byte
	line   int // of its first line, 1-based
	number int
}

var marker = regexp.MustCompile(`^---(\s|$)`)

// split cuts at lines that begin with ---, as kubectl does.
func split(text []byte) (chunks []chunk) {
	current := chunk{line: 1, number: 1}
	add := func() {
		if blank(current.text) {
			return
		}
		current.number = len(chunks) + 1
		chunks = append(chunks, current)
	}
	line := 0
	for part := range bytes.SplitAfterSeq(text, []byte("\n")) {
		line++
		if marker.Match(part) {
			add()
			current = chunk{line: line + 1}
			if rest := bytes.TrimSpace(part[3:]); len(rest) > 0 && rest[0] != '#' {
				current = chunk{line: line, text: append([]byte("   "), part[3:]...)} // --- {kind: …}
			}
			continue
		}
		current.text = append(current.text, part...)
	}
	add()
	return chunks
}

// blank tells whether there is nothing but comments, directives and the end marker.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		switch line = bytes.TrimSpace(line); {
		case len(line) == 0, line[0] == '#', line[0] == '%', string(line) == "...":
		default:
			return false
		}
	}
	return true
}

// decode reads JSON where it begins like JSON, else YAML as kubectl reads it:
// YAML 1.1, duplicate keys refused, integers kept.
func (c chunk) decode() ([]map[string]any, error) {
	if trimmed := bytes.TrimSpace(c.text); trimmed[0] == '{' && json.Valid(trimmed) {
		return one(trimmed)
	} else if trimmed[0] == '{' {
		if objects, err := stream(trimmed); err == nil {
			return objects, nil
		}
	}
	text, err := kubeyaml.YAMLToJSONStrict(c.text)
	if err != nil {
		return nil, err
	}
	if string(bytes.TrimSpace(text)) == "null" {
		return nil, nil
	}
	return one(text)
}

func one(text []byte) ([]map[string]any, error) {
	var object map[string]any
	if err := utiljson.Unmarshal(text, &object); err != nil {
		return nil, errors.New("a manifest is a mapping; this is not one")
	}
	return []map[string]any{object}, nil
}

// stream reads JSON objects one after another.
func stream(text []byte) (objects []map[string]any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		object, err := one(raw)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object...)
	}
}

var (
	yamlLine = regexp.MustCompile(`(?:yaml: )?line (\d+): `)
	// The errors of yaml's parser, unlike its scanner's, count lines from 0.
	behind = regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or)`)
)

// explain finds the line of what the parser complains about.
func (c chunk) explain(file string, err error) Problem {
	message := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	message = strings.TrimPrefix(message, "yaml: ")
	line := c.line
	if m := yamlLine.FindStringSubmatchIndex(message); m != nil {
		if n, err := strconv.Atoi(message[m[2]:m[3]]); err == nil {
			if behind.MatchString(message[m[1]:]) {
				n++
			}
			line = c.line + min(n, bytes.Count(bytes.TrimRight(c.text, "\n"), []byte("\n"))+1) - 1
		}
		message = strings.TrimSpace(strings.TrimPrefix(message[:m[0]], "unmarshal errors:") + message[m[1]:])
	}
	message = yamlLine.ReplaceAllString(strings.Join(strings.Fields(message), " "), "")
	remedy := "correct it, or leave the file out with exclude"
	switch {
	case bytes.Contains(c.text, []byte("{{")):
		remedy = "it looks like a template: render it with helm template … > rendered/, or leave it out with exclude"
	case strings.Contains(message, "already set"):
		remedy = "keep one of the two"
	case strings.Contains(message, "tab"), strings.Contains(message, "cannot start any token"):
		remedy = "indent with spaces, quote what begins with @, ` or %"
	}
	return Problem{File: file, Line: line, Document: c.number, Message: message, Remedy: remedy}
}

// lineOf is the line of a field, or of its nearest parent that is there. It
// parses again, which only a document with a problem costs.
func (c chunk) lineOf(field string) int {
	var root yaml.Node
	if yaml.Unmarshal(c.text, &root) != nil || len(root.Content) == 0 {
		return c.line
	}
	node, line := root.Content[0], root.Content[0].Line
	for _, key := range strings.Split(field, ".") {
		found := false
		for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
			if node.Content[i].Value == key {
				line, node, found = node.Content[i].Line, node.Content[i+1], true
				break
			}
		}
		if !found {
			break
		}
	}
	return c.line + line - 1
}

// flatten checks what every manifest must have, and takes lists apart.
func flatten(d document, c chunk) (documents []document, problems []Problem) {
	wrong := func(field, message, remedy string) ([]document, []Problem) {
		p := Problem{File: d.file, Line: c.lineOf(field), Document: d.number, Field: field, Message: message, Remedy: remedy}
		p.Object.Kind, p.Object.Name, p.Object.Namespace = d.gvk().Kind, d.metadata("name"), d.metadata("namespace")
		p.Object.Group, p.Object.Version = d.gvk().Group, d.gvk().Version
		return nil, []Problem{p}
	}
	apiVersion, _ := d.object["apiVersion"].(string)
	kind, _ := d.object["kind"].(string)
	switch {
	case kind == "" && apiVersion == "":
		return wrong("kind", "neither apiVersion nor kind: this is no manifest", "leave the file out with exclude, or write both")
	case kind == "":
		return wrong("kind", "missing", "write the kind, such as Deployment")
	case apiVersion == "":
		return wrong("apiVersion", "missing", "write the version, such as apps/v1")
	}
	if _, err := schema.ParseGroupVersion(apiVersion); err != nil {
		return wrong("apiVersion", fmt.Sprintf("%q is no version", apiVersion), "write group/version, such as apps/v1")
	}
	if strings.HasPrefix(apiVersion, "kustomize.config.k8s.io/") {
		return wrong("kind", kind+" is for kustomize, not for the cluster", "set kustomize: auto, or leave the file out with exclude")
	}
	if items, ok := d.object["items"]; ok && strings.HasSuffix(kind, "List") {
		list, ok := items.([]any)
		if !ok {
			return wrong("items", "not a list", "write a list of manifests")
		}
		for i, item := range list {
			object, ok := item.(map[string]any)
			if !ok {
				_, p := wrong("items", fmt.Sprintf("item %d is not a mapping", i+1), "write a manifest")
				problems = append(problems, p...)
				continue
			}
			if kind != "List" { // DeploymentList: the items may leave out what the list says
				object = withType(object, apiVersion, strings.TrimSuffix(kind, "List"))
			}
			found, trouble := flatten(document{file: d.file, line: d.line, number: d.number, object: object}, c)
			documents, problems = append(documents, found...), append(problems, trouble...)
		}
		return documents, problems
	}
	if field, message, remedy := checkMetadata(d.object["metadata"]); field != "" {
		return wrong(field, message, remedy)
	}
	return []document{d}, nil
}

func withType(object map[string]any, apiVersion, kind string) map[string]any {
	out := map[string]any{"apiVersion": apiVersion, "kind": kind}
	for k, v := range object {
		out[k] = v
	}
	return out
}

// checkMetadata says which field is wrong, and how.
func checkMetadata(value any) (field, message, remedy string) {
	metadata, ok := value.(map[string]any)
	if !ok {
		return "metadata", "missing or not a mapping", "write metadata: {name: …}"
	}
	switch name, isText := metadata["name"].(string); {
	case metadata["name"] != nil && !isText:
		return "metadata.name", fmt.Sprintf("%v is not a text", metadata["name"]), "put it in quotes"
	case name == "" && metadata["generateName"] != nil:
		return "metadata.generateName", "a generated name declares no object that can be found again", "write metadata.name, or leave the file out with exclude"
	case name == "":
		return "metadata.name", "missing", "write the object's name"
	case strings.ContainsAny(name, "/ \n"):
		return "metadata.name", fmt.Sprintf("%q is no name", name), "write a name without slashes and spaces"
	}
	if namespace, isText := metadata["namespace"].(string); metadata["namespace"] != nil && (!isText || strings.ContainsAny(namespace, "/ \n")) {
		return "metadata.namespace", fmt.Sprintf("%v is no namespace", metadata["namespace"]), "write its name, in quotes if it looks like a number"
	}
	for _, key := range []string{"labels", "annotations"} {
		if metadata[key] == nil {
			continue
		}
		values, ok := metadata[key].(map[string]any)
		if !ok {
			return "metadata." + key, "not a mapping", "write key: value"
		}
		for k, v := range values {
			if _, isText := v.(string); !isText {
				return "metadata." + key + "." + k, fmt.Sprintf("%v is not a text", v), "put it in quotes"
			}
		}
	}
	return "", "", ""
}
