package main

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/corrector"
)

var updateChart = flag.Bool("update", false, "write the chart's schema anew")

// leaf is a type that says no more than its name: it stands on one line.
var leaf = regexp.MustCompile(`\{\s*("type": "\w+")\s*\}`)

// TestChartSchema holds what the Helm chart's schema says of driftcast.yml to
// the configuration itself, so that a wrong key is refused before anything is
// installed; -update writes it.
func TestChartSchema(t *testing.T) {
	const file, begin = "../../deploy/helm/driftcast/values.schema.json", "    \"config\": {"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(string(text), begin)
	if at < 0 {
		t.Fatalf("%s has no definition of config", file)
	}
	schema, err := json.MarshalIndent(schemaOf(reflect.TypeFor[config]()), "    ", "  ")
	if err != nil {
		t.Fatal(err)
	}
	schema = leaf.ReplaceAll(schema, []byte("{$1}"))
	want := string(text)[:at] + "    \"config\": " + string(schema) + "\n  }\n}\n"
	if *updateChart {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what driftcast.yml takes: go test ./cmd/driftcast -run TestChartSchema -update", file)
	}
}

// schemaOf is the JSON Schema of what a type is read from. Secrets are left out:
// what Helm renders becomes a ConfigMap, where they do not belong.
func schemaOf(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[model.Duration](), reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^(0|([0-9]+(y|w|d|h|m|s|ms))+)$`}
	case reflect.TypeFor[corrector.Mode]():
		return map[string]any{"enum": []corrector.Mode{corrector.Observe, corrector.Recommend, corrector.Approve, corrector.Auto}}
	case reflect.TypeFor[promconfig.URL](), reflect.TypeFor[promconfig.TLSVersion]():
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Struct:
		properties := map[string]any{}
		object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		addFields(t, properties, object)
		return object
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Uint, reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	default:
		return map[string]any{"type": "integer"}
	}
}

// addFields adds the fields of a struct, those that are inlined included.
func addFields(t reflect.Type, properties, object map[string]any) {
	for f := range fields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-" || secret(f.Type):
		case slices.Contains(strings.Split(options, ","), "inline") && f.Type.Kind() == reflect.Map:
			object["additionalProperties"] = schemaOf(f.Type.Elem())
		case slices.Contains(strings.Split(options, ","), "inline"):
			addFields(f.Type, properties, object)
		case name == "":
			properties[strings.ToLower(f.Name)] = schemaOf(f.Type)
		default:
			properties[name] = schemaOf(f.Type)
		}
	}
}

func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// secret says whether a value of the type is, or holds nothing but, a secret.
func secret(t reflect.Type) bool {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t == reflect.TypeFor[promconfig.Secret]()
}
