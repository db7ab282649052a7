package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/declared"
)

func (a *app) baselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Record, show and compare the state that is declared for a cluster",
		Long: `A baseline is what a team declares: a folder of manifests or a place in a Git repository, plain or for kustomize,
listed under "baselines:" in the configuration. A team that has neither can record what it has now, and declare that.`,
	}
	cmd.AddCommand(a.baselineListCommand(), a.baselineShowCommand(), a.baselineRecordCommand(), a.baselineCompareCommand())
	return cmd
}

func (a *app) baselineListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the baselines of the configuration and where they stand; exit 2 where one could not be read", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			if len(c.Baselines) == 0 {
				return errors.New("the configuration has no baselines (list them under baselines:, and name the file with --config.file)")
			}
			set, err := declared.Open(declared.Options{Baselines: c.Baselines, Cache: a.path("baselines")})
			if err != nil {
				return err
			}
			failed := set.Poll(cmd.Context())
			list := set.Status()
			if err := a.print(list, func(t *table) {
				t.row("NAME", "FROM", "REF", "REVISION", "COMMIT", "LAST SEEN", "OBJECTS", "UNREAD")
				for _, s := range list {
					t.row(s.Name, s.From, orDash(s.Ref), orDash(shortRevision(s.Revision.ID)), orDash(commitWords(s.Revision)), moment(s.Checked), fmt.Sprint(s.Objects), fmt.Sprint(len(s.Problems)))
				}
			}); err != nil {
				return err
			}
			return failed
		},
	}
}

func (a *app) baselineShowCommand() *cobra.Command {
	var revision string
	cmd := &cobra.Command{
		Use:   "show FOLDER|NAME [KIND/NAMESPACE/NAME]",
		Short: "Show what a baseline declares, or one manifest as it would be applied; exit 2 where a part could not be read",
		Example: `  driftcast baseline show ./manifests
  driftcast baseline show prod Deployment/shop/web --revision 4f2c1e0…`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && revision != "" {
				return errors.New("--revision: name the object too, as KIND/NAMESPACE/NAME")
			}
			set, err := a.openBaseline(args[0])
			if err != nil {
				return err
			}
			failed := set.Poll(cmd.Context())
			if failed != nil && set.Status()[0].Revision.ID == "" {
				return failed
			}
			if len(args) == 2 { // where it could not be polled, of the last good revision, and the error after it
				return errors.Join(a.showManifest(cmd.Context(), set, args[1], revision), failed)
			}
			return errors.Join(a.showBaseline(cmd.Context(), set), failed)
		},
	}
	cmd.Flags().StringVar(&revision, "revision", "", "of the baseline: a full commit (default: the newest)")
	return cmd
}

// openBaseline opens a folder, or a baseline of the configuration by its name.
func (a *app) openBaseline(name string) (*declared.Set, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Baselines, func(b declared.Config) bool { return b.Name == name })
	var chosen declared.Config
	if i >= 0 {
		chosen = c.Baselines[i]
	} else if _, err := os.Stat(name); err == nil {
		chosen = declared.Config{Name: "folder", Path: name}
	} else {
		return nil, fmt.Errorf("%q is neither a folder nor the name of a baseline in the configuration", name)
	}
	return declared.Open(declared.Options{Baselines: []declared.Config{chosen}, Cache: a.path("baselines")})
}

// baselineView is what a baseline declares.
type baselineView struct {
	declared.Status
	Declares []declaredView `json:"declares"`
}

type declaredView struct {
	Object cluster.Ref `json:"object"`
	Origin string      `json:"origin"`
}

func (a *app) showBaseline(ctx context.Context, set *declared.Set) error {
	declarations, err := set.Declarations(ctx)
	if err != nil {
		return err
	}
	v := baselineView{Status: set.Status()[0], Declares: []declaredView{}}
	for _, d := range declarations {
		v.Declares = append(v.Declares, declaredView{d.Object, strings.TrimPrefix(d.Origin, v.Name+": ")})
	}
	if err := a.print(v, func(t *table) {
		t.row("OBJECT", "FROM")
		for _, d := range v.Declares {
			t.row(d.Object.String(), d.Origin)
		}
		for _, p := range v.Problems {
			t.row("unread: " + p.Error())
		}
		t.row(strings.TrimRight(fmt.Sprintf("%d objects at %s %s", v.Objects, shortRevision(v.Revision.ID), commitWords(v.Revision)), " "))
	}); err != nil {
		return err
	}
	if n := len(v.Problems); n > 0 {
		return fmt.Errorf("%d of what is there could not be read; what it declares is unknown", n)
	}
	return nil
}

// showManifest prints one manifest: YAML unless JSON is wanted.
func (a *app) showManifest(ctx context.Context, set *declared.Set, name, revision string) error {
	declarations, err := set.Declarations(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(declarations, func(d drift.Declaration) bool { return strings.EqualFold(d.Object.String(), name) })
	if i < 0 {
		return fmt.Errorf("%s: %w (driftcast baseline show lists what is declared)", name, declared.ErrUndeclared)
	}
	manifest, _, err := set.Manifest(ctx, declarations[i].Object, revision)
	if err != nil {
		return err
	}
	value, err := cluster.Decode(manifest)
	if err != nil {
		return err
	}
	format := a.output
	if format == "table" {
		a.output = "yaml"
	}
	defer func() { a.output = format }()
	return a.print(value, nil)
}

func (a *app) baselineCompareCommand() *cobra.Command {
	f := &driftFlags{interval: time.Minute}
	cmd := &cobra.Command{
		Use:   "compare FOLDER|NAME",
		Short: "Compare a baseline with the cluster; exit 1 where something is not as it declares",
		Long: `Compares what one baseline declares, and nothing else, with the cluster. "driftcast drift" compares with everything that
is declared, on the objects themselves too.

Exit codes: 0 as declared, 1 drift, 2 an error, or something is unknown or nothing was there to compare (and nothing drifted)
unless --ignore-unknown is given.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.baselines = args
			return a.compareBaseline(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	connectFlags(cmd, &f.kubeconfig, &f.context)
	f.showFlags(cmd)
	flags.StringVarP(&f.namespace, "namespace", "n", "", "only this namespace, and nothing that lives in none; and where manifests go that say none")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only objects of this kind; may be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false, "ask the server too what applying the baseline would change (needs the verb patch)")
	return cmd
}

func (a *app) compareBaseline(ctx context.Context, f *driftFlags) error {
	settings, err := a.driftSettings(f)
	if err != nil {
		return err
	}
	conn, transform, err := a.lookOnce(ctx, settings.cluster)
	if err != nil {
		return err
	}
	// What the baseline declares is listed too, where it is not watched anyway.
	set, err := declared.Open(declared.Options{Baselines: settings.baselines, Cache: a.path("baselines"), Scopes: kinds{conn.Mapper}})
	if err != nil {
		return err
	}
	if err := set.Poll(ctx); err != nil {
		return err
	}
	declarations, err := set.Declarations(ctx)
	if err != nil {
		return err
	}
	listed := settings.cluster.Resources()
	for _, d := range declarations {
		resource, _, err := conn.Resource(d.Object.GVK())
		if err != nil {
			continue // the comparison says so, object by object
		}
		r := cluster.Resource(resource)
		if !slices.ContainsFunc(listed, func(l cluster.Resource) bool { return l.String() == r.String() }) {
			listed = append(listed, r)
			settings.cluster.Watch = append(settings.cluster.Watch, r)
		}
	}
	once, err := a.newComparison(conn, transform, settings, f)
	if err != nil {
		return err
	}
	report, err := once(ctx)
	if err != nil {
		return err
	}
	report.Findings = slices.DeleteFunc(report.Findings, func(finding drift.Finding) bool {
		return finding.Source != drift.SourceGit && finding.Source != drift.SourceDirectory
	})
	report.Objects = len(report.Findings)
	return a.printDrift(viewOf(report, f), f)
}

func commitWords(r declared.Revision) string {
	if r.Author == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s, %s)", r.Subject, r.Author, r.Time.UTC().Format(time.DateOnly))
}

func shortRevision(id string) string {
	if len(id) == 40 {
		return id[:10]
	}
	return id
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// absolute is a path as people can find it again.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
