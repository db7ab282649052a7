package cluster_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/cluster"
)

var update = flag.Bool("update", false, "write the table of docs/cluster.md")

// TestTheTableOfSeriesIsThatOfTheCode compares the end of docs/cluster.md with
// what Described says.
func TestTheTableOfSeriesIsThatOfTheCode(t *testing.T) {
	const path = "../docs/cluster.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| series | labels beside the subject's | meaning |\n|---|---|---|\n")
	for _, d := range cluster.Described() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", d.Name, d.Labels, d.Help)
	}
	text, old, _ := strings.Cut(string(raw), "| series |")
	if *update {
		if err := os.WriteFile(path, []byte(text+table.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if "| series |"+old != table.String() {
		t.Errorf("%s has another table; go test ./cluster -run Table -update writes it", path)
	}
}
