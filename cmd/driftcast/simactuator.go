package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/internal/sim"
)

// simulatedActuators are the demo's actuators: what the Kubernetes ones are
// to a real cluster.
func simulatedActuators(c *sim.Cluster) map[string]corrector.Actuator {
	return map[string]corrector.Actuator{
		"cordon": simActuator{c, "cordon", "spec.unschedulable false → true"},
		"taint":  simActuator{c, "taint", "taint driftcast.io/at-risk:PreferNoSchedule added"},
	}
}

// simActuator marks the node with the correction's ID, so that it knows its own
// doing again.
type simActuator struct {
	cluster *sim.Cluster
	verb    string
	change  string
}

const (
	simTaint = "driftcast.io/at-risk"
	simMark  = "driftcast.io/corrected-by-"
)

func (s simActuator) done(n sim.NodeState) bool {
	if s.verb == "taint" {
		return slices.Contains(n.Taints, simTaint)
	}
	return n.Unschedulable
}

// Plan implements corrector.Actuator.
func (s simActuator) Plan(_ context.Context, a corrector.Action) (corrector.Plan, error) {
	n, err := s.node(a)
	if err != nil {
		return corrector.Plan{}, err
	}
	p := corrector.Plan{Text: fmt.Sprintf("%s node %s: %s; %d pods keep running", s.verb, n.Name, s.change, n.Pods), Unchanged: s.done(n)}
	if n.Annotations[sim.OptOut] == "true" {
		p.OptOut = "annotation " + sim.OptOut + " on node " + n.Name
	}
	if n.Annotations[simMark+s.verb] == a.ID {
		if s.done(n) {
			p.Undo = s.verb
		} else {
			p.Lost = true
		}
	}
	for _, name := range s.cluster.Nodes() {
		other, err := s.cluster.Node(name)
		if err != nil {
			return corrector.Plan{}, err
		}
		p.Pool++
		if s.done(other) {
			p.Out++
		}
	}
	return p, nil
}

// Apply implements corrector.Actuator.
func (s simActuator) Apply(_ context.Context, a corrector.Action) (string, error) {
	n, err := s.node(a)
	if err != nil {
		return "", err
	}
	if s.done(n) && n.Annotations[simMark+s.verb] != a.ID {
		return "", nil // somebody else's doing is not ours to undo
	}
	if err := s.cluster.Annotate(n.Name, simMark+s.verb, a.ID); err != nil {
		return "", err
	}
	if s.verb == "taint" {
		return s.verb, s.cluster.Taint(n.Name, simTaint)
	}
	return s.verb, s.cluster.Cordon(n.Name)
}

// Revert implements corrector.Actuator.
func (s simActuator) Revert(_ context.Context, a corrector.Action) error {
	n, err := s.node(a)
	if errors.Is(err, corrector.ErrGone) || (err == nil && n.Annotations[simMark+s.verb] != a.ID) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.verb == "taint" {
		err = s.cluster.Untaint(n.Name, simTaint)
	} else {
		err = s.cluster.Uncordon(n.Name)
	}
	return errors.Join(err, s.cluster.Annotate(n.Name, simMark+s.verb, ""))
}

// node is the node of a node subject, or of the GPU whose name begins with it.
func (s simActuator) node(a corrector.Action) (sim.NodeState, error) {
	name, _, _ := strings.Cut(a.Subject.Name, ":")
	n, err := s.cluster.Node(name)
	if errors.Is(err, sim.ErrNotFound) {
		return n, fmt.Errorf("node %s: %w", name, corrector.ErrGone)
	}
	return n, err
}
