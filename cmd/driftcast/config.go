package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/robfig/cron/v3"
	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/audit"
	"github.com/driftcast/driftcast/drift/declared"
	"github.com/driftcast/driftcast/forecaster"
)

// config is driftcast.yml. Unknown keys are errors; every default is set in
// defaultConfig.
type config struct {
	Prometheus    endpoint          `yaml:"prometheus"`
	Alertmanagers []endpoint        `yaml:"alertmanagers"`
	TargetFiles   []string          `yaml:"target_files"` // globs, relative to this file; none: the built-in packs
	History       historyConfig     `yaml:"history"`
	Forecast      forecastConfig    `yaml:"forecast"`
	Training      trainingConfig    `yaml:"training"`
	Cluster       clusterConfig     `yaml:"cluster"`   // nothing set: no cluster is watched
	Drift         drift.Config      `yaml:"drift"`     // what differs from the declared state
	Baselines     []declared.Config `yaml:"baselines"` // where that state is declared, beside the cluster itself
	Corrections   correctionConfig  `yaml:"corrections"`
	Audit         auditConfig       `yaml:"audit"`
	API           apiConfig         `yaml:"api"`
}

// endpoint is a server we talk to: a URL and the whole of Prometheus' client
// settings (basic_auth, authorization, oauth2, tls_config, http_headers, …).
type endpoint struct {
	URL         string                      `yaml:"url"`
	Timeout     model.Duration              `yaml:"timeout"`
	Concurrency int                         `yaml:"concurrency"`
	HTTP        promconfig.HTTPClientConfig `yaml:",inline"`
}

type historyConfig struct {
	Retention model.Duration `yaml:"retention"` // of History; default 30d
	Backfill  model.Duration `yaml:"backfill"`  // asked of Prometheus at first contact; default 14d
}

type forecastConfig struct {
	Interval model.Duration `yaml:"interval"` // between steps; default 1m
}

type trainingConfig struct {
	Schedule string         `yaml:"schedule"` // cron; default 03:00 every day; "" or off: never
	Window   model.Duration `yaml:"window"`   // of history learned from; default 14d
	Shadow   model.Duration `yaml:"shadow"`   // that a better challenger is tried beside the champion; default 24h; 0: not at all
	Seed     uint64         `yaml:"seed"`
}

// schedule is Schedule as the forecaster takes it. An off without quotes is a
// word in YAML 1.2, which this is.
func (t trainingConfig) schedule() string {
	if t.Schedule == "" {
		return forecaster.ScheduleOff
	}
	return t.Schedule
}

// clusterConfig is the cluster that is watched, and the Lease by which one of
// several replicas on one storage is chosen to work.
type clusterConfig struct {
	cluster.Config `yaml:",inline"`
	Lease          leaseConfig `yaml:"lease"`
}

// watched says whether there is a cluster to watch.
func (c clusterConfig) watched() bool { return c.InCluster || c.Kubeconfig != "" || c.Context != "" }

type leaseConfig struct {
	Enabled   bool   `yaml:"enabled"`
	Namespace string `yaml:"namespace"` // default driftcast
	Name      string `yaml:"name"`      // default driftcast
	Identity  string `yaml:"identity"`  // of this replica; default the host's name, which is the pod's
}

// killSwitchConfig is a key of a ConfigMap that stops all corrections.
type killSwitchConfig struct {
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"` // empty: there is none
	Key       string `yaml:"key"`  // default stopped: any value but "", "false" and "0" stops
}

type correctionConfig struct {
	Stopped    bool               `yaml:"stopped"`     // nothing is corrected; undoing goes on
	KillSwitch killSwitchConfig   `yaml:"kill_switch"` // beside the API's and the file's
	Kubeconfig string             `yaml:"kubeconfig"`  // of the corrector's own ServiceAccount; empty: in-cluster, or nothing of Kubernetes is corrected
	InCluster  bool               `yaml:"in_cluster"`
	Webhooks   []webhookConfig    `yaml:"webhooks"`
	Policies   []corrector.Policy `yaml:"policies"` // none: nothing is even proposed
}

// webhookConfig is an actuator that posts corrections to a URL.
type webhookConfig struct {
	Name                     string `yaml:"name"` // the actuator's name in policies
	actuators.WebhookOptions `yaml:",inline"`
}

// UnmarshalYAML sets the defaults of a webhook before it is read.
func (w *webhookConfig) UnmarshalYAML(unmarshal func(any) error) error {
	type plain webhookConfig
	w.HTTPClientConfig = promconfig.DefaultHTTPClientConfig
	return unmarshal((*plain)(w))
}

type auditConfig struct {
	Report audit.Config `yaml:"report"`
}

type apiConfig struct {
	TokensFile string  `yaml:"tokens_file"`
	RateLimit  float64 `yaml:"rate_limit"` // requests a second and client; default 50
}

func defaultConfig() config {
	return config{
		Prometheus: endpoint{URL: "http://127.0.0.1:9090", Timeout: model.Duration(30 * time.Second), Concurrency: 4, HTTP: promconfig.DefaultHTTPClientConfig},
		History:    historyConfig{Retention: model.Duration(30 * 24 * time.Hour), Backfill: model.Duration(14 * 24 * time.Hour)},
		Forecast:   forecastConfig{Interval: model.Duration(time.Minute)},
		Training:   trainingConfig{Schedule: "0 3 * * *", Window: model.Duration(14 * 24 * time.Hour), Shadow: model.Duration(24 * time.Hour), Seed: 1},
		Cluster:    clusterConfig{Lease: leaseConfig{Namespace: "driftcast", Name: "driftcast"}},
		Drift:      drift.DefaultConfig(),
		Audit:      auditConfig{Report: audit.Config{Schedule: forecaster.ScheduleOff}.WithDefaults()},
		API:        apiConfig{RateLimit: 50},
	}
}

// UnmarshalYAML sets the defaults of an endpoint before it is read.
func (e *endpoint) UnmarshalYAML(unmarshal func(any) error) error {
	type plain endpoint
	*e = endpoint{Timeout: model.Duration(30 * time.Second), Concurrency: 4, HTTP: promconfig.DefaultHTTPClientConfig}
	return unmarshal((*plain)(e))
}

// loadConfig reads the configuration file, or gives the defaults where there
// is none.
func (a *app) loadConfig() (config, error) {
	if a.configFile == "" {
		return defaultConfig(), nil
	}
	text, err := os.ReadFile(a.configFile)
	if err != nil {
		return config{}, fmt.Errorf("configuration: %w", err)
	}
	return parseConfig(a.configFile, text)
}

func parseConfig(name string, text []byte) (config, error) {
	c := defaultConfig()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return config{}, explainYAML(name, text, err)
	}
	c.resolve(filepath.Dir(name))
	if err := c.validate(); err != nil {
		return config{}, locate(name, text, err)
	}
	return c, nil
}

// complete says what a service lacks, and a command that is told the rest by flags
// or by kubectl's own configuration does not.
func (c *config) complete() error {
	if len(c.Baselines) > 0 && !c.Cluster.watched() {
		return fieldError{"baselines", "", "there is no cluster to compare them with", "set cluster.in_cluster or cluster.kubeconfig"}
	}
	return nil
}

// resolve makes the paths in the file relative to the file's folder.
func (c *config) resolve(dir string) {
	join := func(path *string) { *path = promconfig.JoinDir(dir, *path) }
	for i := range c.TargetFiles {
		join(&c.TargetFiles[i])
	}
	join(&c.Cluster.Kubeconfig)
	join(&c.Drift.DryRun.Kubeconfig)
	join(&c.Corrections.Kubeconfig)
	for i := range c.Baselines {
		c.Baselines[i].SetDirectory(dir)
	}
	join(&c.API.TokensFile)
	for i := range c.Corrections.Webhooks {
		join(&c.Corrections.Webhooks[i].SecretFile)
		c.Corrections.Webhooks[i].HTTPClientConfig.SetDirectory(dir)
	}
	c.Prometheus.HTTP.SetDirectory(dir)
	for i := range c.Alertmanagers {
		c.Alertmanagers[i].HTTP.SetDirectory(dir)
	}
}

// fieldError is what is wrong with one key of the configuration.
type fieldError struct{ key, value, message, remedy string }

func (e fieldError) Error() string {
	return fmt.Sprintf("%s: %s (%s)", e.key, e.message, e.remedy)
}

func (c *config) validate() error {
	for _, e := range append([]endpoint{c.Prometheus}, c.Alertmanagers...) {
		u, err := url.Parse(e.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fieldError{"url", e.URL, fmt.Sprintf("%q is not a URL of a server", e.URL), "write http://host:9090"}
		}
		if err := e.HTTP.Validate(); err != nil {
			return fieldError{"url", e.URL, err.Error(), "see Prometheus' http client configuration"}
		}
	}
	for key, d := range map[string]model.Duration{"retention": c.History.Retention, "backfill": c.History.Backfill,
		"interval": c.Forecast.Interval, "window": c.Training.Window} {
		if d <= 0 {
			return fieldError{key, d.String(), "must be longer than 0", "write a duration such as 14d or 1m"}
		}
	}
	if schedule := c.Training.schedule(); schedule != forecaster.ScheduleOff {
		if _, err := cron.ParseStandard(schedule); err != nil {
			return fieldError{"schedule", schedule, err.Error(), `write five cron fields such as "0 3 * * *", or off`}
		}
	}
	for _, section := range []interface{ Validate() error }{c.Cluster, c.Drift, c.Audit.Report} {
		if err := section.Validate(); err != nil {
			return err
		}
	}
	for i := range c.Baselines {
		if err := c.Baselines[i].Validate(); err != nil {
			return err
		}
	}
	if l := c.Cluster.Lease; l.Enabled && (!c.Cluster.watched() || l.Namespace == "" || l.Name == "") {
		return fieldError{"lease", "", "a Lease lives in a cluster, in a namespace, under a name", "set cluster.in_cluster or cluster.kubeconfig, and lease.namespace and lease.name"}
	}
	if c.API.RateLimit <= 0 {
		return fieldError{"rate_limit", "", "must be over 0", "write requests a second, such as 50"}
	}
	return nil
}

var (
	yamlLine    = regexp.MustCompile(`line (\d+): (.*)`)
	unknownKey  = regexp.MustCompile(`field (\S+) not found in type .*`)
	wrongType   = regexp.MustCompile("cannot unmarshal !!(\\w+) ?(?:`(.*)` )?into (.*)")
	plainTarget = regexp.MustCompile(`main\.|model\.|\*`)
	yamlKinds   = map[string]string{"seq": "a list", "map": "a mapping"}
)

// explainYAML turns yaml's errors into file:line:column: field: message (remedy).
func explainYAML(name string, text []byte, err error) error {
	var messages []string
	lines := strings.Split(string(text), "\n")
	for _, m := range yamlLine.FindAllStringSubmatch(err.Error(), -1) {
		var line int
		_, _ = fmt.Sscan(m[1], &line) // the expression admits digits only
		column, field, message := 1, "", m[2]
		if line >= 1 && line <= len(lines) {
			content := strings.TrimLeft(lines[line-1], " -")
			column = len(lines[line-1]) - len(content) + 1
			field, _, _ = strings.Cut(content, ":")
		}
		if u := unknownKey.FindStringSubmatch(message); u != nil {
			field, message = u[1], "unknown key (remove it, or see the README's configuration section for the known ones)"
		} else if w := wrongType.FindStringSubmatch(message); w != nil {
			what := fmt.Sprintf("%q", w[2])
			if kind := yamlKinds[w[1]]; kind != "" {
				what = kind
			}
			want := plainTarget.ReplaceAllString(w[3], "")
			message = fmt.Sprintf("%s is not what belongs here (write a %s)", what, want)
		}
		messages = append(messages, fmt.Sprintf("%s:%d:%d: %s: %s", name, line, column, strings.TrimSpace(field), message))
	}
	if messages == nil {
		messages = []string{fmt.Sprintf("%s:1:1: %v", name, err)}
	}
	return errors.New(strings.Join(messages, "\n"))
}
