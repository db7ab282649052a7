package declared_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift/declared"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	dir, err := os.MkdirTemp("", "manifests")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	manifest := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(manifest), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	set, err := declared.Open(declared.Options{Baselines: []declared.Config{{Name: "prod", Path: dir, Namespace: "shop"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	declarations, err := set.Declarations(context.Background())
	for _, d := range declarations {
		fmt.Println(d.Object, "declared by", d.Origin)
		fmt.Println(string(d.Body))
	}
	fmt.Println(err)
	// Output:
	// Deployment/shop/web declared by prod: web.yaml:1
	// {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":3}}
	// <nil>
}

// thousand is a baseline of a thousand Deployments.
func thousand(b *testing.B) *declared.Set {
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("a/%d.yaml", i)] = strings.ReplaceAll(web, "web", fmt.Sprintf("web-%d", i)) +
			"  template:\n    spec: {containers: [{name: c, image: x, env: [{name: A, value: b}]}]}\n"
		files[fmt.Sprintf("a/%d.yaml", i)] = strings.Replace(files[fmt.Sprintf("a/%d.yaml", i)], "spec: {replicas: 3}", "spec:\n  replicas: 3", 1)
	}
	set, err := declared.Open(declared.Options{Baselines: []declared.Config{{Name: "prod", Path: write(b, b.TempDir(), files)}}, Redactor: cluster.NewRedactor([]byte("salt"))})
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// BenchmarkPoll reads a thousand files anew, which a directory costs at each poll.
func BenchmarkPoll(b *testing.B) {
	set := thousand(b)
	for b.Loop() {
		if err := set.Poll(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	if got := set.Status()[0].Objects; got != 1000 {
		b.Fatal(got, set.Status()[0].Problems)
	}
}

// BenchmarkDeclarations is what each comparison costs: a thousand bodies redacted.
func BenchmarkDeclarations(b *testing.B) {
	set := thousand(b)
	for b.Loop() {
		if _, err := set.Declarations(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
