package corrector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/corrector"
)

const policyYAML = `
name: cordon-at-risk
targets: [NodeNotReady, GpuRowRemap]
actuator: cordon
mode: approve
min_risk: 0.8
cool_down: 2h
expires: 30m
verify_after: 1d
revert_unless_improved: true
budget: {concurrent: 3, percent: 5, count: 10, per: 7d, domains: 1, domain_percent: 50, namespace: 2}
drift: [version-skew]
sources: 2
cool_down_max: 12h
contention: 3d
hold: 24h
judge_after: 2d
control: 0.1
breaker: {bad: 5, window: 1d, rest: 2h, pace: 30m}
freeze: [{from: 2026-12-20, to: 2027-01-04, timezone: Europe/Amsterdam, reason: year end}]
windows: [{cron: "0 9 * * 1-5", for: 8h, timezone: Europe/Amsterdam}]
params: {pool: node.kubernetes.io/instance-type}
`

func TestPolicyYAML(t *testing.T) {
	decoder := yaml.NewDecoder(strings.NewReader(policyYAML))
	decoder.KnownFields(true)
	var p corrector.Policy
	if err := decoder.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if p.CoolDown != model.Duration(2*time.Hour) || p.Budget.Per != model.Duration(7*24*time.Hour) || p.Params["pool"] == "" {
		t.Errorf("%+v", p)
	}
	if d := p.WithDefaults(); d.MaxAge != model.Duration(10*time.Minute) || d.MinRisk != 0.8 {
		t.Errorf("%+v", d)
	}
}

func TestPolicyValidate(t *testing.T) {
	good := corrector.Policy{Name: "p", Actuator: "cordon"}
	tests := map[string]struct {
		change func(*corrector.Policy)
		want   string
	}{
		"the least there is": {func(*corrector.Policy) {}, ""},
		"no name":            {func(p *corrector.Policy) { p.Name = "" }, "name is empty"},
		"no actuator":        {func(p *corrector.Policy) { p.Actuator = "" }, "actuator is empty"},
		"unknown mode":       {func(p *corrector.Policy) { p.Mode = "yolo" }, `mode "yolo": want one of [observe recommend approve auto]`},
		"certain and more":   {func(p *corrector.Policy) { p.MinRisk = 1.1 }, "min_risk 1.1: want (0, 1]"},
		"negative time":      {func(p *corrector.Policy) { p.Expires = -1 }, "must not be negative"},
		"negative budget":    {func(p *corrector.Policy) { p.Budget.Concurrent = -1 }, "must not be negative"},
		"over all nodes":     {func(p *corrector.Policy) { p.Budget.Percent = 101 }, "percent 101: want (0, 100]"},
		"no source":          {func(p *corrector.Policy) { p.Sources = -1 }, "sources -1"},
		"hardly a control":   {func(p *corrector.Policy) { p.Control = 0.95 }, "control 0.95: want [0, 0.9]"},
		"a cap below":        {func(p *corrector.Policy) { p.CoolDown, p.CoolDownMax = hours(2), hours(1) }, "cool_down_max 1h is under cool_down 2h"},
		"a long cool-down":   {func(p *corrector.Policy) { p.CoolDown = hours(48) }, ""},
		"drift as a target":  {func(p *corrector.Policy) { p.Targets = []string{"drift"} }, "name the kinds under drift"},
		"a freeze backwards": {func(p *corrector.Policy) { p.Freeze = []corrector.Freeze{{From: "2026-12-02", To: "2026-12-01"}} }, "freeze 1: from 2026-12-02 is not before to 2026-12-01"},
		"no such date":       {func(p *corrector.Policy) { p.Freeze = []corrector.Freeze{{From: "soon", To: "2026-12-01"}} }, `freeze 1: from "soon": want a date`},
		"no such zone": {func(p *corrector.Policy) {
			p.Freeze = []corrector.Freeze{{From: "2026-12-01", To: "2026-12-01", Timezone: "Mars/Base"}}
		}, `timezone "Mars/Base"`},
		"no such cron":            {func(p *corrector.Policy) { p.Windows = []corrector.Window{{Cron: "0 25 * * *", For: hours(1)}} }, "window 1: cron"},
		"a cron every so often":   {func(p *corrector.Policy) { p.Windows = []corrector.Window{{Cron: "@every 1h", For: hours(1)}} }, "want five fields"},
		"a window without an end": {func(p *corrector.Policy) { p.Windows = []corrector.Window{{Cron: "0 9 * * *"}} }, "window 1: for: want how long"},
		"a share of a rack":       {func(p *corrector.Policy) { p.Budget.DomainPercent = 101 }, "domain_percent 101"},
		"unknown actuator":        {func(p *corrector.Policy) { p.Actuator = "reboot" }, `unknown actuator "reboot"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := good
			tt.change(&p)
			_, err := corrector.New(corrector.Options{
				Policies: []corrector.Policy{p}, Actuators: map[string]corrector.Actuator{"cordon": newCluster(1)},
				Log: newMemLog(), Risks: &risks{},
			})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	w := newWorld(t, good)
	if err := w.SetPolicies([]corrector.Policy{{Name: "p"}}); err == nil || len(w.Policies()) != 1 {
		t.Errorf("a wrong reload: %v, %d policies stay", err, len(w.Policies()))
	}
	if err := w.SetPolicies([]corrector.Policy{w.policy, w.policy}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}

// FuzzPolicy decodes policies strictly, as the configuration does: whatever it
// reads, Validate answers, and what it lets pass can be used.
func FuzzPolicy(f *testing.F) {
	f.Add(policyYAML)
	f.Add("{name: a, actuator: cordon}")
	f.Add("{name: a, actuator: cordon, windows: [{cron: '*/5 9-17 * * MON-FRI', for: 1m, timezone: America/New_York}], freeze: [{from: 2026-03-29, to: 2026-03-29T02:30:00+02:00}]}")
	f.Add("name: a\nactuator: cordon\nmin_risk: .nan\nbudget: {percent: .inf}")
	f.Fuzz(func(t *testing.T, text string) {
		var p corrector.Policy
		if yaml.Unmarshal([]byte(text), &p) != nil || p.Validate() != nil {
			return
		}
		d := p.WithDefaults()
		if !(d.MinRisk > 0 && d.MinRisk <= 1) || !(d.Budget.Percent > 0 && d.Budget.Percent <= 100) || d.Expires <= 0 || d.Budget.Concurrent < 1 {
			t.Errorf("%q passes as %+v", text, d)
		}
	})
}
