package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/audit"
	"github.com/driftcast/driftcast/store"
)

// reportFlags are the flags of `driftcast audit report`.
type reportFlags struct {
	from, to, format, out, zone string
	server                      client
}

func (a *app) auditReportCommand() *cobra.Command {
	f := &reportFlags{}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report on drift over time: who, where, when, what comes back, and what came of corrections",
		Long: `Reads the episodes of drift and the audit trail of the storage folder and writes a report: Markdown, JSON, or one HTML page
that needs nothing else and can be attached. What the running server compared last, for what is unknown now, is asked of it
with --server; without it the report says that this is not known.`,
		Example: `  driftcast audit report --from 2026-11-16T00:00:00Z --format html --out week.html
  driftcast audit report --format json | jq .summary`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditReport(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "begin of the period (RFC 3339 or Unix seconds; default: 7 days before --to)")
	flags.StringVar(&f.to, "to", "", "end of the period (default: now)")
	flags.StringVar(&f.format, "format", "", "markdown, html or json (default: by the ending of --out, else markdown)")
	flags.StringVar(&f.out, "out", "", "file to write (default: standard output)")
	flags.StringVar(&f.zone, "zone", "UTC", "time zone of hours and days, such as Europe/Berlin")
	flags.StringVar(&f.server.server, "server", "", "the running driftcast, to ask what is unknown now and which revisions are in force")
	flags.StringVar(&f.server.tokenFile, "token.file", "", "file with the bearer token for --server")
	return cmd
}

func (a *app) auditReport(cmd *cobra.Command, f *reportFlags) error {
	ctx, now := cmd.Context(), time.Now().UTC()
	in := audit.Input{To: now, Now: now}
	var err error
	if f.to != "" {
		if in.To, err = parseTime("to", f.to); err != nil {
			return err
		}
	}
	in.From = in.To.Add(-7 * 24 * time.Hour)
	if f.from != "" {
		if in.From, err = parseTime("from", f.from); err != nil {
			return err
		}
	}
	if !in.From.Before(in.To) {
		return fmt.Errorf("--from %s is not before --to %s", in.From.Format(time.RFC3339), in.To.Format(time.RFC3339))
	}
	if in.Location, err = time.LoadLocation(f.zone); err != nil {
		return fmt.Errorf("--zone %q: %w (write a name such as Europe/Berlin)", f.zone, err)
	}
	format, err := f.chosen()
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	if err := gatherReport(ctx, s, &in); err != nil {
		return err
	}
	if f.server.server != "" {
		if err := f.ask(ctx, &in); err != nil {
			return err
		}
	}
	if f.out == "" {
		return audit.Write(a.out, audit.Build(in), format)
	}
	return audit.WriteFile(f.out, audit.Build(in), format)
}

// chosen is the format that is asked for.
func (f *reportFlags) chosen() (string, error) {
	if f.format == "" {
		for format, ending := range audit.Formats() {
			if strings.HasSuffix(f.out, ending) {
				return format, nil
			}
		}
		return "markdown", nil
	}
	if _, ok := audit.Formats()[f.format]; !ok {
		return "", fmt.Errorf("--format %q: want markdown, html or json", f.format)
	}
	return f.format, nil
}

// gatherReport reads what a report of in's period is made of, and of the 30 days
// before it, which tell what came back. The service's reports are made of it too.
func gatherReport(ctx context.Context, s *store.Store, in *audit.Input) error {
	var err error
	if in.Episodes, err = s.Episodes(ctx, drift.EpisodeQuery{From: in.From.Add(-30 * 24 * time.Hour), To: in.To}); err != nil {
		return err
	}
	for after := int64(0); ; {
		page, err := s.Audit(ctx, after, 1000)
		if err != nil {
			return err
		}
		in.Trail = append(in.Trail, page...)
		if len(page) < 1000 {
			break
		}
		after = page[len(page)-1].Seq
	}
	if in.Verified, err = s.VerifyAudit(ctx); err != nil {
		in.Broken = err.Error() // a report that hides it would be worse than none
	}
	return nil
}

// ask asks the running server what is unknown now, which pools nodes are in, and
// which revisions hold.
func (f *reportFlags) ask(ctx context.Context, in *audit.Input) error {
	latest := drift.Report{}
	if err := f.findings(ctx, "verdict=unknown", &latest, func(drift.Finding) bool { return true }); err != nil {
		return err
	}
	known := func(finding drift.Finding) bool { return finding.Verdict != drift.Unknown } // the others are there already
	if err := f.findings(ctx, "source="+drift.SourcePool, &latest, known); err != nil {
		return err
	}
	if !latest.At.IsZero() { // else nothing was compared yet: not known
		in.Latest = &latest
	}
	var page struct {
		Items []struct {
			Name, Source, Revision string
			Revised, Checked       time.Time
		} `json:"items"`
	}
	if err := f.server.call(ctx, "GET", "baselines", "", &page); err != nil {
		return err
	}
	for _, b := range page.Items {
		declared := audit.Baseline{Name: b.Name, Source: b.Source, Revision: b.Revision, Time: b.Revised, Checked: b.Checked}
		for _, finding := range latest.Findings {
			if finding.Verdict == drift.Unknown && finding.Source == b.Source && strings.HasPrefix(finding.Origin, b.Name+": ") {
				declared.Problems++
			}
		}
		in.Baselines = append(in.Baselines, declared)
	}
	return nil
}

// findings adds those of the newest comparison that a query asks for, page by page.
func (f *reportFlags) findings(ctx context.Context, query string, latest *drift.Report, wanted func(drift.Finding) bool) error {
	for cursor := ""; ; {
		var page struct {
			ComparedAt time.Time       `json:"comparedAt"` // null: zero
			Objects    int             `json:"objects"`
			Items      []drift.Finding `json:"items"`
			NextCursor string          `json:"nextCursor"`
		}
		path := "drift?limit=200&" + query
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		if err := f.server.call(ctx, "GET", path, "", &page); err != nil {
			return err
		}
		latest.At, latest.Objects = page.ComparedAt, page.Objects
		for _, finding := range page.Items {
			if wanted(finding) {
				latest.Findings = append(latest.Findings, finding)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return nil
		}
	}
}
