//go:build e2e

package e2e_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
)

// audit asks for the whole trail to be verified, as a person would.
func (w *world) audit() {
	w.t.Helper()
	w.must("audit", "verify", "--storage.path="+filepath.Join(w.dir, "data"))
}

// trail counts the entries of the audit trail of one action on a correction.
func (w *world) trail(id, action string) (n int) {
	w.t.Helper()
	for _, entry := range w.entries(id) {
		if entry == action {
			n++
		}
	}
	return n
}

// auditLine is an entry of the audit trail as the command lists it.
type auditLine struct {
	Seq        int64
	Action     string
	Correction struct{ ID string }
}

// entries are the actions on a correction that the audit trail tells of, oldest
// first.
func (w *world) entries(id string) (actions []string) {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), binary(w.t), "audit", "list", "-o", "json", "--limit=1000", "--storage.path="+filepath.Join(w.dir, "data")).Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		w.t.Fatalf("audit list: %v: %s", err, exit.Stderr)
	}
	var all []auditLine
	if err := json.Unmarshal(out, &all); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	slices.SortFunc(all, func(a, b auditLine) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, e := range all {
		if e.Correction.ID == id {
			actions = append(actions, e.Action)
		}
	}
	return actions
}
