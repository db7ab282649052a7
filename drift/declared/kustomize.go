package declared

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
)

// kustomizations are the names that make a folder a kustomization.
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

func (r *renderer) isKustomization(dir string) bool { return r.kustomization(dir) != "" }

// kustomization is the path of a folder's kustomization file; empty: none.
func (r *renderer) kustomization(dir string) string {
	for _, name := range kustomizations {
		if info, err := fs.Stat(r.tree.files, path.Join(dir, name)); err == nil && !info.IsDir() {
			return path.Join(dir, name)
		}
	}
	return ""
}

// build renders a kustomization by kustomize's own API: no plugins, no charts,
// files only from below their kustomization. What fails is a problem.
func (r *renderer) build(dir string) {
	file := r.relative(r.kustomization(dir))
	wrong := func(message, remedy string) {
		r.problems = append(r.problems, Problem{File: file, Message: message, Remedy: remedy})
	}
	root := path.Join(r.tree.kustomizeRoot, r.relative(dir))
	if dir == r.tree.path {
		root = r.tree.kustomizeRoot
	}
	scan := remotes{r: r, seen: map[string]bool{}}
	if scan.visit(root); len(scan.problems) > 0 {
		r.problems = append(r.problems, scan.problems...)
		return
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(r.tree.kustomize, root)
	if err != nil {
		wrong(strings.Join(strings.Fields(err.Error()), " "), "run kustomize build in the folder and correct what it says")
		return
	}
	text, err := built.AsYaml()
	if err != nil {
		wrong(err.Error(), "run kustomize build in the folder and correct what it says")
		return
	}
	documents, problems := readManifests(file, text)
	for i := range documents { // lines of the output are lines of no file
		documents[i].line = 0
	}
	for i := range problems {
		problems[i].Line = 0
	}
	r.documents, r.problems = append(r.documents, documents...), append(r.problems, problems...)
}

// remotes looks for what kustomize would load from elsewhere, before it does:
// its API has no switch for that.
type remotes struct {
	r        *renderer
	seen     map[string]bool
	problems []Problem
}

// folders are the keys whose entries are files or other kustomizations; an
// entry that is not there is what kustomize tries to clone or download.
var folders = []string{"resources", "bases", "components", "generators", "transformers", "validators"}

// visit follows a kustomization to all that it is built on.
func (s *remotes) visit(dir string) {
	if s.seen[dir] {
		return
	}
	s.seen[dir] = true
	files := s.r.tree.kustomize
	i := slices.IndexFunc(kustomizations, func(name string) bool { return files.Exists(path.Join(dir, name)) })
	if i < 0 {
		return // kustomize says it better
	}
	file := path.Join(dir, kustomizations[i])
	text, err := files.ReadFile(file)
	if err != nil {
		s.problems = append(s.problems, Problem{File: s.name(file), Message: err.Error()})
		return
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil || len(root.Content) == 0 {
		return // likewise
	}
	s.paths(file, root.Content[0], "")
	content := root.Content[0].Content
	for i := 0; i+1 < len(content); i += 2 {
		switch key := content[i].Value; {
		case strings.HasPrefix(key, "helm"):
			s.wrong(file, content[i], key, "charts are not rendered here", "helm template … > rendered/, and name the rendered file in resources")
		case slices.Contains(folders, key):
			for _, entry := range content[i+1].Content {
				s.follow(file, dir, key, entry)
			}
		}
	}
}

func (s *remotes) follow(file, dir, key string, entry *yaml.Node) {
	if entry.Kind != yaml.ScalarNode || strings.Contains(entry.Value, "\n") { // written in place
		return
	}
	target := path.Join(dir, entry.Value)
	files := s.r.tree.kustomize
	switch {
	case path.IsAbs(entry.Value) || remote(entry.Value) || !files.Exists(target):
		message := "is not a file or folder of this source; remote bases are not loaded"
		s.wrong(file, entry, key, fmt.Sprintf("%q %s", entry.Value, message), "copy it into the repository and name the copy")
	case files.IsDir(target):
		s.visit(target)
	case key != "resources": // the configuration of a generator or transformer names files too
		text, err := files.ReadFile(target)
		var root yaml.Node
		if err == nil && yaml.Unmarshal(text, &root) == nil && len(root.Content) > 0 {
			s.paths(target, root.Content[0], "")
		}
	}
}

// pathKeys are the other keys whose values kustomize opens.
var pathKeys = []string{"path", "paths", "files", "file", "envs", "env", "crds", "configurations", "patchesStrategicMerge", "generators", "transformers", "validators"}

// paths finds URLs under keys that name files.
func (s *remotes) paths(file string, node *yaml.Node, key string) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			s.paths(file, node.Content[i+1], node.Content[i].Value)
		}
	case yaml.SequenceNode:
		for _, child := range node.Content {
			s.paths(file, child, key)
		}
	case yaml.ScalarNode:
		value := node.Value
		if strings.Contains(value, "\n") { // a plug-in's configuration, written in place
			var inner yaml.Node
			if slices.Contains(folders, key) && yaml.Unmarshal([]byte(value), &inner) == nil && len(inner.Content) > 0 {
				s.paths(file, inner.Content[0], "")
			}
			return
		}
		if _, after, ok := strings.Cut(value, "="); ok && (key == "files" || key == "envs") {
			value = after
		}
		if slices.Contains(pathKeys, key) && strings.Contains(value, "://") {
			s.wrong(file, node, key, fmt.Sprintf("%q is remote; nothing remote is loaded", node.Value), "copy it into the repository and name the copy")
		}
	}
}

// remote tells what names a host.
func remote(entry string) bool {
	return strings.Contains(entry, "://") || strings.Contains(entry, "?ref=") || scpURL.MatchString(entry)
}

func (s *remotes) wrong(file string, node *yaml.Node, field, message, remedy string) {
	s.problems = append(s.problems, Problem{File: s.name(file), Line: node.Line, Field: field, Message: message, Remedy: remedy})
}

func (s *remotes) name(file string) string {
	return strings.TrimPrefix(strings.TrimPrefix(file, s.r.tree.kustomizeRoot), "/")
}
