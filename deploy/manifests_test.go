package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// decode reads YAML documents into Kubernetes' own types; a key that they do
// not know is an error.
func decode(t *testing.T, name string, text []byte) (objects []runtime.Object) {
	t.Helper()
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, doc := range strings.Split("\n"+string(text), "\n---\n") {
		object, _, err := strict.Decode([]byte(doc), nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		objects = append(objects, object)
	}
	return objects
}

// manifests are the objects of a folder as they are written.
func manifests(t *testing.T, dir string) (objects []runtime.Object) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", dir, files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, decode(t, file, text)...)
	}
	return objects
}

// rendered are the objects that kubectl would apply.
func rendered(t *testing.T, dir string) []runtime.Object {
	t.Helper()
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not installed: the overlays are not rendered")
	}
	out, err := exec.Command("kubectl", "kustomize", dir).Output()
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v", dir, err)
	}
	return decode(t, dir, out)
}

func podOf(o runtime.Object) *corev1.PodTemplateSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template
	}
	return nil
}

func containers(o runtime.Object) []corev1.Container {
	if p := podOf(o); p != nil {
		return p.Spec.Containers
	}
	return nil
}

// TestKustomizations: every file of a folder is named, and every name is there.
func TestKustomizations(t *testing.T) {
	for _, dir := range []string{"base", "corrector", "dry-run", "ha", "with-corrector", "everything"} {
		text, err := os.ReadFile("kustomize/" + dir + "/kustomization.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var k struct {
			Resources, Components []string
			Patches               []struct{ Path string }
			ConfigMapGenerator    []struct{ Files []string }
		}
		if err := yaml.Unmarshal(text, &k); err != nil {
			t.Fatal(err)
		}
		named := slices.Concat(k.Resources, k.Components)
		for _, p := range k.Patches {
			named = append(named, p.Path)
		}
		for _, g := range k.ConfigMapGenerator {
			named = append(named, g.Files...)
		}
		for _, name := range named {
			if _, err := os.Stat(filepath.Join("kustomize", dir, name)); err != nil {
				t.Error(err)
			}
		}
		files, _ := filepath.Glob("kustomize/" + dir + "/*.y*ml")
		for _, file := range files {
			if name := filepath.Base(file); name != "kustomization.yaml" && !slices.Contains(named, name) {
				t.Errorf("%s is not named in its kustomization", file)
			}
		}
	}
}

// TestPodsAreConfined holds every pod to the restricted Pod Security Standard,
// and to a read-only root besides.
func TestPodsAreConfined(t *testing.T) {
	pods := 0
	for _, o := range manifests(t, "kustomize/base") {
		p := podOf(o)
		if p == nil {
			continue
		}
		pods++
		name := p.Labels["app.kubernetes.io/component"]
		s := p.Spec.SecurityContext
		if s == nil || !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: pod security context %+v", name, s)
		}
		if p.Spec.HostNetwork || p.Spec.HostPID || p.Spec.HostIPC {
			t.Errorf("%s uses the host's namespaces", name)
		}
		if token := p.Spec.AutomountServiceAccountToken; token == nil || *token != (name == "server") {
			t.Errorf("%s: token %v: the server watches, and nobody else does", name, token)
		}
		for _, c := range p.Spec.Containers {
			s := c.SecurityContext
			if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
				t.Errorf("%s/%s: security context %+v", name, c.Name, s)
			}
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s/%s: resources %+v", name, c.Name, c.Resources)
			}
			var mounted []string
			for _, m := range c.VolumeMounts {
				mounted = append(mounted, m.Name)
			}
			for _, v := range p.Spec.Volumes {
				if !slices.Contains(mounted, v.Name) || v.HostPath != nil {
					t.Errorf("%s: volume %s", name, v.Name)
				}
			}
		}
	}
	if pods != 2 {
		t.Errorf("%d pods, want the server and the trainer", pods)
	}
}

// TestRendered looks at what would be applied: names that refer to one another
// meet, those that share the volume can do so, and who may do what is in the
// overlay that it belongs to.
func TestRendered(t *testing.T) {
	for dir, has := range map[string]struct{ corrector, everything bool }{"kustomize/base": {}, "kustomize/with-corrector": {corrector: true}, "kustomize/everything": {true, true}} {
		t.Run(dir, func(t *testing.T) {
			objects := rendered(t, dir)
			there := map[string]bool{}
			var server *appsv1.Deployment
			for _, o := range objects {
				m, err := meta.Accessor(o)
				if err != nil {
					t.Fatal(err)
				}
				there[o.GetObjectKind().GroupVersionKind().Kind+" "+m.GetName()] = true
				if d, ok := o.(*appsv1.Deployment); ok {
					server = d
				}
			}
			need := func(ref string) {
				if !there[ref] {
					t.Errorf("%s is referred to, but not there", ref)
				}
			}
			for _, o := range objects {
				switch o := o.(type) {
				case *rbacv1.ClusterRoleBinding:
					need(o.RoleRef.Kind + " " + o.RoleRef.Name)
					need("ServiceAccount " + o.Subjects[0].Name)
				case *rbacv1.RoleBinding:
					need(o.RoleRef.Kind + " " + o.RoleRef.Name)
					need("ServiceAccount " + o.Subjects[0].Name)
					if o.Namespace != "driftcast" || o.Subjects[0].Namespace != "driftcast" {
						t.Errorf("%s binds %s in %s", o.Name, o.Subjects[0].Namespace, o.Namespace)
					}
				case *corev1.Service:
					for k, v := range o.Spec.Selector {
						if server.Spec.Template.Labels[k] != v {
							t.Errorf("the service selects %s=%s, the pods have %q", k, v, server.Spec.Template.Labels[k])
						}
					}
				case *batchv1.CronJob:
					if o.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
						t.Errorf("trainings may overlap: %s", o.Spec.ConcurrencyPolicy)
					}
					for k, v := range o.Spec.JobTemplate.Spec.Template.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector.MatchLabels {
						if server.Spec.Template.Labels[k] != v {
							t.Errorf("the trainer looks for %s=%s, the server has %q", k, v, server.Spec.Template.Labels[k])
						}
					}
				}
				p := podOf(o)
				if p == nil {
					continue
				}
				need("ServiceAccount " + p.Spec.ServiceAccountName)
				for _, v := range p.Spec.Volumes {
					if v.ConfigMap != nil {
						need("ConfigMap " + v.ConfigMap.Name)
					}
					if v.PersistentVolumeClaim != nil {
						need("PersistentVolumeClaim " + v.PersistentVolumeClaim.ClaimName)
					}
				}
				for _, c := range p.Spec.Containers {
					if !strings.HasSuffix(c.Image, "driftcast:dev") {
						t.Errorf("image %s", c.Image)
					}
				}
			}
			file, err := os.ReadFile(dir + "/driftcast.yml")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(objects, func(o runtime.Object) bool { // and no component has put its own in its place
				m, ok := o.(*corev1.ConfigMap)
				return ok && m.Data["driftcast.yml"] == string(file)
			}) {
				t.Errorf("%s/driftcast.yml is not what is deployed", dir)
			}
			if alone := *server.Spec.Replicas == 1 && server.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType; alone == has.everything {
				t.Errorf("%d servers on one volume, strategy %s", *server.Spec.Replicas, server.Spec.Strategy.Type)
			}
			if (server.Spec.Template.Spec.ServiceAccountName == "driftcast-corrector") != has.corrector || there["ClusterRole driftcast-actuator-cordon"] != has.corrector {
				t.Errorf("the corrector's rights are in the wrong overlay: account %s", server.Spec.Template.Spec.ServiceAccountName)
			}
			if there["ValidatingAdmissionPolicy driftcast-dry-run"] != has.everything || there["Role driftcast-lease"] != has.everything {
				t.Error("the dry-run account or the Lease is in the wrong overlay")
			}
		})
	}
}
