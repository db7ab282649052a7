package drift

import (
	"slices"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// key names an object in whatever version of its kind.
type key struct{ group, kind, namespace, name string }

func keyOf(r cluster.Ref) key { return key{r.Group, r.Kind, r.Namespace, r.Name} }

// kindOf says what kind of drift a field is.
func kindOf(path Pointer) Kind {
	last := path[len(path)-1]
	switch {
	case len(path) == 2 && path.under("spec", "replicas"):
		return Replicas
	case last == "image" && inContainer(path):
		return Image
	case inContainer(path) && (slices.Contains(path, "env") || slices.Contains(path, "envFrom")):
		return Environment
	case path[0] == "metadata", slices.Contains(path, "metadata") && path.under("spec", "template"):
		return Metadata
	}
	return Spec
}

func inContainer(path Pointer) bool {
	return slices.ContainsFunc(path, func(token string) bool { return strings.HasSuffix(strings.ToLower(token), "containers") })
}

// applicable are the kinds of drift that an object of a kind can have: those that
// are sampled as 0 while there is none.
func applicable(kind string) []Kind {
	switch kind {
	case "Node":
		return []Kind{Metadata, Spec, VersionSkew, LabelSkew, Resources}
	case "Deployment", "StatefulSet":
		return []Kind{Spec, Image, Replicas, Environment, Metadata, Unobserved}
	case "DaemonSet":
		return []Kind{Spec, Image, Environment, Metadata, Unobserved}
	case "Job", "CronJob":
		return []Kind{Spec, Image, Environment, Metadata}
	}
	return nil
}

// trust is how sure a difference from a source is drift that somebody must act
// on, 0…1. These are judgements, not measurements: manifests say what is wanted,
// managers who last wanted it, a baseline only what once was.
func trust(source string) float64 {
	switch source {
	case SourceGit, SourceDirectory:
		return 0.95
	case SourceApply, SourceLastApplied, SourceStatus, SourceDryRun:
		return 0.9
	case SourceRevision:
		return 0.8
	case SourcePool:
		return 0.7
	}
	return 0.6
}
