package cluster

import (
	_ "embed"
	"slices"

	"k8s.io/client-go/tools/clientcmd/api"
)

// stages say how the simulated pods live.
//
//go:embed stages.yaml
var stages []byte

// components in the order in which they start.
var components = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}

// kubeconfig writes a kubeconfig of a component that has a certificate.
func (c *Cluster) kubeconfig(name string) error {
	return writeKubeconfig(c.path(name+".kubeconfig"), c.Server, c.path("ca.crt"),
		api.AuthInfo{ClientCertificate: c.path(name + ".crt"), ClientKey: c.path(name + ".key")})
}

// flags are a component's command line.
func (c *Cluster) flags(name string) []string {
	const loopback = "127.0.0.1"
	at := func(component string) string { return "http://" + loopback + ":" + c.ports[component] }
	secure := []string{"--bind-address=" + loopback, "--secure-port=" + c.ports[name], "--cert-dir=" + c.path(name+".certs")}
	connects := []string{"--kubeconfig=" + c.path(name+".kubeconfig"),
		"--authentication-kubeconfig=" + c.path(name+".kubeconfig"), "--authorization-kubeconfig=" + c.path(name+".kubeconfig"),
		"--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=400"}
	switch name {
	case "etcd":
		return []string{"--name=test", "--data-dir=" + c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
			"--listen-client-urls=" + at("etcd"), "--advertise-client-urls=" + at("etcd"),
			"--listen-peer-urls=" + at("etcd-peer"), "--initial-advertise-peer-urls=" + at("etcd-peer"), "--initial-cluster=test=" + at("etcd-peer")}
	case "kube-apiserver":
		// Without an endpoint reconciler it does not publish loopback as the address of
		// the service "kubernetes", which validation would refuse for ever.
		return slices.Concat(secure, []string{"--etcd-servers=" + at("etcd"), "--advertise-address=" + loopback, "--endpoint-reconciler-type=none",
			"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC", "--allow-privileged=true", "--profiling=false",
			"--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"), "--client-ca-file=" + c.path("ca.crt"),
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + c.path("tokens.key"), "--service-account-signing-key-file=" + c.path("tokens.key"),
			"--requestheader-client-ca-file=" + c.path("front-ca.crt"), "--requestheader-allowed-names=front",
			"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + c.path("front.crt"), "--proxy-client-key-file=" + c.path("front.key"),
		}, c.options.APIServerArgs)
	case "kube-controller-manager":
		return slices.Concat(secure, connects, []string{"--use-service-account-credentials=true", "--root-ca-file=" + c.path("ca.crt"),
			"--service-account-private-key-file=" + c.path("tokens.key"),
			"--cluster-signing-cert-file=" + c.path("ca.crt"), "--cluster-signing-key-file=" + c.path("ca.key"),
			"--node-monitor-period=2s", "--node-monitor-grace-period=20s"}, c.options.ControllerArgs)
	case "kube-scheduler":
		return slices.Concat(secure, connects, c.options.SchedulerArgs)
	case "kwok":
		return []string{"--kubeconfig=" + c.path("kwok.kubeconfig"), "--config=" + c.built.Stages, "--config=" + c.path("stages.yaml"),
			"--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=" + simulated + "=fake",
			"--cidr=10.244.0.0/16", "--node-ip=" + loopback, "--node-lease-duration-seconds=40", "--server-address=" + loopback + ":" + c.ports["kwok"]}
	}
	return nil
}
