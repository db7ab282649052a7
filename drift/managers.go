package drift

import "github.com/driftcast/driftcast/cluster"

// hand is whose hand a field manager is.
type hand int

const (
	unknown    hand = iota // a manager that nothing is known of
	person                 // somebody at a keyboard
	controller             // keeps fields on somebody's behalf
	declarer               // what it sets is declared
)

// declarers are tools that declare with plain updates. Every server-side-apply
// manager declares, unless it is a controller.
func declarers() []string {
	return []string{"kubectl-client-side-apply", "kubectl-create", "kubectl-replace", "kubectl-expose", "kubectl-run", "kubectl-autoscale", "helm", "Helm",
		"argocd-*", "kustomize-controller", "helm-controller", "flux*", "Terraform*", "terraform*", "pulumi*", "kapp*", "kapp-server", "ansible*", "OpenAPI-Generator",
		"before-first-apply", "fleetagent", "gitops*", "skaffold", "tilt", "werf*", "timoni*", "cdk8s*", "crossplane*"}
}

// controllers keep fields of objects that others declare.
func controllers() []string {
	return []string{"kube-*", "kubelet", "cloud-controller-manager", "cluster-autoscaler", "karpenter*", "vpa-*", "recommender", "admission-controller",
		"keda*", "cert-manager*", "cainjector", "gpu-operator*", "nvidia*", "nfd-*", "gpu-feature-discovery", "node-feature-discovery*", "network-operator*",
		"node-problem-detector", "calico*", "cilium*", "flanneld", "antrea*", "kwok*", "coredns", "csi-*", "snapshot-controller", "external-*", "istio*", "pilot-discovery",
		"linkerd*", "kueue*", "volcano*", "knative*", "webhook*", "argo-rollouts*", "rollouts-controller", "descheduler", "descaler", "driftcast*", "storage-provisioner",
		"local-path-provisioner", "leader-election", "kyverno*", "gatekeeper*", "ray-operator", "training-operator", "mpi-operator", "jobset*", "lws*", "controller", "manager"}
}

// people are clients with a person behind them.
func people() []string {
	return []string{"kubectl", "kubectl-*", "k9s", "lens", "Lens", "OpenLens", "node-fetch", "Mozilla", "dashboard*", "headlamp*", "octant", "rancher*", "oc", "curl", "httpie"}
}

// hands tells managers apart.
type hands struct{ declarers, controllers []string }

// of says whose hand an entry of managedFields is. The scale subresource and
// kubectl's Update on it are a person's, whichever tool it is; every other
// subresource is a controller's.
func (h hands) of(m *cluster.Manager) hand {
	switch {
	case m.Name == "kubectl-last-applied", anyOf(h.controllers, m.Name), anyOf(controllers(), m.Name):
		return controller
	case m.Subresource != "" && m.Subresource != "scale" && m.Subresource != "resize" && m.Subresource != "ephemeralcontainers":
		return controller
	case m.Operation == "Apply" && m.Subresource == "":
		return declarer
	case m.Subresource == "" && (anyOf(h.declarers, m.Name) || anyOf(declarers(), m.Name)):
		return declarer
	case anyOf(people(), m.Name):
		return person
	}
	return unknown
}
