package drift

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// Config is the section drift of the configuration.
type Config struct {
	Interval model.Duration `yaml:"interval"` // between comparisons; default 1m

	Ignore []Ignore `yaml:"ignore"` // beside what Kubernetes' own controllers keep
	// Controllers are field managers that keep fields of objects that others
	// declare, and Declarers are tools that declare with plain updates; beside
	// those that are known. * stands for any text.
	Controllers []string `yaml:"controllers"`
	Declarers   []string `yaml:"declarers"`

	Fleet      Fleet          `yaml:"fleet"`
	Unobserved model.Duration `yaml:"unobserved"` // that a controller may take to see a new generation; default 10m
	Events     bool           `yaml:"events"`     // write a Kubernetes Event on each change of a verdict; default false

	DryRun DryRunConfig `yaml:"dry_run"`
}

// DryRunConfig is the second tier. It needs the verb patch on what is declared,
// although it changes nothing: give it a ServiceAccount of its own.
type DryRunConfig struct {
	Enabled    bool    `yaml:"enabled"`
	Kubeconfig string  `yaml:"kubeconfig"` // as that ServiceAccount; empty: as the observer
	QPS        float64 `yaml:"qps"`        // dry runs a second; default 5
}

// Fleet says what nodes of a pool should have in common.
type Fleet struct {
	Pool     []string       `yaml:"pool"`     // labels; the first that a node has names its pool
	Versions []string       `yaml:"versions"` // components, as the observer names them
	Labels   []string       `yaml:"labels"`   // patterns of labels that the pool agrees on
	Except   []string       `yaml:"except"`   // patterns of labels that it need not
	Declared []FleetDefined `yaml:"declared"` // values that go before a majority
	Minimum  int            `yaml:"minimum"`  // members of a pool from which a majority means something; default 3
}

// FleetDefined is what the nodes of a pool are declared to have.
type FleetDefined struct {
	Pool     string            `yaml:"pool"` // pattern of the pool's name; empty: every pool
	Versions map[string]string `yaml:"versions"`
	Labels   map[string]string `yaml:"labels"`
}

// DefaultConfig is what an empty section means.
func DefaultConfig() Config {
	return Config{
		Interval:   model.Duration(time.Minute),
		Unobserved: model.Duration(10 * time.Minute),
		Fleet: Fleet{
			Pool:     []string{"nvidia.com/gpu.product", "node.kubernetes.io/instance-type"},
			Versions: []string{"driver", "cuda", "vbios", "kubelet", "runtime", "kernel"},
			Labels:   []string{"nvidia.com/*", "feature.node.kubernetes.io/*", "kubernetes.io/os", "kubernetes.io/arch"},
			Except:   []string{"nvidia.com/cuda.*", "nvidia.com/gpu.vbios-version", "*timestamp*", "*hostname*", "nvidia.com/gpu.deploy.*", "feature.node.kubernetes.io/kernel-*"},
			Minimum:  3,
		},
		DryRun: DryRunConfig{QPS: 5},
	}
}

// Validate names the key that is wrong and the remedy.
func (c Config) Validate() error {
	switch {
	case c.Interval <= 0:
		return fmt.Errorf("drift.interval: want more than 0s, such as 1m")
	case c.Unobserved <= 0:
		return fmt.Errorf("drift.unobserved: want more than 0s, such as 10m")
	case c.Fleet.Minimum < 2:
		return fmt.Errorf("drift.fleet.minimum: want 2 or more; 3 is usual")
	case c.DryRun.Enabled && c.DryRun.QPS <= 0:
		return fmt.Errorf("drift.dry_run.qps: want more than 0, such as 5")
	case c.DryRun.Kubeconfig != "" && !c.DryRun.Enabled:
		return fmt.Errorf("drift.dry_run.kubeconfig: nothing reads it; set dry_run.enabled: true, or leave it out")
	}
	for i, ignore := range c.Ignore {
		if ignore.Kind == "" && ignore.Namespace == "" && ignore.Name == "" && len(ignore.Paths) == 0 && len(ignore.Managers) == 0 {
			return fmt.Errorf("drift.ignore[%d]: it would ignore everything; set kind, namespace, name, paths or managers", i)
		}
	}
	if _, err := readRules(c.Ignore); err != nil {
		return err
	}
	for i, d := range c.Fleet.Declared {
		if len(d.Versions) == 0 && len(d.Labels) == 0 {
			return fmt.Errorf("drift.fleet.declared[%d]: want versions or labels", i)
		}
	}
	return nil
}
