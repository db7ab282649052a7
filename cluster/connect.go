package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// ConnectOptions say which cluster and as whom.
type ConnectOptions struct {
	Kubeconfig string  // a file; empty: the cluster that this process runs in, or else what kubectl would use
	Context    string  // of the kubeconfig; empty: its current one
	InCluster  bool    // use the pod's ServiceAccount, and nothing else
	QPS        float32 // requests a second, on average; 0: 20
	Burst      int     // requests at once; 0: twice QPS
	UserAgent  string  // names us in the server's audit log and in managedFields; empty: driftcast
}

// Connection is one way to an API server: its clients share one rate limit. It
// is safe for concurrent use.
type Connection struct {
	Kubernetes kubernetes.Interface
	Dynamic    dynamic.Interface
	Mapper     meta.ResettableRESTMapper // from discovery, asked once and kept until Reset
	Config     *rest.Config              // for what needs another client, such as one with rights of its own

	meter *meter
}

// Connect makes the clients. It sends nothing: Check does.
func Connect(o ConnectOptions) (*Connection, error) {
	config, err := restConfig(o)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w; name a kubeconfig file and a context that it has, or run in a cluster", err)
	}
	if o.QPS <= 0 {
		o.QPS = 20
	}
	if o.Burst <= 0 {
		o.Burst = int(2 * o.QPS)
	}
	if o.UserAgent == "" {
		o.UserAgent = "driftcast"
	}
	config.QPS, config.Burst, config.UserAgent = o.QPS, o.Burst, o.UserAgent
	meter := &meter{now: time.Now}
	config.Wrap(meter.wrap)
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	// The clients made with one config would have a limit each.
	config.RateLimiter = newLimiter(o.QPS, o.Burst)
	typed, err := kubernetes.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	untyped, err := dynamic.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	return &Connection{
		Kubernetes: typed, Dynamic: untyped, Config: config, meter: meter,
		Mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery())),
	}, nil
}

// Check asks the server for its version: does it answer, and does it know us?
func (c *Connection) Check(ctx context.Context) (version string, err error) {
	body, err := c.Kubernetes.Discovery().RESTClient().Get().AbsPath("/version").DoRaw(ctx)
	if err != nil {
		return "", Explain("get", "/version", fmt.Errorf("%s: %w", c.Config.Host, err))
	}
	return gitVersion(body)
}

// Resource finds the resource of a kind. Discovery is asked again where it is
// not known, since it may be new.
func (c *Connection) Resource(kind schema.GroupVersionKind) (resource schema.GroupVersionResource, namespaced bool, err error) {
	mapping, err := c.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		c.Mapper.Reset()
		mapping, err = c.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return resource, false, Explain("discover", kind.String(), err)
	}
	return mapping.Resource, mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// Requests counts the requests sent so far, retries and watches included.
func (c *Connection) Requests() int { return int(c.meter.requests.Load()) }

// Skew is how far the server's clock is ahead of ours, from the Date of its last
// answer. It is 0 within 2 s, which is as well as Date tells.
func (c *Connection) Skew() time.Duration { return time.Duration(c.meter.skew.Load()) }

func restConfig(o ConnectOptions) (*rest.Config, error) {
	if o.InCluster {
		if o.Kubeconfig != "" || o.Context != "" {
			return nil, errors.New("in_cluster excludes kubeconfig and context")
		}
		return rest.InClusterConfig()
	}
	if o.Kubeconfig == "" && o.Context == "" {
		if config, err := rest.InClusterConfig(); err == nil {
			return config, nil
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.Context}).ClientConfig()
}
