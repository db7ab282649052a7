package collector_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// expected is History as it should be: for each node its samples by time. The first
// value of a time stands.
type expected map[string]map[int64]float64

func (m expected) put(name string, s collector.Series) (fresh int) {
	if m[name] == nil {
		m[name] = map[int64]float64{}
	}
	for i, t := range s.Times {
		if _, ok := m[name][t]; !ok {
			m[name][t] = s.Values[i]
			fresh++
		}
	}
	return fresh
}

func (m expected) between(mint, maxt int64) []collector.Series {
	var out []collector.Series
	for name, samples := range m {
		s := collector.Series{Labels: collector.Labels{node(name)}}
		for t := range samples {
			if mint <= t && t <= maxt {
				s.Times = append(s.Times, t)
			}
		}
		slices.Sort(s.Times)
		for _, t := range s.Times {
			s.Values = append(s.Values, samples[t])
		}
		if len(s.Times) > 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b collector.Series) int {
		return slices.Compare([]byte(a.Labels[0].Value), []byte(b.Labels[0].Value))
	})
	return out
}

// TestHistoryIsItsModel appends, imports and reopens in any order, at times that
// lie days apart, overlap and repeat.
func TestHistoryIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "history")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		open := func() *collector.History {
			h, err := collector.OpenHistory(collector.HistoryOptions{Path: dir})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		h, want := open(), expected{}
		defer func() { _ = h.Close() }()
		newest := int64(0)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node")
			start := epoch.Add(time.Duration(rapid.IntRange(-3000, 3000).Draw(t, "minute")) * time.Minute)
			n := rapid.SampledFrom([]int{1, 10, 130, 2000}).Draw(t, "n")
			s := ramp(start, time.Minute, n, node(name))
			for i, at := range s.Times {
				s.Values[i] = float64(at % 9973)
			}
			switch rapid.SampledFrom([]string{"append", "append", "import", "reopen"}).Draw(t, "step") {
			case "append":
				if rapid.Bool().Draw(t, "contradicting") {
					for i, at := range s.Times {
						if _, ok := want[name][at]; ok {
							s.Values[i] = -1 // must not be taken
						}
					}
				}
				got, err := h.Append(t.Context(), "power", []collector.Series{s})
				if fresh := want.put(name, s); err != nil || got != fresh {
					t.Fatalf("appended %d (%v), want %d", got, err, fresh)
				}
			case "import":
				b, err := h.Bulk()
				if err != nil {
					t.Fatal(err)
				}
				if err = b.Append(t.Context(), "power", []collector.Series{s}); err == nil {
					_, err = b.Commit(t.Context())
				}
				if err = errors.Join(err, b.Close()); err != nil {
					t.Fatal(err)
				}
				want.put(name, s)
			case "reopen":
				if err := h.Close(); err != nil {
					t.Fatal(err)
				}
				h = open()
				continue
			}
			newest = max(newest, s.Times[n-1])
		}
		from := epoch.Add(time.Duration(rapid.IntRange(-4000, 4000).Draw(t, "from")) * time.Minute)
		w := collector.Window{Start: from, End: from.Add(time.Duration(rapid.IntRange(0, 6000).Draw(t, "length")) * time.Minute)}
		for _, w := range []collector.Window{ever, w} {
			got, err := h.Select(t.Context(), "power", w)
			if diff := cmp.Diff(want.between(w.Start.UnixMilli(), w.End.UnixMilli()), got); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
		}
		if last, ok, err := h.Last(t.Context(), "power"); err != nil || ok != (newest > 0) || (ok && last.UnixMilli() != newest) {
			t.Fatalf("last is %v %v %v, want %d", last, ok, err, newest)
		}
	})
}

// TestMemoryAnswersAsHistory asks both the same PromQL.
func TestMemoryAnswersAsHistory(t *testing.T) {
	h, m := openHistory(t, collector.HistoryOptions{}), collector.NewMemory(0)
	for i := range 5 {
		s := ramp(epoch, time.Minute, 300, node(fmt.Sprint(i)))
		for k := range s.Values {
			s.Values[k] = float64((k*k*(i+1) + i) % 101)
		}
		if _, err := h.Append(t.Context(), "power", []collector.Series{s}); err != nil {
			t.Fatal(err)
		}
		if err := m.Add("power", s); err != nil {
			t.Fatal(err)
		}
	}
	w := collector.Window{Start: epoch.Add(-10 * time.Minute), End: epoch.Add(6 * time.Hour), Step: 7 * time.Minute}
	for _, expr := range []string{
		"power", "power > bool 50", `power{node=~"[12]"}`, "avg by (node) (avg_over_time(power[1h]))", "topk(2, power)",
		"max_over_time(power[30m]) - power offset 10m", "quantile_over_time(0.9, power[20m:3m])", `{__name__="power",node!="3"}`,
		"absent(power)", "avg_over_time(power[20m:])", "1 + 1", "time()", "sum(rate(power[10m]))",
	} {
		t.Run(expr, func(t *testing.T) {
			want, err := h.QueryRange(t.Context(), expr, w)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.QueryRange(t.Context(), expr, w)
			if diff := cmp.Diff(want, got); err != nil || diff != "" || len(got.Series) == 0 {
				t.Error(err, len(got.Series), diff)
			}
			want, err1 := h.Query(t.Context(), expr, epoch.Add(time.Hour))
			got, err2 := m.Query(t.Context(), expr, epoch.Add(time.Hour))
			if diff := cmp.Diff(want, got); err1 != nil || err2 != nil || diff != "" {
				t.Error(err1, err2, diff)
			}
		})
	}
	for _, expr := range []string{"power +", "sum(", "nonsense(power)", `"text"`} {
		if _, err := h.Query(t.Context(), expr, epoch); err == nil {
			t.Errorf("%s was answered", expr)
		}
		if _, err := m.Query(t.Context(), expr, epoch); err == nil {
			t.Errorf("%s was answered from memory", expr)
		}
	}
}
