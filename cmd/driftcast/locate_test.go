package main

import (
	"strings"
	"testing"
)

func TestConfigurationErrorsNameTheLine(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a key of a section":      {"forecast: {interval: 1m}\ndrift:\n  interval: 0s\n", "driftcast.yml:3:3: drift.interval: "},
		"an item of a list":       {"drift:\n  ignore:\n  - kind: Node\n  - {}\n", "driftcast.yml:4:5: drift.ignore[1]: "},
		"a list of the cluster":   {"cluster:\n  watch: [{group: g}]\n", "driftcast.yml:2:11: cluster.watch[0]: "},
		"a key without a file":    {"cluster: {qps: -1}\n", "driftcast.yml:1:11: cluster.qps, cluster.burst: "},
		"a lease without cluster": {"cluster:\n  lease: {enabled: true}\n", "driftcast.yml:2:3: lease: "},
		"an unknown key":          {"cluster:\n  kubeconfg: x\n", "driftcast.yml:2:3: kubeconfg: unknown key"},
		"a baseline":              {"baselines:\n- {name: a}\n", "driftcast.yml:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseConfig("driftcast.yml", []byte(test.text))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
}
