package actuators_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/corrector/actuators"
)

// tree draws a spec: maps, keyed lists, plain lists, texts and numbers. Its
// environment variables have the value s3cret-….
func tree(t *rapid.T, depth int) map[string]any {
	fields := map[string]any{}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b/c", "d~e", "replicas"}), 0, 3, rapid.ID).Draw(t, "keys") {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			fields[key] = rapid.SampledFrom([]string{"x", "y", ""}).Draw(t, "text")
		case 1:
			fields[key] = float64(rapid.IntRange(0, 3).Draw(t, "number"))
		case 2:
			fields[key] = []any{rapid.SampledFrom([]string{"x", "y"}).Draw(t, "item")}
		case 3:
			if inner := tree(t, depth-1); depth > 0 && len(inner) > 0 {
				fields[key] = inner
			}
		}
	}
	if depth > 0 && rapid.Bool().Draw(t, "containers") {
		list := []any{}
		for _, name := range []string{"c1", "c2"} { // in this order, where both are there
			if rapid.Bool().Draw(t, name) {
				one := tree(t, depth-1)
				one["name"] = name
				if rapid.Bool().Draw(t, "env") {
					one["env"] = []any{map[string]any{"name": "TOKEN", "value": "s3cret-" + rapid.SampledFrom([]string{"1", "2"}).Draw(t, "secret")}}
				}
				list = append(list, one)
			}
		}
		if len(list) > 0 {
			fields["containers"] = list
		}
	}
	return fields
}

func clone(o map[string]any) map[string]any {
	text, _ := json.Marshal(o)
	var c map[string]any
	_ = json.Unmarshal(text, &c)
	return c
}

// TestFields: a merge patch makes what it was made for; fields tell apart what
// differs and never tell a secret; putting them back restores what was.
func TestFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := map[string]any{"spec": tree(t, 2)}, map[string]any{"spec": tree(t, 2)}
		text, err := json.Marshal(actuators.MergePatch(from, to))
		if err != nil {
			t.Fatal(err)
		}
		var patch map[string]any
		_ = json.Unmarshal(text, &patch)
		if got := merged(clone(from), patch); !reflect.DeepEqual(clone(got.(map[string]any)), clone(to)) {
			t.Fatalf("from %v to %v: patch %s makes %v", from, to, text, got)
		}
		fields := actuators.Differences(from, to)
		if same := reflect.DeepEqual(from, to); same != (len(fields) == 0) {
			t.Fatalf("from %v to %v: %s", from, to, actuators.Lines(fields))
		}
		if kept, _ := json.Marshal(fields); strings.Contains(string(kept)+actuators.Lines(fields), "s3cret") {
			t.Fatalf("a secret: %s", kept)
		}
		back := clone(to)
		if err := actuators.PutBack(back, fields); err != nil {
			if !strings.Contains(err.Error(), "environment variables") {
				t.Fatal(err)
			}
			return
		}
		if left := actuators.Differences(from, back); len(left) != 0 {
			t.Fatalf("from %v to %v and back: %s", from, to, actuators.Lines(left))
		}
	})
}

// FuzzTemplate: a template is filled or refused, and what is filled in never
// becomes structure.
func FuzzTemplate(f *testing.F) {
	f.Add("{apiVersion: v1, kind: ConfigMap, data: {a: '{{.Subject}}'}}", "gpu-17")
	f.Add("apiVersion: batch/v1\nkind: Job\nspec: {args: ['{{.Name}}']}", "x\", evil: \"y")
	f.Add("{{", "\n---\nkind: Secret")
	f.Fuzz(func(t *testing.T, text, name string) {
		on := act("c1", name)
		on.Params = map[string]string{"template": text}
		o, err := actuators.Fill(on, actuators.NodeAt(name))
		if err != nil {
			return
		}
		if o.GetKind() == "" || o.GetName() == "" {
			t.Errorf("%v", o)
		}
		on.Subject.Name = "plain"
		other, err := actuators.Fill(on, actuators.NodeAt("plain"))
		if err != nil { // a template may look at what it is given
			return
		}
		if got, want := shape(o.Object), shape(other.Object); got != want {
			t.Errorf("%q filled in makes %s of %s", name, got, want)
		}
	})
}

// shape is an object's structure without its texts.
func shape(value any) string {
	switch v := value.(type) {
	case map[string]any:
		text := "{"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			text += key + ":" + shape(v[key]) + ","
		}
		return text + "}"
	case []any:
		text := "["
		for _, inner := range v {
			text += shape(inner) + ","
		}
		return text + "]"
	}
	return fmt.Sprintf("%T", value)
}

func BenchmarkDifferences(b *testing.B) {
	containers := func(image string) []any {
		var all []any
		for i := range 8 {
			all = append(all, map[string]any{"name": string(rune('a' + i)), "image": image, "env": []any{map[string]any{"name": "A", "value": "b"}},
				"resources": map[string]any{"limits": map[string]any{"cpu": "1", "nvidia.com/gpu": "8"}}})
		}
		return all
	}
	from := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers("v1")}}}}
	to := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers("v2")}}}}
	b.ReportAllocs()
	for b.Loop() {
		if len(actuators.Differences(from, to)) != 8 {
			b.Fatal("want 8")
		}
	}
}
