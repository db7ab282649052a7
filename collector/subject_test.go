package collector_test

import (
	"slices"
	"testing"

	"github.com/driftcast/driftcast/collector"
)

// TestLabelsOf: a subject leads back to the labels that named it.
func TestLabelsOf(t *testing.T) {
	for name, c := range map[string]struct {
		labels []string
		of     collector.Labels
	}{
		"one label":                     {[]string{"node"}, collector.Labels{{Name: "node", Value: "gpu-1"}}},
		"a namespace and a name":        {[]string{"namespace", "service"}, collector.Labels{{Name: "namespace", Value: "ai"}, {Name: "service", Value: "chat"}}},
		"a namespace alone":             {[]string{"namespace"}, collector.Labels{{Name: "namespace", Value: "ai"}}},
		"colons belong to the first":    {[]string{"instance", "gpu"}, collector.Labels{{Name: "instance", Value: "host:9100"}, {Name: "gpu", Value: "3"}}},
		"a namespace and two that name": {[]string{"namespace", "pod", "gpu"}, collector.Labels{{Name: "namespace", Value: "ai"}, {Name: "pod", Value: "p"}, {Name: "gpu", Value: "0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := collector.SubjectSpec{Kind: "gpu", Labels: c.labels}
			sub, ok := spec.Subject(c.of)
			if got := spec.LabelsOf(sub); !ok || !slices.Equal(got, c.of) {
				t.Errorf("got %v by %v, want %v", got, sub, c.of)
			}
		})
	}
	if got := (collector.SubjectSpec{Labels: []string{"node", "gpu"}}).LabelsOf(collector.Subject{Name: "gpu-1"}); len(got) != 0 {
		t.Errorf("fewer colons than it takes: got %v", got)
	}
}
