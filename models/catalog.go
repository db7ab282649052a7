package models

import (
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/features"
)

// Catalog returns the models that suit a target, naive first.
func Catalog(t *features.Target) []Model {
	if t.IsEvent() {
		return eventCatalog()
	}
	all := []Model{Naive{}, SeasonalNaive{}, WindowQuantile{}}
	for _, m := range learners() {
		all = append(all, m)
	}
	// The network takes longest to fit and never beat the trees on the whole: it can be asked for, the blend does without.
	return append(all, learned{kind: kindQuantileNetwork, learn: learnNetwork}, Breach{Blend{}})
}

// Contenders returns the models that a training tries: of a level naive, its
// season, its recent window and the blend, which holds all others; of an event
// the whole catalog.
func Contenders(t *features.Target) []Model {
	if t.IsEvent() {
		return eventCatalog()
	}
	return []Model{Naive{}, SeasonalNaive{}, WindowQuantile{}, Breach{Blend{}}}
}

// learners lists the level models that learn; the blend is made of these too.
func learners() []learned {
	return []learned{
		{kind: kindRidge, learn: learnRidge},
		{kindSmoothing, learnSmoothing},
		{kind: kindTrees, learn: learnTrees},
		{kindRank1, learnRank1},
		{kindTheta, learnTheta},
	}
}

// ByName returns the model of that name in the target's catalog, or an error
// that lists the names there are, wrapping ErrNotFound.
func ByName(t *features.Target, name string) (Model, error) {
	var names []string
	for _, m := range Catalog(t) {
		if m.Name() == name {
			return m, nil
		}
		names = append(names, m.Name())
	}
	return nil, fmt.Errorf("model %q: %w: want one of %s", name, ErrNotFound, strings.Join(names, ", "))
}

// decoderOf returns the function that reads the payload of a kind of model,
// nil for a kind that nobody writes.
func decoderOf(kind string) func(payload []byte) (Fitted, error) {
	switch kind {
	case kindNaive, kindSeasonal, kindWindow, kindBlend, kindQuantileNetwork:
		return func(payload []byte) (Fitted, error) { return decodeLevel(kind, payload) }
	}
	for _, m := range learners() {
		if m.kind == kind {
			return func(payload []byte) (Fitted, error) { return decodeLevel(kind, payload) }
		}
	}
	return eventDecoder(kind)
}
