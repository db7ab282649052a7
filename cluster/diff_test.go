package cluster_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/cluster"
)

func TestDiffNamesFieldsByTheirKeys(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"nothing":       {`{"a":1}`, `{"a":1}`, nil},
		"a number":      {`{"spec":{"replicas":1}}`, `{"spec":{"replicas":3}}`, []string{"/spec/replicas 1 3"}},
		"an image":      {`{"containers":[{"name":"c","image":"a"},{"name":"d","image":"x"}]}`, `{"containers":[{"name":"c","image":"b"},{"name":"d","image":"x"}]}`, []string{`/containers/name=c/image "a" "b"`}},
		"an added item": {`{"env":[{"name":"A"}]}`, `{"env":[{"name":"B"},{"name":"A"}]}`, []string{`/env/name=B  {"name":"B"}`}},
		"a lost item":   {`{"env":[{"name":"A"},{"name":"B"}]}`, `{"env":[{"name":"A"}]}`, []string{`/env/name=B {"name":"B"} `}},
		"changed places": {`{"env":[{"name":"A"},{"name":"B"}]}`, `{"env":[{"name":"B"},{"name":"A"}]}`,
			[]string{`/env [{"name":"A"},{"name":"B"}] [{"name":"B"},{"name":"A"}]`}},
		"two keys": {`{"ports":[{"containerPort":80,"protocol":"TCP"}]}`, `{"ports":[{"containerPort":80,"protocol":"TCP","hostPort":80}]}`,
			[]string{`/ports/containerPort=80,protocol=TCP/hostPort  80`}},
		"a taint":        {`{"taints":[{"key":"gpu","effect":"NoSchedule"}]}`, `{"taints":[{"key":"gpu","effect":"NoSchedule"},{"key":"gpu","effect":"NoExecute"}]}`, []string{`/taints/effect=NoExecute,key=gpu  {"effect":"NoExecute","key":"gpu"}`}},
		"words":          {`{"args":["a","b"]}`, `{"args":["a"]}`, []string{`/args ["a","b"] ["a"]`}},
		"slashes":        {`{"labels":{"a/b":"1"}}`, `{"labels":{"a/b":"2"}}`, []string{`/labels/a~1b "1" "2"`}},
		"another type":   {`{"a":{"b":1}}`, `{"a":[1]}`, []string{`/a {"b":1} [1]`}},
		"null":           {`{"a":null}`, `{}`, []string{`/a null `}},
		"not HTML":       {`{"a":"<"}`, `{"a":">"}`, []string{`/a "<" ">"`}},
		"twice the name": {`{"env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}`, `{"env":[{"name":"A","value":"1"}]}`, []string{`/env [{"name":"A","value":"1"},{"name":"A","value":"2"}] [{"name":"A","value":"1"}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			edits, err := cluster.Diff([]byte(c.before), []byte(c.after))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range edits {
				got = append(got, fmt.Sprintf("%s %s %s", e.Path, e.Before, e.After))
			}
			if !cmp.Equal(got, c.want) {
				t.Error(cmp.Diff(c.want, got))
			}
		})
	}
}

// apply carries edits out. It knows a path only by what Path says.
func apply(t *rapid.T, value any, e cluster.Edit) any {
	var set any
	if e.After != nil {
		set = decode(t, e.After)
	}
	return replace(t, value, strings.Split(e.Path, "/")[1:], set, e.After == nil)
}

func replace(t *rapid.T, at any, steps []string, set any, remove bool) any {
	if len(steps) == 0 {
		return set
	}
	switch v := at.(type) {
	case map[string]any:
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[0])
		if len(steps) == 1 && remove {
			delete(v, name)
		} else {
			v[name] = replace(t, v[name], steps[1:], set, remove)
		}
		return v
	case []any:
		for i, item := range v {
			if "name="+fmt.Sprint(item.(map[string]any)["name"]) == steps[0] {
				if len(steps) == 1 && remove {
					return slices.Delete(v, i, i+1)
				}
				v[i] = replace(t, item, steps[1:], set, remove)
				return v
			}
		}
		return append(v, set)
	}
	t.Fatalf("no %s in %v", steps[0], at)
	return nil
}

func decode(t interface{ Fatal(...any) }, body []byte) any {
	value, err := cluster.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// values draws what objects are made of: keyed lists have items with a name.
func values(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny), rapid.Map(rapid.Int64Range(0, 3), toAny), rapid.Map(rapid.SampledFrom([]string{"", "a", "<b>", "~/"}), toAny))
	if depth == 0 {
		return leaf
	}
	keys := rapid.SampledFrom([]string{"a", "b/c", "~", "env", "name=a"})
	maps := rapid.MapOfN(keys, values(depth-1), 0, 3)
	items := rapid.Custom(func(t *rapid.T) any {
		var list []any
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, "names") {
			item := maps.Draw(t, "item")
			item["name"] = name
			list = append(list, any(item))
		}
		if list == nil {
			list = []any{}
		}
		return list
	})
	words := rapid.Map(rapid.SliceOfN(leaf, 0, 3), func(v []any) any { return append([]any{}, v...) })
	return rapid.OneOf(leaf, rapid.Map(maps, toAny), items, words)
}

func toAny[T any](v T) any { return v }

// order brings items of keyed lists into one order, which edits of items leave
// open.
func order(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = order(v[key])
		}
	case []any:
		for i := range v {
			v[i] = order(v[i])
		}
		if cluster.ListKeys("", v) != nil {
			slices.SortFunc(v, func(a, b any) int {
				return strings.Compare(fmt.Sprint(a.(map[string]any)["name"]), fmt.Sprint(b.(map[string]any)["name"]))
			})
		}
	}
	return value
}

func TestApplyingTheDiffGivesTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := map[string]any{"x": values(3).Draw(t, "a")}, map[string]any{"x": values(3).Draw(t, "b")}
		before, err := cluster.Canonical(a)
		if err != nil {
			t.Fatal(err)
		}
		after, err := cluster.Canonical(b)
		if err != nil {
			t.Fatal(err)
		}
		edits, err := cluster.Diff(before, after)
		if err != nil {
			t.Fatal(err)
		}
		if (len(edits) == 0) != bytes.Equal(before, after) {
			t.Fatalf("%d edits from %s to %s", len(edits), before, after)
		}
		got := decode(t, before)
		for _, e := range edits {
			got = apply(t, got, e)
		}
		if want := order(decode(t, after)); !reflect.DeepEqual(order(got), want) {
			t.Fatalf("%s and %+v\ngot  %v\nwant %v", before, edits, got, want)
		}
	})
}

func TestCanonicalIsTheSameForTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := values(3).Draw(t, "value")
		body, err := cluster.Canonical(value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := cluster.Canonical(decode(t, body))
		if err != nil || !bytes.Equal(body, again) {
			t.Fatalf("%s became %s, %v", body, again, err)
		}
		var plain any
		if err := json.Unmarshal(body, &plain); err != nil {
			t.Fatal(err)
		}
	})
}
