package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift/declared"
)

// recordFlags are the flags of `driftcast baseline record`.
type recordFlags struct {
	kubeconfig, context string
	namespaces, kinds   []string
	selector            string
}

// recordedKinds are recorded unless others are named.
func recordedKinds() []string {
	return []string{"deployments.apps", "statefulsets.apps", "daemonsets.apps", "cronjobs.batch", "services", "configmaps", "ingresses.networking.k8s.io",
		"networkpolicies.networking.k8s.io", "horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"}
}

func (a *app) baselineRecordCommand() *cobra.Command {
	f := &recordFlags{}
	cmd := &cobra.Command{
		Use:   "record FOLDER",
		Short: "Write the live state of a cluster as manifests, for a team that declares it nowhere yet",
		Long: `Writes one file an object, NAMESPACE/KIND-NAME.yaml, with keys sorted and without what the server and its controllers fill
in. It reads only. Objects that others make (Pods of a Deployment, …) are left out, and so are replicas that an autoscaler
keeps. Recording again replaces files; the file of an object that is gone stays, and compares as a deletion.

Secrets are refused. Environment variables and ConfigMaps are written as they are: look them through before you share them.`,
		Example: `  driftcast baseline record ./manifests -n shop
  driftcast baseline record ./manifests --kind Deployment --kind certificates.cert-manager.io -l team=search
  driftcast baseline compare ./manifests`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.record(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	connectFlags(cmd, &f.kubeconfig, &f.context)
	flags.StringSliceVarP(&f.namespaces, "namespace", "n", nil, "only this namespace; may be repeated (default: all but kube-system, kube-public and kube-node-lease)")
	flags.StringSliceVar(&f.kinds, "kind", nil, "kinds or resources, such as Deployment or widgets.example.org; may be repeated (default: "+strings.Join(recordedKinds(), ", ")+")")
	flags.StringVarP(&f.selector, "selector", "l", "", "only objects with these labels")
	return cmd
}

// recordView is what was recorded.
type recordView struct {
	Folder  string         `json:"folder"`
	Written []writtenView  `json:"written"`
	Skipped map[string]int `json:"skipped"` // why, and how many
}

type writtenView struct {
	Object cluster.Ref `json:"object"`
	File   string      `json:"file"`
}

func (a *app) record(ctx context.Context, dir string, f *recordFlags) error {
	settings, err := a.driftSettings(&driftFlags{kubeconfig: f.kubeconfig, context: f.context})
	if err != nil {
		return err
	}
	conn, _, err := a.lookOnce(ctx, settings.cluster)
	if err != nil {
		return err
	}
	r := recording{conn: conn, flags: f, dir: dir, view: recordView{Folder: absolute(dir), Written: []writtenView{}, Skipped: map[string]int{}}}
	if err := r.run(ctx); err != nil {
		return err
	}
	if err := a.print(r.view, func(t *table) { r.view.draw(t) }); err != nil {
		return err
	}
	if len(r.view.Written) == 0 {
		return fmt.Errorf("nothing was recorded: there is no such object (look at --namespace, --kind and --selector)")
	}
	set, err := declared.Open(declared.Options{Baselines: []declared.Config{{Name: "recorded", Path: dir}}, Scopes: kinds{conn.Mapper}})
	if err != nil {
		return err
	}
	if err := set.Poll(ctx); err != nil {
		return fmt.Errorf("what was recorded does not read: %w", err)
	}
	if problems := set.Status()[0].Problems; len(problems) > 0 {
		return fmt.Errorf("%s: %d files do not read as manifests, the first: %w", dir, len(problems), problems[0])
	}
	return nil
}

// lookOnce connects for commands that look once, and checks that the server
// answers.
func (a *app) lookOnce(ctx context.Context, c cluster.Config) (*cluster.Connection, cluster.Transform, error) {
	conn, err := cluster.Connect(c.Connect("driftcast"))
	if err != nil {
		return nil, cluster.Transform{}, err
	}
	if _, err := conn.Check(ctx); err != nil {
		return nil, cluster.Transform{}, err
	}
	salt := make([]byte, 32) // this process compares with itself only
	if _, err := io.ReadFull(rand.Reader, salt); err != nil {
		return nil, cluster.Transform{}, fmt.Errorf("salt of redacted values: %w", err)
	}
	observer, err := cluster.New(cluster.Options{Connection: conn, Config: c, Salt: salt})
	if err != nil {
		return nil, cluster.Transform{}, err
	}
	return conn, observer.Transform(), nil
}

// recording writes what it lists.
type recording struct {
	conn  *cluster.Connection
	flags *recordFlags
	dir   string
	view  recordView
}

func (r *recording) run(ctx context.Context) error {
	names := r.flags.kinds
	if len(names) == 0 {
		names = recordedKinds()
	}
	var resources []schema.GroupVersionResource
	for _, name := range names {
		partial := schema.ParseGroupResource(strings.ToLower(name)).WithVersion("")
		resource, err := r.conn.Mapper.ResourceFor(partial)
		if err != nil {
			if len(r.flags.kinds) == 0 {
				continue // an older server may lack one of the usual
			}
			return fmt.Errorf("--kind %q: the server has no such kind (kubectl api-resources lists them): %w", name, err)
		}
		kind, err := r.conn.Mapper.KindFor(resource)
		if err != nil {
			return cluster.Explain("discover", name, err)
		}
		if err := declared.Recordable(kind.Group, kind.Kind); err != nil {
			return fmt.Errorf("--kind %q: %w", name, err)
		}
		resources = append(resources, resource)
	}
	scaled, err := r.scaled(ctx)
	if err != nil {
		return err
	}
	for _, resource := range resources {
		if err := r.list(ctx, resource, r.flags.selector, func(u *unstructured.Unstructured) error { return r.write(u, scaled) }); err != nil {
			return err
		}
	}
	return nil
}

// scaled are the objects whose replicas an autoscaler keeps, as
// Kind/namespace/name.
func (r *recording) scaled(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
	autoscalers := schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	err := r.list(ctx, autoscalers, "", func(u *unstructured.Unstructured) error {
		kind, _, _ := unstructured.NestedString(u.Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(u.Object, "spec", "scaleTargetRef", "name")
		out[kind+"/"+u.GetNamespace()+"/"+name] = true
		return nil
	})
	return out, err
}

func (r *recording) write(u *unstructured.Unstructured, scaled map[string]bool) error {
	if len(r.flags.namespaces) == 0 && slices.Contains([]string{"kube-system", "kube-public", "kube-node-lease"}, u.GetNamespace()) {
		return nil
	}
	manifest, skip := declared.Recorded(u.Object, scaled[u.GetKind()+"/"+u.GetNamespace()+"/"+u.GetName()])
	if skip != "" {
		reason, _, _ := strings.Cut(skip, " "+u.GetName())
		r.view.Skipped[reason]++
		return nil
	}
	gvk := u.GroupVersionKind()
	ref := cluster.Ref{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
	file, err := declared.WriteManifest(r.dir, ref, manifest)
	if err != nil {
		return err
	}
	r.view.Written = append(r.view.Written, writtenView{ref, file})
	return nil
}

// list visits all objects of a resource in the chosen namespaces, page by page.
func (r *recording) list(ctx context.Context, resource schema.GroupVersionResource, selector string, visit func(*unstructured.Unstructured) error) error {
	kind, err := r.conn.Mapper.KindFor(resource)
	if err != nil {
		return cluster.Explain("discover", resource.GroupResource().String(), err)
	}
	_, namespaced, err := r.conn.Resource(kind)
	if err != nil {
		return err
	}
	namespaces := r.flags.namespaces
	if len(namespaces) == 0 || !namespaced {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		options := metav1.ListOptions{Limit: 500, LabelSelector: selector}
		for {
			page, err := r.conn.Dynamic.Resource(resource).Namespace(namespace).List(ctx, options)
			if err != nil {
				return cluster.Explain("list", resource.GroupResource().String(), err)
			}
			for i := range page.Items {
				if err := visit(&page.Items[i]); err != nil {
					return err
				}
			}
			if options.Continue = page.GetContinue(); options.Continue == "" {
				break
			}
		}
	}
	return nil
}

func (v recordView) draw(t *table) {
	t.row("OBJECT", "FILE")
	for _, w := range v.Written {
		t.row(w.Object.String(), w.File)
	}
	for _, why := range slices.Sorted(maps.Keys(v.Skipped)) {
		t.row(fmt.Sprintf("left out: %d, %s", v.Skipped[why], why))
	}
	t.row(fmt.Sprintf("%d objects recorded in %s", len(v.Written), v.Folder))
}
