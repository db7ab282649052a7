package cluster

// role says what a kind is watched for.
type role int

const (
	declared  role = iota // people declare its state: body, managers, every change
	derived               // a controller makes it of something declared: body, no changes of its own
	transient             // Events: they pass
)

// kind is a kind that is watched.
type kind struct {
	Resource
	Kind       string
	Namespaced bool
	role       role
	optional   bool // nobody is told where the server does not have it
	further    bool // named in the configuration; Kind and Namespaced come from discovery
}

// defaultKinds are watched without being asked for. Secrets are not among them:
// only where the configuration names them, and then without their values.
func defaultKinds() []kind {
	var out []kind
	add := func(group, version string, namespaced bool, r role, optional bool, names ...string) {
		for i := 0; i < len(names); i += 2 {
			out = append(out, kind{
				Resource: Resource{Group: group, Version: version, Resource: names[i]}, Kind: names[i+1],
				Namespaced: namespaced, role: r, optional: optional,
			})
		}
	}
	add("", "v1", false, declared, false, "nodes", "Node", "namespaces", "Namespace")
	add("", "v1", true, declared, false, "pods", "Pod", "services", "Service", "configmaps", "ConfigMap", "serviceaccounts", "ServiceAccount",
		"persistentvolumeclaims", "PersistentVolumeClaim", "resourcequotas", "ResourceQuota", "limitranges", "LimitRange")
	add("", "v1", true, transient, false, "events", "Event")
	add("apps", "v1", true, declared, false, "deployments", "Deployment", "statefulsets", "StatefulSet", "daemonsets", "DaemonSet")
	add("apps", "v1", true, derived, false, "replicasets", "ReplicaSet", "controllerrevisions", "ControllerRevision")
	add("batch", "v1", true, declared, false, "jobs", "Job", "cronjobs", "CronJob")
	add("autoscaling", "v2", true, declared, false, "horizontalpodautoscalers", "HorizontalPodAutoscaler")
	add("policy", "v1", true, declared, false, "poddisruptionbudgets", "PodDisruptionBudget")
	add("rbac.authorization.k8s.io", "v1", true, declared, false, "roles", "Role", "rolebindings", "RoleBinding")
	add("rbac.authorization.k8s.io", "v1", false, declared, false, "clusterroles", "ClusterRole", "clusterrolebindings", "ClusterRoleBinding")
	add("networking.k8s.io", "v1", true, declared, false, "ingresses", "Ingress", "networkpolicies", "NetworkPolicy")
	add("scheduling.k8s.io", "v1", false, declared, false, "priorityclasses", "PriorityClass")
	add("argoproj.io", "v1alpha1", true, declared, true, "applications", "Application")
	add("kustomize.toolkit.fluxcd.io", "v1", true, declared, true, "kustomizations", "Kustomization")
	add("helm.toolkit.fluxcd.io", "v2", true, declared, true, "helmreleases", "HelmRelease")
	return out
}

// kinds are the default kinds and those that a configuration adds.
func (c Config) kinds() []kind {
	out := defaultKinds()
next:
	for _, r := range c.Watch {
		for _, k := range out {
			if k.Group == r.Group && k.Resource.Resource == r.Resource {
				continue next // one version of a kind is enough
			}
		}
		out = append(out, kind{Resource: r, role: declared, further: true})
	}
	return out
}

// Resources are the resources that the observer lists and watches: what its role
// must allow.
func (c Config) Resources() []Resource {
	kinds := c.kinds()
	out := make([]Resource, len(kinds))
	for i := range kinds {
		out[i] = kinds[i].Resource
	}
	return out
}
