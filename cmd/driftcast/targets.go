package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/deploy"
	"github.com/driftcast/driftcast/features"
)

// loadTargets reads the target files that the configuration names, or the
// built-in packs where it names none: all of them, or those in packs.
func loadTargets(c config, packs ...string) ([]*features.File, error) {
	texts := map[string][]byte{}
	if len(c.TargetFiles) == 0 {
		names, err := fs.Glob(deploy.Targets, "targets/*.yml")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if len(packs) > 0 && !slices.Contains(packs, strings.TrimSuffix(path.Base(name), ".yml")) {
				continue
			}
			if texts[name], err = fs.ReadFile(deploy.Targets, name); err != nil {
				return nil, err
			}
		}
		return features.ParseFiles(texts)
	}
	for _, pattern := range c.TargetFiles {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("target_files: %q: %w", pattern, err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("target_files: nothing fits %q", pattern)
		}
		for _, name := range names {
			if texts[name], err = os.ReadFile(name); err != nil {
				return nil, fmt.Errorf("target file: %w", err)
			}
		}
	}
	return features.ParseFiles(texts)
}

// targetsOf returns the targets of the files, or only the one of a name.
func targetsOf(files []*features.File, only string) ([]features.Target, error) {
	var targets []features.Target
	for _, f := range files {
		for _, t := range f.Targets() {
			if only == "" || t.Name == only {
				targets = append(targets, *t)
			}
		}
	}
	if len(targets) == 0 && only != "" {
		return nil, fmt.Errorf("no target is named %q (driftcast check lists them)", only)
	}
	return targets, nil
}
