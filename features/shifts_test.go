package features_test

import (
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/features"
)

const shiftFile = `groups:
- name: g
  signals:
  - {signal: rate, expr: 'sum by (namespace, service) (rate(requests_total[5m]))'}
  - {signal: generation, subject: {kind: workload, labels: [namespace, deployment]}, expr: 'max by (namespace, deployment) (kube_deployment_metadata_generation)'}
  targets:
  - target: Latency
    subject: {kind: service, labels: [namespace, service]}
    level: histogram_quantile(0.99, sum by (namespace, service, le) (rate(latency_bucket[5m])))
    regression: %REGRESSION%
    drift: %DRIFT%
`

func shiftText(regression, drift string) []byte {
	return []byte(strings.NewReplacer("%REGRESSION%", regression, "%DRIFT%", drift).Replace(shiftFile))
}

func TestShiftKeys(t *testing.T) {
	f, err := features.ParseFile("t.yml", shiftText("{load: rate, mix: 'avg by (namespace, service) (tokens)', changes: [generation], min_effect: 20%, hold: 10m, baseline: 12h}", "{baseline: 3d, window: 1h, psi: 0.1}"))
	if err != nil {
		t.Fatal(err)
	}
	target := f.Targets()[0]
	if r := *target.Regression; r.MinEffect != 0.2 || r.Hold != 10*time.Minute || r.Baseline != 12*time.Hour || len(r.Changes) != 1 {
		t.Errorf("got %+v", r)
	}
	if d := *target.Drift; d.Baseline != 72*time.Hour || d.Window != time.Hour || d.PSI != 0.1 {
		t.Errorf("got %+v", d)
	}
	load, mix, body := target.ShiftSeries()
	if load != "rate" || mix != "Latency:mix" || body != "Latency:body" {
		t.Errorf("got series %q, %q and %q", load, mix, body)
	}
	var collected []string
	for _, s := range features.Collect([]*features.File{f}) {
		collected = append(collected, s.Name+" = "+s.Expr)
	}
	for _, want := range []string{"rate = sum", "generation = max", "Latency:mix = avg", "Latency:body = histogram_quantile(0.5, sum by (namespace, service, le)"} {
		if !strings.Contains(strings.Join(collected, "\n"), want) {
			t.Errorf("%s… is not collected:\n%s", want, strings.Join(collected, "\n"))
		}
	}
}

func TestShiftKeysDefaults(t *testing.T) {
	f, err := features.ParseFile("t.yml", shiftText("{}", "{}"))
	if err != nil {
		t.Fatal(err)
	}
	target := f.Targets()[0]
	if r := *target.Regression; r.MinEffect != 0.1 || r.Hold != 15*time.Minute || r.Baseline != 24*time.Hour {
		t.Errorf("got %+v", r)
	}
	if d := *target.Drift; d.PSI != 0.25 || d.Window != 6*time.Hour {
		t.Errorf("got %+v", d)
	}
}

func TestShiftKeysProblems(t *testing.T) {
	for name, c := range map[string]struct{ regression, drift, says string }{
		"unknown key":        {"{laod: rate}", "{}", "t.yml:10:18: groups[0].targets[0].regression.laod"},
		"unknown load":       {"{load: rte}", "{}", "t.yml:10:24: groups[0].targets[0].regression.load: no signal rte"},
		"unknown change":     {"{changes: [generatoin]}", "{}", "did you mean generation"},
		"change named twice": {"{changes: [generation, generation]}", "{}", "named twice"},
		"load of nobody":     {"{load: 'sum(rate(requests_total[5m]))'}", "{}", "no label namespace"},
		"broken load":        {"{load: 'sum(rate('}", "{}", "not PromQL"},
		"itself":             {"{load: Latency}", "{}", "does not explain itself"},
		"no share":           {"{min_effect: much}", "{}", "write 10% or 0.1"},
		"too large a share":  {"{min_effect: 2000%}", "{}", "write 10% or 0.1"},
		"hold of two steps":  {"{hold: 2m}", "{}", "3 steps"},
		"short baseline":     {"{hold: 1h, baseline: 2h}", "{}", "8 times the hold"},
		"short drift":        {"{}", "{window: 6h, baseline: 12h}", "3 windows"},
		"no index":           {"{}", "{psi: 0}", "stability index"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := features.ParseFile("t.yml", shiftText(c.regression, c.drift))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	event := strings.Replace(string(shiftText("{}", "{}")), "level: histogram", "event: 0 < histogram", 1)
	if _, err := features.ParseFile("t.yml", []byte(event)); err == nil || !strings.Contains(err.Error(), "is for levels") {
		t.Errorf("got %v, want levels only", err)
	}
}
