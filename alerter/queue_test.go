package alerter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/alerter"
	"github.com/driftcast/driftcast/forecaster"
)

// TestQueueProperty holds the queue against a plain list: one entry an identity,
// the newest; oldest identity first; never more than the capacity; nothing that
// came while a batch was on its way is lost with it.
func TestQueueProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 5).Draw(t, "capacity")
		q := alerter.NewQueue(capacity)
		var model []string // "target version"
		version := 0
		push := func() {
			target := rapid.SampledFrom([]string{"A", "B", "C", "D", "E", "F", "G"}).Draw(t, "target")
			version++
			entry := fmt.Sprintf("%s %d", target, version)
			wantDropped := 0
			if i := slices.IndexFunc(model, func(e string) bool { return strings.HasPrefix(e, target+" ") }); i >= 0 {
				model[i] = entry
			} else if model = append(model, entry); len(model) > capacity {
				model, wantDropped = model[1:], 1
			}
			if got := q.Push(target, fmt.Sprint(version)); got != wantDropped {
				t.Fatalf("dropped %d, want %d", got, wantDropped)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) { push() },
			"take": func(t *rapid.T) {
				n := rapid.IntRange(1, 4).Draw(t, "n")
				want := slices.Clone(model[:min(n, len(model))])
				got := q.Take(n, func() {
					for range rapid.IntRange(0, 3).Draw(t, "meanwhile") {
						push()
					}
				})
				if !slices.Equal(got, want) {
					t.Fatalf("took %v, want %v", got, want)
				}
				model = slices.DeleteFunc(model, func(e string) bool { return slices.Contains(want, e) })
			},
			"": func(t *rapid.T) {
				if q.Len() != len(model) {
					t.Fatalf("%d wait, want %d", q.Len(), len(model))
				}
			},
		})
	})
}

// BenchmarkNotify is one step with 10,000 warnings that last.
func BenchmarkNotify(b *testing.B) {
	a, err := alerter.New(alerter.Options{Peers: []alerter.PeerConfig{{URL: "http://am"}}})
	if err != nil {
		b.Fatal(err)
	}
	var all []forecaster.Warning
	for i := range 10000 {
		all = append(all, warning(fmt.Sprintf("gpu-%d", i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Notify(b.Context(), all); err != nil {
			b.Fatal(err)
		}
	}
}
