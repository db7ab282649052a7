package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrNotFound says that the cluster has no such node.
var ErrNotFound = errors.New("not found")

// OptOut is the annotation by which a node's owners forbid corrections; the
// cluster's last node carries it.
const OptOut = "driftcast.io/opt-out"

// NodeState is what the simulated API server tells of a node.
type NodeState struct {
	Name          string
	Ready         bool
	Unschedulable bool
	Taints        []string // keys with effect PreferNoSchedule, sorted
	Annotations   map[string]string
	GPUs          int // that the device plugin offers
	Pods          int // on its GPUs
	Load          float64
}

// Node returns the state of a node, or ErrNotFound.
func (c *Cluster) Node(name string) (NodeState, error) {
	var state NodeState
	err := c.change(name, func(n *node) {
		state = NodeState{
			Name: n.name, Ready: n.ready(), Unschedulable: n.unschedulable(),
			Taints:      slices.Sorted(maps.Keys(n.taints)),
			Annotations: maps.Clone(n.annotations),
			GPUs:        n.healthy(), Load: n.load(),
		}
		pods := map[*pod]bool{}
		for _, g := range n.gpus {
			if g.owner != nil {
				pods[g.owner] = true
			}
		}
		state.Pods = len(pods)
	})
	return state, err
}

// Cordon makes a node unschedulable. In this cluster a descheduler then moves
// replicas off it, one every two minutes where there is room elsewhere, and
// training jobs at their next checkpoint. A node that has been empty for two
// hours is looked at by people, and what was developing on it is repaired.
func (c *Cluster) Cordon(name string) error {
	return c.change(name, func(n *node) { n.cordoned = true })
}

// Uncordon makes a node schedulable again, also where maintenance cordoned it.
func (c *Cluster) Uncordon(name string) error {
	return c.change(name, func(n *node) {
		n.cordoned = false
		if n.work != nil && !n.work.begun {
			n.work.cordoned = false
			n.work.wait = 3600 // they come back
		}
	})
}

// Taint adds a taint of effect PreferNoSchedule: new pods go elsewhere where
// they can, and replicas leave slowly. Training jobs stay.
func (c *Cluster) Taint(name, key string) error {
	return c.change(name, func(n *node) {
		n.taints[key] = true
		if !slices.Contains(n.taintKeys, key) {
			n.taintKeys = append(n.taintKeys, key)
		}
	})
}

// Untaint removes a taint.
func (c *Cluster) Untaint(name, key string) error {
	return c.change(name, func(n *node) { delete(n.taints, key) })
}

// Annotate sets an annotation, or removes it where value is empty.
func (c *Cluster) Annotate(name, key, value string) error {
	return c.change(name, func(n *node) {
		if value == "" {
			delete(n.annotations, key)
		} else {
			n.annotations[key] = value
		}
	})
}

func (c *Cluster) change(name string, do func(*node)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.byName[name]
	if !ok {
		return fmt.Errorf("simulated node %q: %w", name, ErrNotFound)
	}
	do(n)
	return nil
}
