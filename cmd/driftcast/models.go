package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

func (a *app) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "models", Short: "The registry of trained models"}
	var target string
	list := &cobra.Command{
		Use: "list", Short: "List the models, newest first; * serves, ~ is tried in shadow", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listModels(target) },
	}
	list.Flags().StringVar(&target, "target", "", "only this target's")
	show := &cobra.Command{
		Use: "show ID", Short: "Show one model", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showModel(cmd.Context(), args[0]) },
	}
	promote := &cobra.Command{
		Use: "promote TARGET ID", Short: "Make a model the champion of a target", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			registry, err := models.OpenRegistry(a.path("models"))
			if err != nil {
				return err
			}
			m, err := findModel(registry, args[1])
			if err != nil {
				return err
			}
			if err := registry.Promote(args[0], m.ID); err != nil {
				return err
			}
			return a.printModel(m, "serves "+args[0]+" now")
		},
	}
	rollback := &cobra.Command{
		Use: "rollback TARGET", Short: "Bring the previous champion of a target back", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			registry, err := models.OpenRegistry(a.path("models"))
			if err != nil {
				return err
			}
			id, err := registry.Rollback(args[0])
			if err != nil {
				return err
			}
			m, err := registry.Manifest(id)
			if err != nil {
				return err
			}
			return a.printModel(m, "serves "+args[0]+" again")
		},
	}
	cmd.AddCommand(list, show, promote, rollback)
	return cmd
}

func (a *app) listModels(target string) error {
	registry, err := models.OpenRegistry(a.path("models"))
	if err != nil {
		return err
	}
	list, err := registry.List(target)
	if err != nil {
		return err
	}
	champions, shadows := map[string]string{}, map[string]string{}
	shown := make([]listedModel, len(list))
	for i, m := range list {
		m.Population = nil // long, and for machines
		shown[i].Manifest = m
		if _, known := champions[m.Target]; known {
			continue
		}
		id, err := registry.Champion(m.Target)
		if err != nil && !errors.Is(err, models.ErrNotFound) {
			return err
		}
		held, err := registry.Shadow(m.Target)
		if err != nil && !errors.Is(err, models.ErrNotFound) {
			return err
		}
		champions[m.Target], shadows[m.Target] = id, held.ID
	}
	for i, m := range list {
		shown[i].Champion, shown[i].Shadow = champions[m.Target] == m.ID, shadows[m.Target] == m.ID
	}
	return a.print(shown, func(t *table) {
		t.row("", "ID", "TARGET", "MODEL", "CREATED", "ROWS", "SIZE", "SCORES")
		for _, m := range shown {
			mark := " "
			switch {
			case m.Champion:
				mark = "*"
			case m.Shadow:
				mark = "~"
			}
			t.row(mark, short(m.ID), m.Target, m.Model, m.Created.UTC().Format("2006-01-02T15:04:05Z"), fmt.Sprint(m.Rows), fmt.Sprint(m.Size), scores(m.Scores))
		}
	})
}

// listedModel is a model and where it stands.
type listedModel struct {
	models.Manifest
	Champion bool `json:"champion"`
	Shadow   bool `json:"shadow"`
}

func (a *app) showModel(ctx context.Context, id string) error {
	registry, err := models.OpenRegistry(a.path("models"))
	if err != nil {
		return err
	}
	m, err := findModel(registry, id)
	if err != nil {
		return err
	}
	if _, _, err := registry.Load(m.ID); err != nil { // what is shown can be served
		return err
	}
	cards, err := a.scorecards(ctx, m.Target)
	if err != nil {
		return err
	}
	cards = slices.DeleteFunc(cards, func(c forecaster.Scorecard) bool { return c.Model != m.ID })
	m.Population = nil
	return a.print(shownModel{m, cards}, func(t *table) {
		modelRows(t, m)
		t.row()
		scoreRows(t, cards)
	})
}

// shownModel is a model and how what it issued came out.
type shownModel struct {
	models.Manifest
	Scorecards []forecaster.Scorecard `json:"scorecards"`
}

// findModel takes a whole id or a beginning of one that fits one model only.
func findModel(registry *models.Registry, id string) (models.Manifest, error) {
	list, err := registry.List("")
	if err != nil {
		return models.Manifest{}, err
	}
	var found []models.Manifest
	for _, m := range list {
		if strings.HasPrefix(m.ID, id) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return models.Manifest{}, fmt.Errorf("model %s: %w (driftcast models list names them)", id, models.ErrNotFound)
	case 1:
		return found[0], nil
	}
	return models.Manifest{}, fmt.Errorf("model %s: fits %d models, write more of the id", id, len(found))
}

func (a *app) printModel(m models.Manifest, note string) error {
	m.Population = nil
	return a.print(m, func(t *table) {
		t.row(short(m.ID) + " " + note)
		modelRows(t, m)
	})
}

func modelRows(t *table, m models.Manifest) {
	t.row("id", m.ID)
	t.row("target", m.Target)
	t.row("model", m.Model)
	t.row("seed", fmt.Sprint(m.Seed))
	t.row("learned from", m.From.UTC().Format("2006-01-02T15:04:05Z")+" to "+m.Through.UTC().Format("2006-01-02T15:04:05Z"))
	t.row("rows", fmt.Sprint(m.Rows))
	if m.Threshold > 0 {
		t.row("threshold", percent(m.Threshold)+" keeps to the target's budget")
	}
	t.row("scores", scores(m.Scores))
}

func scores(s map[string]float64) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		words = append(words, name+"="+number(s[name]).String())
	}
	return strings.Join(words, " ")
}

// short is as much of an id as people read.
func short(id string) string { return id[:min(len(id), 12)] }
