package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"
)

func (a *app) checkOutput() error {
	switch a.output {
	case "table", "json", "yaml":
		return nil
	}
	return fmt.Errorf("--output %q: want table, json or yaml", a.output)
}

// print writes value as JSON or YAML, or calls draw for a table. Value's JSON
// form is its YAML form too.
func (a *app) print(value any, draw func(*table)) error {
	if a.output == "table" {
		t := &table{w: tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)}
		draw(t)
		return t.w.Flush()
	}
	text, err := json.MarshalIndent(plain(reflect.ValueOf(value)), "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", a.output, err)
	}
	if a.output == "json" {
		_, err = fmt.Fprintf(a.out, "%s\n", text)
		return err
	}
	var generic yaml.Node
	if err := yaml.Unmarshal(text, &generic); err != nil {
		return fmt.Errorf("write yaml: %w", err)
	}
	block(&generic)
	encoder := yaml.NewEncoder(a.out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&generic); err != nil {
		return fmt.Errorf("write yaml: %w", err)
	}
	return encoder.Close()
}

// plain turns a value into what JSON can say: NaN and infinities become null,
// durations Prometheus', errors their text. Fields go by their JSON names, or
// their own in lower camel case.
func plain(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return span(x)
	case error:
		return x.Error()
	case json.Marshaler:
		return x
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
	case reflect.Pointer, reflect.Interface:
		return plain(v.Elem())
	case reflect.Slice, reflect.Array:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i))
		}
		return list
	case reflect.Map:
		object := map[string]any{}
		for _, key := range v.MapKeys() {
			object[fmt.Sprint(key.Interface())] = plain(v.MapIndex(key))
		}
		return object
	case reflect.Struct:
		object := map[string]any{}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "-" || (options == "omitempty" && v.Field(i).IsZero()) {
				continue
			}
			if inner, ok := plain(v.Field(i)).(map[string]any); ok && field.Anonymous && name == "" {
				maps.Copy(object, inner)
				continue
			}
			if name == "" {
				name = strings.ToLower(field.Name[:1]) + field.Name[1:]
			}
			object[name] = plain(v.Field(i))
		}
		return object
	}
	return v.Interface()
}

// block turns the flow style that JSON parses into the block style people read.
func block(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, child := range n.Content {
		block(child)
	}
}

// table prints aligned columns.
type table struct{ w *tabwriter.Writer }

func (t *table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

// number is a float64 whose NaN and infinities are null in JSON.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// String prints four significant digits, "-" for NaN.
func (n number) String() string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return strconv.FormatFloat(float64(n), 'g', 4, 64)
}

// span prints a duration as Prometheus does: 15m, 6h, 7d.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return d.String()
}

// parseTime reads RFC 3339 or Unix seconds.
func parseTime(flag, text string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--%s %q: want RFC 3339 (2026-11-23T05:00:00Z) or Unix seconds", flag, text)
	}
	return t.UTC(), nil
}
