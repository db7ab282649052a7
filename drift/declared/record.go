package declared

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	kubeyaml "sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
)

// Recordable says why a kind is not recorded as a declaration; nil: it is.
func Recordable(group, kind string) error {
	switch group + "/" + kind {
	case "/Secret":
		return fmt.Errorf("secrets are not recorded: their values must not lie in a folder (keep them in a secret store, or seal them)")
	case "/Pod", "apps/ReplicaSet", "apps/ControllerRevision", "/Event", "events.k8s.io/Event", "/Endpoints", "discovery.k8s.io/EndpointSlice",
		"coordination.k8s.io/Lease":
		return fmt.Errorf("%s objects are made by controllers: nobody declares them (record what makes them, such as the Deployment)", kind)
	}
	return nil
}

// Recorded is a live object as somebody would have declared it: without what the
// server and its controllers fill in by themselves. scaled leaves out replicas,
// which an autoscaler keeps. skip says why an object is not recorded at all.
func Recorded(object map[string]any, scaled bool) (manifest map[string]any, skip string) {
	d := document{object: object}
	gvk := d.gvk()
	metadata, _ := object["metadata"].(map[string]any)
	owners, _ := metadata["ownerReferences"].([]any)
	for _, owner := range owners {
		if o, ok := owner.(map[string]any); ok && o["controller"] == true {
			return nil, fmt.Sprintf("made by %v %v", o["kind"], o["name"])
		}
	}
	switch name := d.metadata("name"); gvk.Kind + "/" + name {
	case "ConfigMap/kube-root-ca.crt", "ServiceAccount/default":
		return nil, "made by Kubernetes in every namespace"
	case "Service/kubernetes":
		if d.metadata("namespace") == "default" {
			return nil, "made by Kubernetes"
		}
	}
	manifest, _ = withoutNulls(Clean(object)).(map[string]any)
	drop := func(path ...string) { remove(manifest, path...) }
	drop("metadata", "ownerReferences")
	drop("metadata", "finalizers")
	drop("metadata", "annotations", "deployment.kubernetes.io/revision")
	drop("metadata", "annotations", "deprecated.daemonset.template.generation")
	if scaled {
		drop("spec", "replicas")
	}
	switch gvk.Kind {
	case "Service":
		spec, _ := manifest["spec"].(map[string]any)
		if spec["clusterIP"] != "None" {
			drop("spec", "clusterIP")
			drop("spec", "clusterIPs")
		}
		drop("spec", "ipFamilies")
		drop("spec", "ipFamilyPolicy")
		drop("spec", "healthCheckNodePort")
	case "PersistentVolumeClaim":
		drop("spec", "volumeName")
		for _, key := range []string{"pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller", "volume.kubernetes.io/selected-node", "volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"} {
			drop("metadata", "annotations", key)
		}
	case "ServiceAccount":
		drop("secrets")
	case "Job":
		drop("spec", "selector")
		for _, key := range []string{"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"} {
			drop("spec", "template", "metadata", "labels", key)
			drop("metadata", "labels", key)
		}
	case "Node":
		for _, key := range []string{"podCIDR", "podCIDRs", "providerID"} {
			drop("spec", key)
		}
	case "Namespace":
		drop("spec")
	}
	return manifest, ""
}

// remove deletes a field, and what is then empty above it within metadata.
func remove(object map[string]any, path ...string) {
	if len(path) == 1 {
		delete(object, path[0])
		return
	}
	inner, ok := object[path[0]].(map[string]any)
	if !ok {
		return
	}
	remove(inner, path[1:]...)
	if len(inner) == 0 && (path[0] == "annotations" || path[0] == "labels" || path[0] == "metadata") {
		delete(object, path[0])
	}
}

// withoutNulls copies a value without nulls, which declare nothing.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			if item != nil {
				out[key] = withoutNulls(item)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutNulls(item)
		}
		return out
	}
	return value
}

// WriteManifest writes one object to its own file below dir and returns the
// file's path below it: namespace/kind-name.yaml, keys sorted. A file that is
// there is replaced.
func WriteManifest(dir string, ref cluster.Ref, manifest map[string]any) (string, error) {
	folder := ref.Namespace
	if folder == "" {
		folder = "_cluster"
	}
	name := strings.ToLower(ref.Kind)
	if ref.Group != "" {
		name += "." + ref.Group
	}
	file := filepath.Join(folder, name+"-"+strings.ReplaceAll(ref.Name, ":", "%3A")+".yaml")
	text, err := kubeyaml.Marshal(manifest)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", ref, err)
	}
	path := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("write %s: %w", ref, err)
	}
	// Environment values may hold what only its owner should read.
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", ref, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", fmt.Errorf("write %s: %w", ref, err)
	}
	return file, nil
}
