package deploy_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/cluster"
)

// TestClusterDocs holds the table of series in docs/cluster.md to what the
// observer writes; -update writes it.
func TestClusterDocs(t *testing.T) {
	const file, begin = "../docs/cluster.md", "| series | labels | |\n|---|---|---|\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no table of series", file)
	}
	want := head + begin
	for _, d := range cluster.Described() {
		want += fmt.Sprintf("| `%s` | %s | %s |\n", d.Name, d.Labels, d.Help)
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the observer writes: run the test with -update (%v)", file, err)
	}
}
