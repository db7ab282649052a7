package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// TestNothingComparedIsNotClean: a mistyped namespace or kind, and a baseline
// that cannot be read, must not pass a gate in a pipeline.
func TestNothingComparedIsNotClean(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	web := cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	synced := drift.Finding{Object: web, Verdict: drift.Synced, ComparedAt: now}
	drifted := drift.Finding{Object: web, Verdict: drift.Drifted, ComparedAt: now, Since: now.Add(-time.Hour), Differences: []drift.Difference{
		{Path: "/spec/replicas", Since: now}, {Path: "/spec/paused", Since: now.Add(-time.Hour)}}}
	unread := drift.Finding{Verdict: drift.Unknown, Origin: "prod: a.yaml", Reason: "a.yaml:3: no such key", ComparedAt: now}
	for name, c := range map[string]struct {
		findings []drift.Finding
		flags    driftFlags
		want     error
		says     []string
	}{
		"as declared":                      {[]drift.Finding{synced}, driftFlags{namespace: "shop"}, nil, []string{"1 as declared"}},
		"drifted":                          {[]drift.Finding{drifted}, driftFlags{kinds: []string{"deployment"}}, errFound, []string{"found now", "60m ago"}},
		"a mistyped namespace":             {[]drift.Finding{synced}, driftFlags{namespace: "shpo"}, errNothing, nil},
		"a mistyped kind":                  {[]drift.Finding{drifted}, driftFlags{kinds: []string{"Deploymnt"}}, errNothing, nil},
		"nothing is declared, and known":   {nil, driftFlags{ignoreUnknown: true}, nil, nil},
		"a manifest that could be of this": {[]drift.Finding{synced, unread}, driftFlags{namespace: "shop", kinds: []string{"Deployment"}}, errUnknown, []string{"unknown: prod: a.yaml:3: no such key"}},
		"the same, ignored":                {[]drift.Finding{synced, unread}, driftFlags{namespace: "shop", ignoreUnknown: true}, nil, []string{"1 unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{out: &out, output: "table"}
			if got := a.printDrift(viewOf(drift.Report{At: now, Findings: c.findings}, &c.flags), &c.flags); !errors.Is(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%s\ndoes not say %q", out.String(), want)
				}
			}
		})
	}
}
