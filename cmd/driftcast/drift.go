package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// driftFlags are the flags of `driftcast drift`.
type driftFlags struct {
	kubeconfig, context string
	namespace           string
	baselines           []string
	kinds               []string
	dryRun, watch       bool
	interval            time.Duration
	ignoreUnknown, all  bool
	server              client
}

func (a *app) driftCommand() *cobra.Command {
	f := &driftFlags{}
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Show what differs now between the cluster and its declared state; exit 1 where something does",
		Long: `Compares what is live with what is declared, field by field, and says since when and by whom. It only reads, unless
--dry-run is given, which needs the verb patch and changes nothing either.

What is declared comes from --baseline (a folder of manifests, or a baseline of the configuration by its name), from
server-side-apply managers and kubectl's last-applied annotation on the objects, from ReplicaSets and ControllerRevisions,
and, for nodes, from what most of their pool agree on. No server needs to run; with --server the running one is asked,
which remembers since when, how often, and what was there before fields were taken away.

What could not be compared is unknown, never clean.

Exit codes: 0 as declared, 1 drift, 2 an error, or something is unknown or nothing was there to compare (and nothing drifted)
unless --ignore-unknown is given.`,
		Example: `  driftcast drift
  driftcast drift -n training --baseline ./manifests
  driftcast drift --kind Deployment --kind Node -o json
  driftcast drift --server http://127.0.0.1:9595
  driftcast drift --baseline ./manifests --watch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("server") {
				return a.driftOfServer(cmd.Context(), f)
			}
			return a.driftOfCluster(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	connectFlags(cmd, &f.kubeconfig, &f.context)
	f.showFlags(cmd)
	flags.StringVarP(&f.namespace, "namespace", "n", "", "only this namespace, and nothing that lives in none")
	flags.StringArrayVar(&f.baselines, "baseline", nil, "folder of manifests, or the name of a baseline of the configuration; may be repeated (default: all of the configuration)")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only objects of this kind, such as Deployment; may be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false, "ask the server too what applying the baselines would change (needs the verb patch)")
	flags.BoolVar(&f.watch, "watch", false, "compare again and again, and print when something changes")
	flags.DurationVar(&f.interval, "interval", 30*time.Second, "between comparisons with --watch")
	flags.StringVar(&f.server.server, "server", "http://127.0.0.1:9595", "ask the running driftcast there instead of the cluster")
	flags.StringVar(&f.server.tokenFile, "token.file", "", "file with the bearer token for --server")
	for _, other := range []string{"kubeconfig", "context", "baseline", "dry-run", "watch"} {
		cmd.MarkFlagsMutuallyExclusive("server", other)
	}
	return cmd
}

// connectFlags are those of every command that looks at a cluster itself.
func connectFlags(cmd *cobra.Command, kubeconfig, context *string) {
	cmd.Flags().StringVar(kubeconfig, "kubeconfig", "", "kubeconfig file (default: the configuration's, or what kubectl would use)")
	cmd.Flags().StringVar(context, "context", "", "context of the kubeconfig (default: its current one)")
}

// showFlags say what of a comparison is printed, and what counts.
func (f *driftFlags) showFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.ignoreUnknown, "ignore-unknown", false, "exit 0 although something could not be compared")
	cmd.Flags().BoolVar(&f.all, "all", false, "print what is as declared, too")
}

// driftView is a comparison as it is printed.
type driftView struct {
	At       time.Time             `json:"at"`
	Took     time.Duration         `json:"took"`
	Objects  int                   `json:"objects"`
	Calls    int                   `json:"calls"`
	Counts   map[drift.Verdict]int `json:"counts"`
	Findings []drift.Finding       `json:"findings"`
	Problems []string              `json:"problems"`
}

// driftOfCluster compares without a running server.
func (a *app) driftOfCluster(ctx context.Context, f *driftFlags) error {
	settings, err := a.driftSettings(f)
	if err != nil {
		return err
	}
	conn, transform, err := a.lookOnce(ctx, settings.cluster)
	if err != nil {
		return err
	}
	once, err := a.newComparison(conn, transform, settings, f)
	if err != nil {
		return err
	}
	if !f.watch {
		report, err := once(ctx)
		if err != nil {
			return err
		}
		return a.printDrift(viewOf(report, f), f)
	}
	return a.watchDrift(ctx, once, f)
}

// watchDrift prints each comparison that differs from the one before. It ends
// with ctx, as the last comparison did.
func (a *app) watchDrift(ctx context.Context, once func(context.Context) (drift.Report, error), f *driftFlags) error {
	ticker := time.NewTicker(f.interval)
	defer ticker.Stop()
	last, verdict := "nothing was printed yet", error(nil)
	for {
		report, err := once(ctx)
		switch {
		case ctx.Err() != nil:
			return verdict
		case err != nil:
			fmt.Fprintf(a.err, "driftcast: %v\n", err)
			verdict = err
		default:
			view := viewOf(report, f)
			if now := fingerprint(view); now != last {
				last = now
				if verdict = a.printDrift(view, f); verdict != nil && !errors.Is(verdict, errFound) && !errors.Is(verdict, errUnknown) && !errors.Is(verdict, errNothing) {
					return verdict
				}
			}
		}
		select {
		case <-ctx.Done():
			return verdict
		case <-ticker.C:
		}
	}
}

// fingerprint tells comparisons apart that people would see as other ones.
func fingerprint(v driftView) string {
	var out strings.Builder
	for _, f := range v.Findings {
		out.WriteString(wordsOf(&f))
	}
	return out.String() + strings.Join(v.Problems, "\n")
}

// wordsOf is what people are told of a finding; the same words are no news.
func wordsOf(f *drift.Finding) string {
	var out strings.Builder
	fmt.Fprintln(&out, f.Object, f.Verdict, f.Reason)
	for _, d := range f.Differences {
		fmt.Fprintln(&out, d.Words())
	}
	return out.String()
}

// driftOfServer asks a running server, page by page.
func (a *app) driftOfServer(ctx context.Context, f *driftFlags) error {
	view, cursor := driftView{Counts: map[drift.Verdict]int{}}, ""
	for {
		var page struct {
			Watched     bool                  `json:"watched"`
			ComparedAt  *time.Time            `json:"comparedAt"`
			TookSeconds float64               `json:"tookSeconds"`
			Objects     int                   `json:"objects"`
			Calls       int                   `json:"calls"`
			Counts      map[drift.Verdict]int `json:"counts"`
			Items       []drift.Finding       `json:"items"`
			NextCursor  string                `json:"nextCursor"`
		}
		if err := f.server.call(ctx, "GET", "drift?limit=200"+f.query(cursor), "", &page); err != nil {
			return err
		}
		switch {
		case !page.Watched:
			return fmt.Errorf("%s watches no cluster; set cluster in its configuration, or leave --server out", f.server.server)
		case page.ComparedAt == nil:
			return fmt.Errorf("%s has compared nothing yet; ask again in a minute", f.server.server)
		}
		view.At, view.Took, view.Objects, view.Calls = *page.ComparedAt, time.Duration(page.TookSeconds*float64(time.Second)), page.Objects, page.Calls
		view.Findings = append(view.Findings, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	return a.printDrift(viewOf(drift.Report{At: view.At, Took: view.Took, Objects: view.Objects, Calls: view.Calls, Findings: view.Findings}, f), f)
}

// viewOf is what the flags ask for of a report: drift first, the oldest last.
func viewOf(r drift.Report, f *driftFlags) driftView {
	v := driftView{At: r.At, Took: r.Took, Objects: r.Objects, Calls: r.Calls, Problems: r.Problems, Findings: []drift.Finding{},
		Counts: map[drift.Verdict]int{drift.Synced: 0, drift.Drifted: 0, drift.Unknown: 0}}
	for _, finding := range r.Findings {
		if !f.wants(finding.Object) {
			continue
		}
		v.Counts[finding.Verdict]++
		if f.all || finding.Verdict != drift.Synced {
			v.Findings = append(v.Findings, finding)
		}
	}
	rank := []drift.Verdict{drift.Drifted, drift.Unknown, drift.Synced}
	slices.SortStableFunc(v.Findings, func(a, b drift.Finding) int {
		return cmp.Or(slices.Index(rank, a.Verdict)-slices.Index(rank, b.Verdict), b.Since.Compare(a.Since), cmp.Compare(a.Object.String(), b.Object.String()))
	})
	return v
}

// wants says whether the flags ask for an object. A manifest that could not be
// read might be of any: it is asked for, lest what is unknown looks clean.
func (f *driftFlags) wants(r cluster.Ref) bool {
	if r.Kind == "" {
		return true
	}
	if f.namespace != "" && r.Namespace != f.namespace {
		return false
	}
	return len(f.kinds) == 0 || slices.ContainsFunc(f.kinds, func(kind string) bool { return strings.EqualFold(kind, r.Kind) })
}

// errUnknown ends the command with exit code 2: it cannot say that nothing drifted.
var errUnknown = errors.New("not everything could be compared, so this is not clean; see above, or give --ignore-unknown")

// errNothing is the answer where a namespace or a kind is mistyped: that nothing
// was found to compare is no proof that nothing drifted.
var errNothing = errors.New("nothing was compared: nothing is declared there; check --namespace, --kind and --baseline, or give --ignore-unknown")

func (a *app) printDrift(v driftView, f *driftFlags) error {
	if err := a.print(v, func(t *table) { drawDrift(t, v) }); err != nil {
		return err
	}
	switch {
	case v.Counts[drift.Drifted] > 0:
		return errFound
	case v.Counts[drift.Unknown]+v.Counts[drift.Synced]+len(v.Problems) == 0 && !f.ignoreUnknown:
		return errNothing
	case (v.Counts[drift.Unknown] > 0 || len(v.Problems) > 0) && !f.ignoreUnknown:
		return errUnknown
	}
	return nil
}
