package cluster

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Config is the section cluster of the configuration.
type Config struct {
	Kubeconfig string  `yaml:"kubeconfig"` // as ConnectOptions
	Context    string  `yaml:"context"`
	InCluster  bool    `yaml:"in_cluster"`
	QPS        float32 `yaml:"qps"`
	Burst      int     `yaml:"burst"`

	// Namespaces are watched; none: all.
	Namespaces []string `yaml:"namespaces"`
	// Watch names further kinds beside those of Kinds.
	Watch []Resource `yaml:"watch"`
	// Versions says which labels (or else annotations) of a node hold the
	// version of a component, the first that is there; labels joined by commas
	// are parts that make a version with dots between. Unset components have
	// GPU feature discovery's names: see DefaultVersions.
	Versions map[string][]string `yaml:"versions"`
}

// Resource names a kind by what a role calls it.
type Resource struct {
	Group    string `yaml:"group"`
	Version  string `yaml:"version"`
	Resource string `yaml:"resource"` // plural, in lower case
}

// GVR is the resource in client-go's words.
func (r Resource) GVR() schema.GroupVersionResource {
	return schema.GroupVersionResource(r)
}

// String writes the resource as a role does: nodes, deployments.apps.
func (r Resource) String() string { return r.GVR().GroupResource().String() }

// Validate names the key that is wrong and the remedy.
func (c Config) Validate() error {
	if c.InCluster && (c.Kubeconfig != "" || c.Context != "") {
		return fmt.Errorf("cluster.in_cluster: excludes kubeconfig and context; leave one of them out")
	}
	if c.QPS < 0 || c.Burst < 0 {
		return fmt.Errorf("cluster.qps, cluster.burst: must not be negative; leave them out for 20 and 40")
	}
	for _, name := range c.Namespaces {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("cluster.namespaces: %q is no namespace: %s", name, problems[0])
		}
	}
	for i, r := range c.Watch {
		if r.Version == "" || r.Resource == "" || r.Resource != strings.ToLower(r.Resource) {
			return fmt.Errorf("cluster.watch[%d]: want version and resource, a plural in lower case such as certificates; kubectl api-resources lists them", i)
		}
		if slices.Contains(c.Watch[:i], r) {
			return fmt.Errorf("cluster.watch[%d]: %s is there twice; leave one out", i, r)
		}
	}
	for component, labels := range c.Versions {
		if component == "" || len(labels) == 0 || slices.Contains(labels, "") {
			return fmt.Errorf("cluster.versions.%s: want the names of labels", component)
		}
	}
	return nil
}

// Connect are the options of a connection as configured.
func (c Config) Connect(userAgent string) ConnectOptions {
	return ConnectOptions{Kubeconfig: c.Kubeconfig, Context: c.Context, InCluster: c.InCluster, QPS: c.QPS, Burst: c.Burst, UserAgent: userAgent}
}

// DefaultVersions are the labels of GPU feature discovery, the older ones last.
// It has none for the VBIOS; the name here is for those who set one themselves.
func DefaultVersions() map[string][]string {
	return map[string][]string{
		"driver": {
			"nvidia.com/cuda.driver-version.full",
			"nvidia.com/cuda.driver.major,nvidia.com/cuda.driver.minor,nvidia.com/cuda.driver.rev",
			"nvidia.com/cuda.driver.major,nvidia.com/cuda.driver.minor",
		},
		"cuda": {
			"nvidia.com/cuda.runtime-version.full",
			"nvidia.com/cuda.runtime.major,nvidia.com/cuda.runtime.minor",
		},
		"vbios": {"nvidia.com/gpu.vbios-version"},
	}
}
