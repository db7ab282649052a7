package features_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// TestFleetColumnsAreTheirDefinition compares with sums over the onsets of the
// other subjects, where no sample is missing.
func TestFleetColumnsAreTheirDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		target := eventTarget()
		target.Interval, target.For = time.Hour, 0
		names := []string{"a:1", "a:2", "b:1", "b:2", "c"}
		p := &features.Panel{Start: monday, Interval: time.Hour, Len: 60, Signals: []string{target.Name}}
		for _, name := range names {
			p.Subjects = append(p.Subjects, collector.Subject{Kind: "node", Name: name})
			p.Values = append(p.Values, rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 0, 1}), p.Len, p.Len).Draw(rt, name))
		}
		f := extract(t, p, target, features.Options{Origins: []int{13, 20, 59}})
		rate := column(t, f, "NodeNotReady_rate")
		class := column(t, f, "NodeNotReady_class_decayed_24h")
		fleet := column(t, f, "NodeNotReady_fleet_decayed_24h")
		for r, row := range f.Rows {
			own, peers, all := 0.0, 0.0, 0.0
			var counts [3]float64 // own, class, fleet
			seen := [3]float64{1, 0, 0}
			for s, name := range names {
				decayed, onsets := 0.0, 0.0
				for _, i := range features.Onsets(p.Series(0, s)[:row.Origin+1], 0) {
					decayed += math.Exp2(-float64(row.Origin-i) / 24)
					onsets++
				}
				all, counts[2], seen[2] = all+decayed, counts[2]+onsets, seen[2]+1
				if name[0] == names[row.Subject][0] {
					peers, counts[1], seen[1] = peers+decayed, counts[1]+onsets, seen[1]+1
				}
				if s == row.Subject {
					own, counts[0] = decayed, onsets
				}
			}
			for k := range seen {
				seen[k] *= float64(row.Origin + 1)
			}
			ofAll := (counts[2] + 0.5) / (seen[2] + 1)
			ofClass := (counts[1] + 3) / (seen[1] + 3/ofAll)
			want := 168 * (counts[0] + 1) / (seen[0] + 1/ofClass)
			others := max(1, float64(map[byte]int{'a': 2, 'b': 2, 'c': 1}[names[row.Subject][0]]-1))
			if !near(rate[r], want) || !near(class[r], (peers-own)/others) || !near(fleet[r], (all-own)/4) {
				rt.Fatalf("%s at %d: rate %v class %v fleet %v, want %v %v %v", names[row.Subject], row.Origin,
					rate[r], class[r], fleet[r], want, (peers-own)/others, (all-own)/4)
			}
		}
	})
}

// TestFleetKnowsOnsetsOnceTheyHold wants the onset at another subject to count
// when it has held for the target's For, and not before.
func TestFleetKnowsOnsetsOnceTheyHold(t *testing.T) {
	target := eventTarget()
	target.For = 3 * time.Minute
	p := drawPanel(1, target, 2, 12)
	p.Values = [][]float64{series("000000000000"), series("000011111000")}
	f := extract(t, p, target, features.Options{Origins: indices(p.Len)})
	decayed := column(t, f, "NodeNotReady_fleet_decayed_1h")
	for r, row := range f.Rows {
		if row.Subject == 0 && (decayed[r] > 0) != (row.Origin >= 6) {
			t.Errorf("at step %d: %v, want it known from step 6 on", row.Origin, decayed[r])
		}
	}
}

func TestClassesOfSubjects(t *testing.T) {
	for name, c := range map[string]struct {
		a, b collector.Subject
		same bool
	}{
		"GPUs of a node":             {collector.Subject{Kind: "gpu", Name: "n1:0"}, collector.Subject{Kind: "gpu", Name: "n1:7"}, true},
		"GPUs of two nodes":          {collector.Subject{Kind: "gpu", Name: "n1:0"}, collector.Subject{Kind: "gpu", Name: "n2:0"}, false},
		"nodes, whatever their name": {collector.Subject{Kind: "node", Name: "gpu-a-01"}, collector.Subject{Kind: "node", Name: "spare-01"}, true},
		"pods of a deployment":       {collector.Subject{Kind: "pod", Namespace: "x", Name: "cart-5f6585d649-fnmft"}, collector.Subject{Kind: "pod", Namespace: "x", Name: "cart-7bc46d8d94-x2x9q"}, true},
		"pods of two deployments":    {collector.Subject{Kind: "pod", Namespace: "x", Name: "a-b-5f6585d649-fnmft"}, collector.Subject{Kind: "pod", Namespace: "x", Name: "a-c-5f6585d649-fnmft"}, false},
		"pods of a stateful set":     {collector.Subject{Kind: "pod", Namespace: "x", Name: "db-0"}, collector.Subject{Kind: "pod", Namespace: "x", Name: "db-12"}, true},
		"pods of a daemon set":       {collector.Subject{Kind: "pod", Namespace: "x", Name: "agent-x2x9q"}, collector.Subject{Kind: "pod", Namespace: "x", Name: "agent-fnmft"}, true},
		"pods of two namespaces":     {collector.Subject{Kind: "pod", Namespace: "x", Name: "db-0"}, collector.Subject{Kind: "pod", Namespace: "y", Name: "db-0"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			target := eventTarget()
			target.For = 0
			p := drawPanel(1, target, 3, 30)
			p.Subjects = []collector.Subject{c.a, c.b, {Kind: "other", Name: "z"}}
			p.Values = [][]float64{make([]float64, 30), series("000010000000000000000000000000"), make([]float64, 30)}
			f := extract(t, p, target, features.Options{Origins: []int{29}})
			if got := column(t, f, "NodeNotReady_class_decayed_1h")[0] > 0; got != c.same {
				t.Errorf("of one class: got %v, want %v", got, c.same)
			}
		})
	}
}
