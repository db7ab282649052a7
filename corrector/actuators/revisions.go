package actuators

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// revision is one earlier, or the current, pod template of a workload.
type revision struct {
	number   int64
	name     string // of the ReplicaSet or ControllerRevision that keeps it
	template map[string]any
}

// revisions returns what is kept of a workload's past, newest first.
func (k *kube) revisions(ctx context.Context, p place, o object) ([]revision, error) {
	selector, _, err := unstructured.NestedMap(o.Object, "spec", "selector")
	if err != nil {
		return nil, fmt.Errorf("%s: spec.selector: %w", p, err)
	}
	var by metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(selector, &by); err != nil {
		return nil, fmt.Errorf("%s: spec.selector: %w", p, err)
	}
	options := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(&by)}
	var all []revision
	if p.Kind == "Deployment" {
		all, err = k.replicaSets(ctx, p, o, options)
	} else {
		all, err = k.controllerRevisions(ctx, p, o, options)
	}
	slices.SortFunc(all, func(a, b revision) int { return int(b.number - a.number) })
	return all, err
}

func (k *kube) replicaSets(ctx context.Context, p place, o object, options metav1.ListOptions) ([]revision, error) {
	list, err := k.Client.AppsV1().ReplicaSets(p.Namespace).List(ctx, options)
	if err != nil {
		return nil, explain("list", "replicasets.apps", "of "+p.path(), err)
	}
	var all []revision
	for i := range list.Items {
		set := &list.Items[i]
		number, err := strconv.ParseInt(set.Annotations["deployment.kubernetes.io/revision"], 10, 64)
		if err != nil || !metav1.IsControlledBy(set, o) {
			continue
		}
		template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&set.Spec.Template)
		if err != nil {
			return nil, fmt.Errorf("replicaset %s: %w", set.Name, err)
		}
		put(template, []string{"metadata", "labels", appsv1.DefaultDeploymentUniqueLabelKey}, nil)
		all = append(all, revision{number, set.Name, plain(template)})
	}
	return all, nil
}

func (k *kube) controllerRevisions(ctx context.Context, p place, o object, options metav1.ListOptions) ([]revision, error) {
	list, err := k.Client.AppsV1().ControllerRevisions(p.Namespace).List(ctx, options)
	if err != nil {
		return nil, explain("list", "controllerrevisions.apps", "of "+p.path(), err)
	}
	var all []revision
	for i := range list.Items {
		kept := &list.Items[i]
		if !metav1.IsControlledBy(kept, o) {
			continue
		}
		var data struct {
			Spec struct{ Template map[string]any }
		}
		if err := json.Unmarshal(kept.Data.Raw, &data); err != nil {
			return nil, fmt.Errorf("controllerrevision %s: %w", kept.Name, err)
		}
		delete(data.Spec.Template, "$patch")
		all = append(all, revision{kept.Revision, kept.Name, plain(data.Spec.Template)})
	}
	return all, nil
}

// templateOf is a workload's pod template.
func templateOf(o object) map[string]any {
	template, _, _ := unstructured.NestedMap(o.Object, "spec", "template")
	return plain(template)
}

// sameTemplate compares templates by what they mean.
func sameTemplate(a, b map[string]any) bool { return reflect.DeepEqual(a, b) }

// plain is a value with the numbers of JSON and without nulls and empty maps,
// so that templates of different origin compare.
func plain(template map[string]any) map[string]any {
	text, err := json.Marshal(template)
	if err != nil { // unstructured values always encode
		return template
	}
	var clean map[string]any
	if json.Unmarshal(text, &clean) != nil {
		return template
	}
	prune(clean)
	return clean
}

// prune drops nulls, and the metadata that holds nothing else.
func prune(fields map[string]any) {
	for key, value := range fields {
		switch v := value.(type) {
		case nil:
			delete(fields, key)
		case map[string]any:
			prune(v)
			if len(v) == 0 && (key == "labels" || key == "annotations" || key == "metadata") {
				delete(fields, key)
			}
		}
	}
}

// imagesOf lists the images of a template, for people.
func imagesOf(template map[string]any) []string {
	var images []string
	containers, _ := at(template, []string{"spec", "containers"}).([]any)
	for _, c := range containers {
		if image, ok := at(c, []string{"image"}).(string); ok {
			images = append(images, image)
		}
	}
	return images
}
