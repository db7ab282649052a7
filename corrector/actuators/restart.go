package actuators

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// restarted is the annotation of kubectl rollout restart.
const restarted = "kubectl.kubernetes.io/restartedAt"

// restart replaces a workload's pods, as its strategy says.
type restart struct{ now func() time.Time }

func restartOf(ctx context.Context, k *kube, a corrector.Action) (place, change, error) {
	p, err := k.resolve(ctx, a)
	if err == nil {
		err = oneOf(p, "Deployment", "StatefulSet", "DaemonSet")
	}
	return p, restart{k.Now}, err
}

func (restart) traits() traits {
	return traits{lasting: true, note: "its pods are replaced as its strategy says, which cannot be taken back"}
}

func (restart) state() string  { return "restarted" }
func (restart) in(object) bool { return false } // once more is always possible

func (r restart) do(_ context.Context, o object) error {
	if err := rolls(o); err != nil {
		return err
	}
	return unstructured.SetNestedField(o.Object, r.now().UTC().Format(time.RFC3339), "spec", "template", "metadata", "annotations", restarted)
}

// rolls refuses a workload whose pods a new template does not replace.
func rolls(o object) error {
	if stopped, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); stopped {
		return errors.New("its roll-outs are paused: resume them first")
	}
	if how, _, _ := unstructured.NestedString(o.Object, "spec", "updateStrategy", "type"); how == "OnDelete" {
		return errors.New("its update strategy is OnDelete: nothing happens before its pods are deleted by hand")
	}
	return nil
}
