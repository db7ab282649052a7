package features_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// sample is the target file of DESIGN.md, with the signals that it names.
const sample = `groups:
- name: gpu-serving
  interval: 30s
  signals:
  - signal: kv_cache_usage
    expr: max by (namespace, service) (vllm:kv_cache_usage_perc)
    unit: ratio
  - {signal: requests_waiting, expr: 'sum by (namespace, service) (vllm:num_requests_waiting)'}
  - {signal: gpu_utilisation, expr: avg by (namespace) (DCGM_FI_DEV_GPU_UTIL), subject: {kind: service, labels: [namespace]}}
  targets:
  - target: TimeToFirstToken
    subject: {kind: service, labels: [namespace, service]}
    level: histogram_quantile(0.99, sum by (namespace, service, le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))
    unit: s
    objective: "< 2"
    for: 5m
    horizons: [15m, 1h, 6h, 24h]
    scale: log
    signals: [kv_cache_usage, requests_waiting, gpu_utilisation]
    warn: {risk: 0.7, budget: 2/day}
    correction: scale-out
  - target: NodeNotReady
    subject: {kind: node, labels: [node]}
    event: kube_node_status_condition{condition="Ready",status="true"} == 0
    for: 5m
    maintenance: kube_node_spec_unschedulable == 1
  - target: KubePodCrashLooping
    alert: KubePodCrashLooping        # learn to forecast an existing alert from its ALERTS history
`

func TestSampleOfTheDesign(t *testing.T) {
	f, err := features.ParseFile("sample.yml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	service := collector.SubjectSpec{Kind: "service", Labels: []string{"namespace", "service"}}
	want := &features.Target{
		Name: "TimeToFirstToken", Group: "gpu-serving", Subject: service, Interval: 30 * time.Second,
		Level:     "histogram_quantile(0.99, sum by (namespace, service, le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
		Objective: &features.Objective{Op: "<", Bound: 2},
		For:       5 * time.Minute,
		Horizons:  []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, day},
		Scale:     features.ScaleLog,
		Signals:   []string{"kv_cache_usage", "requests_waiting", "gpu_utilisation"},
		Units:     map[string]string{"TimeToFirstToken": "s", "kv_cache_usage": "ratio", "requests_waiting": "", "gpu_utilisation": ""},
		Warn:      features.Warn{Risk: 0.7, Budget: features.Budget{Count: 2, Per: day}}, Correction: "scale-out",
	}
	if diff := cmp.Diff(want, f.Targets()[0]); diff != "" {
		t.Errorf("TimeToFirstToken (-want +got):\n%s", diff)
	}
	var got []string
	for _, s := range features.Collect([]*features.File{f}) {
		got = append(got, s.Name+" "+strings.Join(s.Subject.Labels, ",")+" "+s.Expr)
	}
	exprs := []string{
		"kv_cache_usage namespace,service max by (namespace, service) (vllm:kv_cache_usage_perc)",
		"requests_waiting namespace,service sum by (namespace, service) (vllm:num_requests_waiting)",
		"gpu_utilisation namespace avg by (namespace) (DCGM_FI_DEV_GPU_UTIL)",
		"TimeToFirstToken namespace,service " + want.Level,
		`NodeNotReady node max by (node) (kube_node_status_condition{condition="Ready",status="true"} == bool 0)`,
		"NodeNotReady:maintenance node max by (node) (kube_node_spec_unschedulable == bool 1)",
		`KubePodCrashLooping namespace,pod max by (namespace, pod) (ALERTS{alertname="KubePodCrashLooping",alertstate="firing",namespace!="",pod!=""})`,
	}
	if diff := cmp.Diff(exprs, got); diff != "" {
		t.Errorf("collect (-want +got):\n%s", diff)
	}
}

// TestProblems breaks the sample in one place each.
func TestProblems(t *testing.T) {
	tests := map[string]struct{ old, new, want string }{
		"an unknown key":           {"    for: 5m\n    horizons", "    fro: 5m\n    horizons", "16:5: groups[0].targets[0].fro: unknown key (did you mean for?)"},
		"an unknown group key":     {"  interval: 30s", "  intervall: 30s", "3:3: groups[0].intervall: unknown key (did you mean interval?)"},
		"a key given twice":        {"    unit: s\n", "    unit: s\n    unit: ms\n", "15:5: groups[0].targets[0].unit: given twice, first in line 14 (keep one)"},
		"a key without a value":    {"scale: log", "scale:", "groups[0].targets[0].scale: has no value"},
		"a wrong type":             {"horizons: [15m, 1h, 6h, 24h]", "horizons: 15m", "groups[0].targets[0].horizons: want a list, have a string"},
		"a number for a name":      {"target: NodeNotReady", "target: 17", `groups[0].targets[1].target: want a string, have a number (put quotes around it: "17")`},
		"a bad name":               {"target: NodeNotReady", "target: node not ready", "cannot name a series"},
		"a bad duration":           {"interval: 30s", "interval: 30 seconds", `3:13: groups[0].interval: "30 seconds" is not a duration (write it as Prometheus does: 30s, 5m, 1h30m, 7d)`},
		"a negative duration":      {"interval: 30s", "interval: -30s", "is not a duration"},
		"no interval":              {"interval: 30s", "interval: 0s", "0s is not between 1s and 1d"},
		"impossible PromQL":        {"kube_node_spec_unschedulable == 1", "kube_node_spec_unschedulable = = 1", "groups[0].targets[1].maintenance: not PromQL"},
		"a range vector":           {"max by (namespace, service) (vllm:kv_cache_usage_perc)", "vllm:kv_cache_usage_perc[5m]", "gives a range vector, want one value a series (wrap it in a function such as rate() or avg_over_time())"},
		"an unknown signal":        {"signals: [kv_cache_usage, ", "signals: [kv_cache_usge, ", "19:15: groups[0].targets[0].signals[0]: no signal kv_cache_usge in this file (did you mean kv_cache_usage?)"},
		"a signal named twice":     {"requests_waiting, gpu_u", "kv_cache_usage, gpu_u", "groups[0].targets[0].signals[1]: signal kv_cache_usage is named twice"},
		"itself as covariate":      {"signals: [kv_cache_usage", "signals: [TimeToFirstToken", "a target is no covariate of itself"},
		"horizons in disorder":     {"[15m, 1h,", "[1h, 15m,", "17:20: groups[0].targets[0].horizons[1]: horizons are not ascending"},
		"a horizon too short":      {"[15m, 1h,", "[15s, 1h,", "15s is shorter than the group's interval 30s"},
		"no horizons":              {"[15m, 1h, 6h, 24h]", "[]", "is empty"},
		"a level and an event":     {"    objective: \"< 2\"", "    event: up == 0\n    objective: \"< 2\"", "a target is either a level, an event or an alert, and this one has level and event"},
		"nothing to forecast":      {"    alert: KubePodCrashLooping", "    labels: {severity: warning}", "forecasts nothing (give it a level, an event or an alert)"},
		"a bad objective":          {`"< 2"`, `"under 2"`, `"under 2" is not an objective`},
		"an objective of NaN":      {`"< 2"`, `"< NaN"`, "is not an objective"},
		"an unquoted objective":    {`"< 2"`, `> 2`, `put quotes around it: objective: "> 2"`},
		"an objective of an event": {"    for: 5m\n    maint", "    objective: \"< 1\"\n    maint", "is for levels, and this is an event"},
		"a bad scale":              {"scale: log", "scale: lgo", "did you mean log?"},
		"a risk over one":          {"risk: 0.7", "risk: 70", "70 is not a probability above 0 and up to 1"},
		"a bad budget":             {"2/day", "2 a day", "is not a budget"},
		"warned of no horizon":     {"2/day}", "2/day, within: 5m}", "no horizon is within 5m0s"},
		"an unknown kind":          {"kind: node", "kind: nod", "did you mean node?"},
		"no subject":               {"    subject: {kind: node, labels: [node]}\n", "", "groups[0].targets[1].subject: missing"},
		"no labels of a subject":   {"{kind: node, labels: [node]}", "{kind: node}", "groups[0].targets[1].subject.labels: missing"},
		"a label aggregated away":  {"sum by (namespace, service, le)", "sum by (namespace, le)", "the result has no label service: it is aggregated by (namespace) (add service to by (…), or take it out of the subject's labels)"},
		"a raw counter":            {"max by (namespace, service) (vllm:kv_cache_usage_perc)\n", "vllm:kv_cache_usage_perc\n", ""},
		"a level that only rises":  {"level: histogram_quantile(0.99, sum by (namespace, service, le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))", "level: sum by (namespace, service) (vllm:num_preemptions_total)", "vllm:num_preemptions_total is a counter: its level only ever rises (use rate(vllm:num_preemptions_total[5m]) or increase())"},
		"an event always true":     {`event: kube_node_status_condition{condition="Ready",status="true"} == 0`, "event: kube_node_info", "nothing is compared: an expression that merely exists is always true"},
		"an event of absence":      {`event: kube_node_status_condition{condition="Ready",status="true"} == 0`, "event: absent(up)", "absent() has no value while the series is there"},
		"a covariate too fine":     {"signal: gpu_utilisation, expr: avg by (namespace) (DCGM_FI_DEV_GPU_UTIL), subject: {kind: service, labels: [namespace]}", "signal: gpu_utilisation, expr: DCGM_FI_DEV_GPU_UTIL, subject: {kind: gpu, labels: [hostname]}", "has the label hostname, which the target's subject has not"},
		"two targets of a name":    {"target: NodeNotReady", "target: TimeToFirstToken", "TimeToFirstToken is the name of another target or signal (sample.yml:11)"},
		"a target named as signal": {"target: NodeNotReady", "target: kv_cache_usage", "kv_cache_usage is the name of another target or signal"},
		"a label that is a number": {"correction: scale-out", "labels: {tier: 1}", `want a string, have a number (put quotes around it: "1")`},
		"a label of Prometheus":    {"correction: scale-out", "labels: {alertname: X}", "alertname is the target's own"},
		"not YAML":                 {"  targets:", "  targets: [", "not YAML"},
		"a second document":        {"groups:", "groups: []\n---\ngroups:", "a second document"},
		"a file of another kind":   {"groups:", "rules:", "1:1: rules: unknown key (known: groups)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(sample, test.old, test.new, 1)
			if text == sample {
				t.Fatalf("the sample has no %q", test.old)
			}
			_, err := features.ParseFile("sample.yml", []byte(text))
			if test.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			var problems features.Errors
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want Errors", err)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "sample.yml:") {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if len(problems) > 3 {
				t.Errorf("one mistake makes %d problems:\n%v", len(problems), err)
			}
		})
	}
}

// TestAllProblemsAtOnce wants every problem of a file in one answer, in order.
func TestAllProblemsAtOnce(t *testing.T) {
	for _, name := range []string{"", "\n\n", "# nothing\n", "groups: {}", "groups:\n- {}\n"} {
		if _, err := features.ParseFile("f.yml", []byte(name)); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	_, err := features.ParseFile("bad.yml", []byte(`groups:
- name: a
  interval: soon
  targets:
  - target: One
    subject: {kind: nde, labels: [node]}
    level: |
      sum by (node) (
        rate(x[5m])
      ))
    objective: 2
    horizons: [6h, 1h]
    wanr: {}
`))
	want := `bad.yml:3:13: groups[0].interval: "soon" is not a duration (write it as Prometheus does: 30s, 5m, 1h30m, 7d)
bad.yml:6:21: groups[0].targets[0].subject.kind: "nde" is not one of node, gpu, workload, service, queue (did you mean node?)
bad.yml:10:9: groups[0].targets[0].level: not PromQL: unexpected right parenthesis ')'
bad.yml:11:16: groups[0].targets[0].objective: "2" is not an objective (say what the level should keep to, in its own unit: "< 2", "<=", ">" or ">=" and a number)
bad.yml:12:20: groups[0].targets[0].horizons[1]: horizons are not ascending (put the shortest first, each once)
bad.yml:13:5: groups[0].targets[0].wanr: unknown key (did you mean warn?)`
	if err == nil {
		t.Fatal("accepted")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestFilesAreCheckedTogether(t *testing.T) {
	file := func(signal, expr, target string) []byte {
		return []byte("groups:\n- name: g\n  signals: [{signal: " + signal + ", expr: '" + expr + "'}]\n" +
			"  targets: [{target: " + target + ", subject: {kind: node, labels: [node]}, level: max by (node) (x), signals: [" + signal + "]}]\n")
	}
	files, err := features.ParseFiles(map[string][]byte{"b.yml": file("s", "y", "B"), "a.yml": file("s", "y", "A")})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range features.Collect(files) {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "s A B" {
		t.Errorf("got %s, want s A B", got)
	}
	_, err = features.ParseFiles(map[string][]byte{"a.yml": file("s", "y", "A"), "b.yml": file("s", "z", "A")})
	want := "b.yml:3:13: groups[0].signals[0]: signal s is defined differently in a.yml:3 (make the two the same, or give one another name)\n" +
		"b.yml:4:13: groups[0].targets[0]: A is the name of another target or signal (a.yml:4) (names are unique over all files: give it another)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestPacks parses the target packs that Driftcast ships.
func TestPacks(t *testing.T) {
	paths, _ := filepath.Glob("../deploy/targets/*.yml")
	if len(paths) == 0 {
		t.Fatal("no packs in ../deploy/targets")
	}
	texts := map[string][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(path)] = text
	}
	files, err := features.ParseFiles(texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if len(f.Targets()) == 0 {
			t.Errorf("%s has no targets", f.Name)
		}
		for _, target := range f.Targets() {
			for _, key := range []string{"summary", "description"} {
				if target.Annotations[key] == "" {
					t.Errorf("%s: %s has no %s", f.Name, target.Name, key)
				}
			}
			if target.Labels["severity"] != "warning" {
				t.Errorf("%s: %s has severity %q: forecasts warn, only symptoms page", f.Name, target.Name, target.Labels["severity"])
			}
		}
		for _, s := range f.Signals() {
			if s.Subject.Kind == "" {
				t.Errorf("%s: nothing uses signal %s", f.Name, s.Name)
			}
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add(sample)
	f.Add("groups: [{name: a, targets: [{target: T, alert: A}]}]")
	f.Add("groups: &a [{name: a, targets: *a}]")
	f.Add("groups:\n- &g {name: x, signals: [*g]}\n")
	f.Add("groups: [{name: a, targets: [{target: T, subject: {kind: node, labels: [a]}, event: 'x>1 and y unless (z<2)', horizons: [1h]}]}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := features.ParseFile("f.yml", []byte(text))
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v and error %v", file, err)
		}
		if err != nil {
			var problems features.Errors
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("error %v", err)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Fatalf("problem %+v", p)
				}
			}
			return
		}
		for _, target := range file.Targets() {
			if _, err := target.Signal(); err != nil {
				t.Fatal(err)
			}
		}
		features.Collect([]*features.File{file})
	})
}
