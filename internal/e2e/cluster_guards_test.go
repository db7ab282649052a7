//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/cluster"
)

// guardCase is a policy in auto on two nodes of a pool of their own, and the
// guard that stops it.
type guardCase struct {
	guard   string
	policy  string // what the policy says beside name, target, actuator, mode and risk
	more    string // further policies of the same target
	drain   bool
	prepare func(g *guardWorld)
	touched bool // another correction cordons the node: that is what the guard minds
}

// guardWorld is what a case has: its nodes, the first of which gets warm.
type guardWorld struct {
	*world
	c     *cluster.Cluster
	story string
	nodes []string
}

var guardCases = []guardCase{
	{guard: "confidence", policy: "min_risk: 0.999"},
	{guard: "sources", policy: "sources: 2"},
	{guard: "freeze", policy: `freeze: [{from: "2020-01-01", to: "2100-01-01", reason: end of quarter}]`},
	{guard: "window", policy: `windows: [{cron: "0 0 29 2 *", for: 1m}]`},
	{guard: "dedup", more: `
  - {name: a-first, targets: [dedup], actuator: cordon, mode: auto, min_risk: 0.3, budget: {percent: 60}, params: {pool: pool}}`, touched: true},
	{guard: "cool-down", prepare: (*guardWorld).actOnceAndRevert},
	{guard: "budget", policy: "budget: {concurrent: 1, percent: 100}", prepare: (*guardWorld).warmTheOther},
	{guard: "pool", policy: "budget: {percent: 10}"},
	{guard: "domain", policy: "budget: {percent: 100, domain_percent: 10}"},
	{guard: "opt-out", prepare: (*guardWorld).optOut},
	{guard: "disruption", drain: true, prepare: (*guardWorld).forbid},
}

// TestGuards lets a policy in auto be stopped by each guard in turn. The reason
// of the correction names the guard, and the node stays as it was.
func TestGuards(t *testing.T) {
	c := controlPlane(t)
	nodes, stories := map[string][]string{}, []string{}
	config := fmt.Sprintf("\ncorrections:\n  kubeconfig: %s\n  policies:", c.Kubeconfig())
	for _, one := range append(guardCases, guardCase{guard: "global", policy: "max_age: 5s"}) {
		story, actuator, policy := target(one.guard), "cordon", one.policy
		if one.drain {
			actuator = "drain"
		}
		if !strings.Contains(policy, "min_risk") {
			policy = strings.Trim("min_risk: 0.3, "+policy, ", ")
		}
		if !strings.Contains(policy, "budget") {
			policy += ", budget: {percent: 60}"
		}
		nodes[story] = c.AddNodes(t, 2, map[string]string{"pool": story})
		stories = append(stories, story)
		config += fmt.Sprintf("\n  - {name: %s, targets: [%s], actuator: %s, mode: auto, %s, params: {pool: pool}}%s", story, story, actuator, policy, one.more)
	}
	w := newWorld(t, nodes)
	w.configure(config, stories...)
	w.serve()

	t.Run("of one policy", func(t *testing.T) {
		for _, one := range guardCases {
			t.Run(one.guard, func(t *testing.T) {
				t.Parallel()
				mine := *w
				mine.t = t
				g := &guardWorld{&mine, c, target(one.guard), nodes[target(one.guard)]}
				g.stops(one)
			})
		}
	})
	t.Run("of all", func(t *testing.T) {
		mine := *w
		mine.t = t
		g := &guardWorld{&mine, c, "global", nodes["global"]}
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
	if got := unschedulable(g.t, g.c, g.nodes[0]); got != one.touched {
		g.t.Errorf("cordoned is %t, want %t", got, one.touched)
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
