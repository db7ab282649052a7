package actuators

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// What the tests of the pure heart look at.
var (
	Differences = func(before, after map[string]any) []field { return differences(before, after, desired) }
	Lines       = lines
	MergePatch  = mergePatch
	PutBack     = func(o map[string]any, fields []field) error { return putBack(wrap(o), fields) }
	Fill        = fill
	NodeAt      = nodeAt
)

func wrap(o map[string]any) object { return &unstructured.Unstructured{Object: o} }
