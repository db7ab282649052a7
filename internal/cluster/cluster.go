package cluster

import (
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/driftcast/driftcast/internal/proc"
)

// Options say what a cluster is to look like.
type Options struct {
	Nodes int // simulated ones, gpu-000 and on; default 6
	GPUs  int // of each node; default 8

	// Further flags of the components; the last of a kind wins.
	APIServerArgs, ControllerArgs, SchedulerArgs []string
}

// Cluster is a running control plane.
type Cluster struct {
	Dir    string // holds logs (*.log), certificates and kubeconfigs
	Server string // the apiserver's address, https://127.0.0.1:…

	client  kubernetes.Interface
	dynamic dynamic.Interface
	built   Built
	options Options
	ports   map[string]string // component → port
	running map[string]*proc.Process
}

// Start starts a cluster for one test and ends it with the test. Where the test
// has failed, the logs stay and the test says where.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(t.Failed()) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the logs of the control plane are in %s", c.Dir)
		}
	})
	return c
}

// New starts a cluster whose nodes are ready; whoever starts it closes it.
func New(ctx context.Context, o Options) (_ *Cluster, err error) {
	if o.Nodes == 0 {
		o.Nodes = 6
	}
	if o.GPUs == 0 {
		o.GPUs = 8
	}
	c := &Cluster{options: o, running: map[string]*proc.Process{}}
	if c.built, err = Build(ctx, os.Stderr); err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	if c.Dir, err = os.MkdirTemp("", "driftcast-cluster-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("control plane (logs in %s): %w", c.Dir, err)
			c.Close(true)
		}
	}()
	if c.ports, err = freePorts("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"); err != nil {
		return nil, err
	}
	c.Server = "https://127.0.0.1:" + c.ports["kube-apiserver"]
	if err := c.credentials(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.path("stages.yaml"), stages, 0o600); err != nil {
		return nil, err
	}
	return c, c.up(ctx)
}

// up starts the components in the order in which they need one another.
func (c *Cluster) up(ctx context.Context) error {
	if err := errors.Join(c.start("etcd"), c.start("kube-apiserver")); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	if c.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	if err := c.ready(ctx, 90*time.Second); err != nil {
		return err
	}
	if err := errors.Join(c.start("kube-controller-manager"), c.start("kube-scheduler"), c.start("kwok")); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { _, err := c.addNodes(ctx, c.options.Nodes, nil); return err })
	group.Go(func() error { return c.defaults(ctx, "default") })
	return group.Wait()
}

// ready waits until the apiserver says that it is.
func (c *Cluster) ready(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.running["kube-apiserver"].Done():
			return fmt.Errorf("kube-apiserver has ended: %s", c.running["kube-apiserver"].Tail(2000))
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready after %s: %w", limit, err)
		case <-time.After(50 * time.Millisecond): // nothing can be watched yet
		}
	}
}

// Close ends every component, etcd last. Its folder goes, unless logs are kept.
func (c *Cluster) Close(keep bool) {
	for _, name := range slices.Backward(components) {
		if p := c.running[name]; p != nil {
			p.Kill()
		}
	}
	if !keep {
		_ = os.RemoveAll(c.Dir) // a temporary folder
	}
}

// Client speaks to the apiserver as its administrator.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Dynamic is Client for kinds that are not known beforehand.
func (c *Cluster) Dynamic() dynamic.Interface { return c.dynamic }

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.path("admin.kubeconfig") }

// Config is the administrator's client configuration, for the caller to change.
func (c *Cluster) Config(t testing.TB) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// KillAPIServer ends the apiserver as a crash would; everything else lives on.
func (c *Cluster) KillAPIServer() { c.running["kube-apiserver"].Kill() }

// StartAPIServer brings it back, at the same address, and waits for it.
func (c *Cluster) StartAPIServer(t testing.TB) {
	t.Helper()
	if err := errors.Join(c.start("kube-apiserver"), c.ready(t.Context(), time.Minute)); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) start(name string) error {
	p, err := proc.Start(c.path(name+".log"), nil, c.built.Binary, append([]string{name}, c.flags(name)...)...)
	if err == nil {
		c.running[name] = p
	}
	return err
}

// credentials makes every certificate, key and kubeconfig.
func (c *Cluster) credentials() error {
	ca, err := newAuthority(c.Dir, "ca")
	if err != nil {
		return err
	}
	front, err := newAuthority(c.Dir, "front-ca") // extension apiservers trust it and no other
	if err != nil {
		return err
	}
	if _, err := newKey(c.Dir, "tokens"); err != nil {
		return err
	}
	errs := []error{front.issue("front", pkix.Name{CommonName: "front"}), ca.issue("apiserver", pkix.Name{CommonName: "kube-apiserver"})}
	for name, subject := range map[string]pkix.Name{
		"admin":                   {CommonName: "admin", Organization: []string{"system:masters"}},
		"kwok":                    {CommonName: "kwok", Organization: []string{"system:masters"}},
		"kube-controller-manager": {CommonName: "system:kube-controller-manager"},
		"kube-scheduler":          {CommonName: "system:kube-scheduler"},
	} {
		errs = append(errs, ca.issue(name, subject), c.kubeconfig(name))
	}
	return errors.Join(errs...)
}

// freePorts returns a loopback port for each name, free a moment ago.
func freePorts(names ...string) (map[string]string, error) {
	ports := map[string]string{}
	for _, name := range names {
		l, err := proc.Listen()
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all are held until all are found; nothing was sent
		_, ports[name], _ = net.SplitHostPort(l.Addr().String())
	}
	return ports, nil
}
