package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/features"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Validate configuration and target files; exit 2 where one is wrong",
		Long: `Validates files and changes nothing. A file with "groups:" is a target file, any other is a configuration, whose
target files are checked too. Every error names file:line:column, the field and the remedy.`,
		Example: "  driftcast check driftcast.yml targets/*.yml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			texts, errs := map[string][]byte{}, []error{}
			checked := []checkedFile{}
			for _, name := range args {
				text, err := os.ReadFile(name)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				if isTargetFile(text) {
					texts[name] = text
					continue
				}
				c, err := parseConfig(name, text)
				var targets []*features.File
				if err == nil {
					targets, err = loadTargets(c)
				}
				if err != nil {
					errs = append(errs, err)
					continue
				}
				file := checkedFile{File: name, Kind: "configuration"}
				if len(c.TargetFiles) > 0 || len(c.Corrections.Policies) > 0 { // the built-in packs name policies that nobody has to have
					file.Warnings = unanswered(targets, c.Corrections.Policies)
				}
				if err := c.complete(); err != nil {
					file.Warnings = append(file.Warnings, "to serve, "+err.Error())
				}
				checked = append(checked, file)
			}
			files, err := features.ParseFiles(texts)
			errs = append(errs, err)
			for _, f := range files {
				file := checkedFile{File: f.Name, Kind: "targets", Signals: len(f.Signals())}
				for _, t := range f.Targets() {
					file.Targets = append(file.Targets, t.Name)
				}
				checked = append(checked, file)
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			return a.print(checked, func(t *table) {
				for _, f := range checked {
					switch f.Kind {
					case "targets":
						t.row(f.File, "ok", fmt.Sprintf("%d signals, %d targets: %s", f.Signals, len(f.Targets), strings.Join(f.Targets, ", ")))
					default:
						t.row(f.File, "ok", f.Kind)
					}
					for _, w := range f.Warnings {
						t.row("", "warning", w)
					}
				}
			})
		},
	}
}

type checkedFile struct {
	File    string   `json:"file"`
	Kind    string   `json:"kind"`
	Targets []string `json:"targets,omitempty"`
	Signals int      `json:"signals,omitempty"`

	Warnings []string `json:"warnings,omitempty"`
}

// unanswered names the corrections that targets ask for and no policy carries:
// such a warning is sent, and nothing is proposed.
func unanswered(files []*features.File, policies []corrector.Policy) []string {
	by, order := map[string][]string{}, []string{}
	for _, f := range files {
		for _, t := range f.Targets() {
			if t.Correction == "" || slices.ContainsFunc(policies, func(p corrector.Policy) bool { return p.Name == t.Correction }) {
				continue
			}
			if by[t.Correction] == nil {
				order = append(order, t.Correction)
			}
			by[t.Correction] = append(by[t.Correction], t.Name)
		}
	}
	var out []string
	for _, name := range order {
		out = append(out, fmt.Sprintf("no policy is named %q, which %s asks for: nothing is proposed (add it to corrections.policies, or remove the correction)",
			name, strings.Join(by[name], ", ")))
	}
	return out
}

// isTargetFile tells a target file from a configuration by its first key.
func isTargetFile(text []byte) bool {
	var document yaml.Node
	if yaml.Unmarshal(text, &document) != nil || len(document.Content) == 0 {
		return strings.Contains(string(text), "groups:")
	}
	for _, key := range document.Content[0].Content {
		if key.Value == "groups" {
			return true
		}
	}
	return false
}
