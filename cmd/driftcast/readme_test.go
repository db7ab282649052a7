package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	promconfig "github.com/prometheus/common/config"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/features"
)

// TestReadme parses what the README shows as configuration and target files,
// and wants the configuration to be the defaults that it says it is.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("got %d yaml blocks, want the configuration and the target file", len(blocks))
	}
	shown, err := parseConfig("README.md", []byte(blocks[0][1]))
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	if diff := cmp.Diff(want, shown, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(promconfig.HTTPClientConfig{})); diff != "" {
		t.Errorf("the README's defaults are not the defaults (-are +shown):\n%s", diff)
	}
	if _, err := features.ParseFile("README.md", []byte(blocks[1][1])); err != nil {
		t.Error(err)
	}

	// The policy is shown as a comment; it must be one all the same.
	var policy []string
	_, corrections, _ := strings.Cut(blocks[0][1], "\ncorrections:")
	for _, line := range strings.Split(corrections, "\n") {
		if rest, ok := strings.CutPrefix(line, "  # "); ok {
			policy = append(policy, "  "+rest)
		}
	}
	c, err := parseConfig("README.md", []byte("corrections:\n  policies:\n"+strings.Join(policy, "\n")))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(policy, "\n"))
	}
	if diff := cmp.Diff((corrector.Policy{Name: "cordon", Actuator: "cordon"}).WithDefaults(), c.Corrections.Policies[0], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the README's policy is not the default one (-is +shown):\n%s", diff)
	}
}
