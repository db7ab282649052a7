//go:build e2e

package e2e_test

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/cluster"
)

// guardCase is a policy in auto on the nodes of a pool of their own, and the
// guard that stops it.
type guardCase struct {
	guard    string
	policy   string // what the policy says beside name, target, actuator, mode and risk
	more     string // further policies of the same target
	actuator string // default cordon
	params   string // beside the pool
	nodes    int    // default 2
	prepare  func(g *guardWorld)
	says     string // the reason has it
	touched  bool   // another correction cordons the node: that is what the guard minds
}

// guardWorld is what a case has: its nodes, the first of which gets warm.
type guardWorld struct {
	*world
	c        *cluster.Cluster
	story    string
	nodes    []string
	observes *wire // between driftcast's observer, not its corrector, and the API server
}

// handsOff is a template of what hand-off makes: one object a node.
const handsOff = `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{.Name}}", "namespace": "default", "labels": {"from": "hand-off"}}}`

var guardCases = []guardCase{
	{guard: "confidence", policy: "min_risk: 0.999"},
	{guard: "sources", policy: "sources: 2"},
	{guard: "freeze", policy: `freeze: [{from: "2020-01-01", to: "2100-01-01", reason: end of quarter}]`},
	{guard: "window", policy: `windows: [{cron: "0 0 29 2 *", for: 1m}]`},
	{guard: "dedup", more: `
  - {name: a-first, targets: [dedup], actuator: cordon, mode: auto, min_risk: 0.3, budget: {percent: 60}, params: {pool: pool}}`, touched: true},
	{guard: "watch", policy: "max_age: 75s", prepare: (*guardWorld).cutOff},
	{guard: "cool-down", prepare: (*guardWorld).actOnceAndRevert, says: "of 1h0m0s, after one of no use"},
	{guard: "breaker", policy: "breaker: {bad: 1}", prepare: (*guardWorld).revertTheOthers, says: "1 corrections within 6h were of no use"},
	{guard: "back-off", policy: "breaker: {bad: -1}", params: ", domain: pool", nodes: 3, prepare: (*guardWorld).revertTheOthers,
		says: "2 corrections in a row were of no use in back_off"},
	{guard: "budget", policy: "budget: {concurrent: 1, percent: 100}", prepare: (*guardWorld).warmTheOther},
	{guard: "pool", policy: "budget: {percent: 10}"},
	{guard: "domain", policy: "budget: {percent: 100, domain_percent: 10}"},
	{guard: "namespace", policy: "budget: {concurrent: 9, namespace: 1}", actuator: "hand-off", params: ", template: '" + handsOff + "'",
		prepare: (*guardWorld).warmTheOther, says: "1 corrections are in force in namespace default"},
	{guard: "opt-out", prepare: (*guardWorld).optOut},
	{guard: "disruption", actuator: "drain", prepare: (*guardWorld).forbid},
}

// TestGuards lets a policy in auto be stopped by each guard in turn. The reason
// of the correction names the guard, and the node stays as it was.
func TestGuards(t *testing.T) {
	c := controlPlane(t)
	nodes, stories := map[string][]string{}, []string{}
	between, through := wired(t, c)
	config := fmt.Sprintf("\ncluster: {kubeconfig: %s}\ncorrections:\n  kubeconfig: %s\n  policies:", through, c.Kubeconfig())
	for _, one := range append(guardCases, guardCase{guard: "global", policy: "max_age: 5s"},
		guardCase{guard: "control", policy: "control: 0.9, budget: {concurrent: 9, percent: 100}", nodes: 5}) {
		story, actuator, policy := target(one.guard), cmp.Or(one.actuator, "cordon"), one.policy
		if !strings.Contains(policy, "min_risk") {
			policy = strings.Trim("min_risk: 0.3, "+policy, ", ")
		}
		if !strings.Contains(policy, "budget") {
			policy += ", budget: {percent: 60}"
		}
		nodes[story] = c.AddNodes(t, cmp.Or(one.nodes, 2), map[string]string{"pool": story})
		stories = append(stories, story)
		config += fmt.Sprintf("\n  - {name: %s, targets: [%s], actuator: %s, mode: auto, %s, params: {pool: pool%s}}%s", story, story, actuator, policy, one.params, one.more)
	}
	w := newWorld(t, nodes)
	w.configure(config, stories...)
	w.serve()

	in := func(t *testing.T, guard string) *guardWorld {
		mine := *w
		mine.t = t
		return &guardWorld{&mine, c, target(guard), nodes[target(guard)], between}
	}
	t.Run("of one policy", func(t *testing.T) {
		for _, one := range guardCases {
			t.Run(one.guard, func(t *testing.T) {
				t.Parallel()
				in(t, one.guard).stops(one)
			})
		}
		t.Run("control group", func(t *testing.T) {
			t.Parallel()
			in(t, "control").control()
		})
	})
	t.Run("of all", func(t *testing.T) {
		g := in(t, "global")
		g.killSwitch()
		g.stale()
	})
	w.audit()
}

// target is a guard's name as that of a target, in which dashes and blanks may
// not be.
func target(guard string) string { return strings.NewReplacer("-", "_", " ", "_").Replace(guard) }

func (g *guardWorld) stops(one guardCase) {
	if one.prepare != nil {
		one.prepare(g)
	}
	g.exporter.warm(g.story, g.nodes[0])
	blocked := g.awaitCorrection(60*time.Second, g.story, g.nodes[0], one.guard+": ", "blocked")
	g.exporter.cool(g.story, g.nodes[0])
	g.t.Logf("blocked by %s", blocked.Reason)
	if !strings.Contains(blocked.Reason, one.says) {
		g.t.Errorf("the reason does not say %q", one.says)
	}
	if got := unschedulable(g.t, g.c, g.nodes[0]); got != one.touched {
		g.t.Errorf("cordoned is %t, want %t", got, one.touched)
	}
	if made := g.c.Kubectl(g.t, "get", "configmaps", "-n", "default", "-l", "from=hand-off", "-o", "name"); strings.Contains(made, g.nodes[0]) {
		g.t.Errorf("it was handed off: %s", made)
	}
}

// actOnceAndRevert lets the policy act, and takes it back.
func (g *guardWorld) actOnceAndRevert() {
	g.exporter.warm(g.story, g.nodes[0])
	first := g.awaitCorrection(60*time.Second, g.story, g.nodes[0], "", "applied", "verified")
	g.must("corrections", "revert", first.ID, "--server="+g.server.URL)
	g.exporter.cool(g.story, g.nodes[0])
	g.calm(g.story, g.nodes[0])
}

// revertTheOthers lets the policy act on each of the others, and takes that back
// before it could be of any use.
func (g *guardWorld) revertTheOthers() {
	for _, node := range g.nodes[1:] {
		g.exporter.warm(g.story, node)
		first := g.awaitCorrection(60*time.Second, g.story, node, "", "applied")
		g.must("corrections", "revert", first.ID, "--server="+g.server.URL)
		g.exporter.cool(g.story, node)
	}
}

// cutOff takes the API server away from the observer, and waits until that is
// seen: a watch that is open is proved alive once a minute.
func (g *guardWorld) cutOff() {
	tries := func(limit time.Duration, guard string) {
		eventually(g.t, limit, "a trial that is refused by "+guard, func() error {
			var cor correction
			body := fmt.Sprintf(`{"policy": %q, "target": %q, "subject": "node/%s"}`, g.story, g.story, g.nodes[1])
			if err := g.post("/api/v1/corrections?dryRun=true", body, &cor); err != nil {
				return err
			}
			if !strings.HasPrefix(cor.Reason, guard+": ") {
				return fmt.Errorf("it is %s: %s", cor.State, cor.Reason)
			}
			return nil
		})
	}
	tries(60*time.Second, "confidence") // the cluster is seen: that is asked before
	g.observes.set(true)
	tries(150*time.Second, "watch")
}

// control leaves nine of ten episodes alone, to compare with: a node is cordoned
// if one of its episodes was acted on, and only then; some episodes are left.
func (g *guardWorld) control() {
	for _, node := range g.nodes {
		g.exporter.warm(g.story, node)
	}
	left := 0
	for _, node := range g.nodes {
		g.awaitCorrection(60*time.Second, g.story, node, "", "observed", "applied", "verified")
		g.exporter.cool(g.story, node)
		alone := 0
		eventually(g.t, 60*time.Second, "what was done to "+node, func() error { // a new episode may have begun meanwhile
			list, err := g.corrections(g.story)
			if err != nil {
				return err
			}
			acted := false
			alone = 0
			for _, cor := range list {
				if !strings.HasSuffix(cor.Subject.ID, node) {
					continue
				}
				controlled := strings.HasPrefix(cor.Reason, "control group: ")
				if controlled != (cor.State == "observed") {
					return fmt.Errorf("%s is %s: %s", cor.ID, cor.State, cor.Reason)
				}
				if controlled {
					alone++
				}
				acted = acted || cor.State == "applied" || cor.State == "verified"
			}
			if cordoned := unschedulable(g.t, g.c, node); cordoned != acted {
				return fmt.Errorf("cordoned is %t, and acted on is %t", cordoned, acted)
			}
			return nil
		})
		left += alone
	}
	g.t.Logf("%d episodes left alone", left)
	if left == 0 { // by chance once in 100,000 times
		g.t.Error("nothing was left alone")
	}
}

func (g *guardWorld) warmTheOther() {
	g.exporter.warm(g.story, g.nodes[1])
	g.awaitCorrection(60*time.Second, g.story, g.nodes[1], "", "applied", "verified")
}

func (g *guardWorld) optOut() {
	g.c.Kubectl(g.t, "annotate", "node", g.nodes[0], "driftcast.io/opt-out=true")
}

// forbid puts pods on the node that no PodDisruptionBudget lets go.
func (g *guardWorld) forbid() {
	namespace := g.c.Namespace(g.t)
	g.c.Apply(g.t, spread("kubernetes.io/hostname", g.nodes[0], 2, 2), "-n", namespace)
	g.c.AwaitRollout(g.t, namespace, "serve")
}

// killSwitch is thrown by the API, stops everything, and lets go again.
func (g *guardWorld) killSwitch() {
	node := g.nodes[0]
	g.throw(`{"engaged": true, "reason": "incident 7"}`)
	g.exporter.warm(g.story, node)
	blocked := g.awaitCorrection(60*time.Second, g.story, node, "kill switch: ", "blocked")
	g.t.Logf("blocked by %s", blocked.Reason)
	g.exporter.cool(g.story, node)
	g.calm(g.story, node)
	g.throw(`{"engaged": false, "reason": "over"}`)
	if unschedulable(g.t, g.c, node) {
		g.t.Error("cordoned in spite of the kill switch")
	}
}

func (g *guardWorld) throw(body string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPut, g.server.URL+"/api/v1/kill-switch", strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		g.t.Fatalf("kill switch: %s", resp.Status)
	}
}

// stale stops Prometheus: what a person then asks for is refused, because
// nothing fresh speaks for it.
func (g *guardWorld) stale() {
	g.prom.Kill()
	eventually(g.t, 30*time.Second, "a refusal for want of fresh samples", func() error {
		var cor correction
		if err := g.ask(fmt.Sprintf(`{"policy": %q, "target": %q, "subject": "node/%s"}`, g.story, g.story, g.nodes[1]), &cor); err != nil {
			return err
		}
		if cor.State != "blocked" || !strings.HasPrefix(cor.Reason, "freshness: ") {
			return fmt.Errorf("it is %s: %s", cor.State, cor.Reason)
		}
		g.t.Logf("blocked by %s", cor.Reason)
		return nil
	})
}
