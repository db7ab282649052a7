package actuators

import (
	"context"
	"fmt"
	"log/slog"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/driftcast/driftcast/corrector"
)

// maxNote is what the API server takes, in bytes.
const maxNote = 1024

// event leaves one Event on the node for one change. Its name is the change's,
// so a repeated change says nothing new. A lost Event is no failed correction.
func (n *nodeActuator) event(ctx context.Context, a corrector.Action, node, undo, action, did string) {
	saved, err := parseUndo(undo)
	if err != nil {
		saved.Node = node
	}
	note := fmt.Sprintf("%s: %s, because %s has risk %.2f", n.name, did, a.Target, a.Risk)
	if a.Horizon > 0 {
		note += fmt.Sprintf(" within %s", a.Horizon)
	}
	note += fmt.Sprintf(" (policy %s, correction %s, by %s)", a.Policy, a.ID, a.Actor)
	if action == "revert" {
		note = fmt.Sprintf("%s of correction %s %s (policy %s, by %s)", n.name, a.ID, did, a.Policy, a.Actor)
	}
	e := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: fmt.Sprintf("driftcast-%s-%s", a.ID, action), Namespace: metav1.NamespaceDefault},
		EventTime:           metav1.NewMicroTime(n.Now()),
		ReportingController: "driftcast.io/corrector",
		ReportingInstance:   "driftcast",
		Action:              action,
		Reason:              "DriftcastCorrection",
		Regarding:           corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: node, UID: saved.UID},
		Note:                cut(note, maxNote),
		Type:                corev1.EventTypeNormal,
	}
	_, err = n.Client.EventsV1().Events(metav1.NamespaceDefault).Create(ctx, e, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		n.Logger.Warn("no event was left on the node", slog.String("subject", a.Subject.String()), slog.Any("err", explain("create", "events", "", err)))
	}
}

// cut shortens text to at most limit bytes, on a rune's border.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
