package actuators

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector"
)

// event leaves one Event on the object for one change. Its name is the change's,
// so a repeated change says nothing new. A lost Event is no failed correction.
func (k *kube) event(ctx context.Context, a corrector.Action, text, name, action, did string) {
	saved, err := parseUndo(text)
	if err != nil {
		return
	}
	note := fmt.Sprintf("%s: %s, because %s has risk %.2f", name, did, a.Target, a.Risk)
	if a.Horizon > 0 {
		note += fmt.Sprintf(" within %s", a.Horizon)
	}
	note += fmt.Sprintf(" (policy %s, correction %s, by %s)", a.Policy, a.ID, a.Actor)
	if action == "revert" {
		note = fmt.Sprintf("%s of correction %s %s (policy %s, by %s)", name, a.ID, did, a.Policy, a.Actor)
	}
	p := saved.Place
	namespace := cmp.Or(p.Namespace, metav1.NamespaceDefault)
	e := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: fmt.Sprintf("driftcast-%s-%s", a.ID, action), Namespace: namespace},
		EventTime:           metav1.NewMicroTime(k.Now()),
		ReportingController: "driftcast.io/corrector",
		ReportingInstance:   "driftcast",
		Action:              action,
		Reason:              "DriftcastCorrection",
		Regarding: corev1.ObjectReference{APIVersion: p.gvr().GroupVersion().String(), Kind: p.Kind,
			Namespace: p.Namespace, Name: p.Name, UID: saved.UID},
		Note: cluster.Cut(note, cluster.NoteLimit),
		Type: corev1.EventTypeNormal,
	}
	_, err = k.Client.EventsV1().Events(namespace).Create(ctx, e, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		k.Logger.Warn("no event was left on the object", slog.String("subject", a.Subject.String()),
			slog.Any("err", explain("create", "events.events.k8s.io", "", err)))
	}
}
