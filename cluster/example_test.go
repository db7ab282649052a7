package cluster_test

import (
	"fmt"

	"github.com/driftcast/driftcast/cluster"
)

func ExampleDiff() {
	before := []byte(`{"spec":{"containers":[{"name":"chat","image":"llm:v1"},{"name":"proxy","image":"envoy:v1"}]}}`)
	after := []byte(`{"spec":{"containers":[{"name":"chat","image":"llm:v2"},{"name":"proxy","image":"envoy:v1"}],"paused":true}}`)
	edits, err := cluster.Diff(before, after)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range edits {
		fmt.Printf("%s %s → %s\n", e.Path, e.Before, e.After)
	}
	// Output:
	// /spec/containers/name=chat/image "llm:v1" → "llm:v2"
	// /spec/paused  → true
}
