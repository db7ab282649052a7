package actuators_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/corrector"
)

// TestJobEnds waits for a Job, and says how it ended.
func TestJobEnds(t *testing.T) {
	tests := map[string]struct {
		status string
		params map[string]string
		err    string
		undone bool // the plan afterwards knows no undo
	}{
		"it completes":          {`{status: {conditions: [{type: Complete, status: "True"}]}}`, nil, "", false},
		"it fails":              {`{status: {conditions: [{type: Failed, status: "True", reason: BackoffLimitExceeded, message: too often}]}}`, nil, "failed: BackoffLimitExceeded: too often", true},
		"it goes on":            {`{status: {active: 1}}`, nil, corrector.ErrUnfinished.Error(), true},
		"it takes too long":     {`{metadata: {creationTimestamp: "2026-03-01T11:00:00Z"}}`, nil, "within its deadline of 10m0s", true},
		"nobody waits":          {`{status: {active: 1}}`, map[string]string{"wait": "false"}, "", false},
		"a deadline of its own": {`{metadata: {creationTimestamp: "2026-03-01T11:59:00Z"}}`, map[string]string{"deadline": "30s"}, "within its deadline of 30s", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, gpuNode, ml)
			all := s.actuators(t)
			on := act("c1", "gpu-17")
			on.Params = map[string]string{"template": `{apiVersion: batch/v1, kind: Job, metadata: {namespace: ml, generateName: x-}, spec: {template: {spec: {nodeName: "{{.Name}}"}}}}`}
			for key, value := range tt.params {
				on.Params[key] = value
			}
			job := path("Job", "ml", "driftcast-c1")
			s.before = func(r *http.Request) {
				if s.objects[job] != nil {
					s.patchLocked(job, tt.status)
				}
			}
			_, err := all["job"].Apply(context.Background(), on)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("%v, want %q", err, tt.err)
			}
			plan, err := all["job"].Plan(context.Background(), on)
			if err != nil || plan.Begun != tt.undone || (plan.Undo == "") != tt.undone {
				t.Errorf("plan %+v, %v", plan, err)
			}
			if err := all["job"].Revert(context.Background(), on); err != nil || s.object("Job", "ml", "driftcast-c1") != nil {
				t.Errorf("reverted: %v", err)
			}
		})
	}
	t.Run("a person gives up", func(t *testing.T) {
		s := newServer(t, gpuNode, ml)
		on := act("c1", "gpu-17")
		on.Params = map[string]string{"template": `{apiVersion: batch/v1, kind: Job, metadata: {namespace: ml}}`}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		if _, err := s.actuators(t)["job"].Apply(ctx, on); err == nil || !errors.Is(err, corrector.ErrUnfinished) && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
