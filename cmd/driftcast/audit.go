package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/driftcast/driftcast/store"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Read and verify the audit trail of corrections, and report on drift"}
	cmd.AddCommand(&cobra.Command{
		Use: "verify", Short: "Verify the hash chain of the audit trail; exit 2 where it is broken", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openStore(cmd.Context(), slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }() // only read
			rows, err := s.VerifyAudit(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]any{"rows": rows, "verified": true}, func(t *table) {
				t.row(fmt.Sprintf("%d rows, the hash chain verifies", rows))
			})
		},
	})
	var after int64
	var limit int
	list := &cobra.Command{
		Use: "list", Short: "Print the audit trail, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openStore(cmd.Context(), slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }() // only read
			entries, err := s.Audit(cmd.Context(), after, limit)
			if err != nil {
				return err
			}
			return a.print(entries, func(t *table) {
				t.row("SEQ", "AT", "ACTOR", "ACTION", "CORRECTION", "SUBJECT", "STATE", "REASON")
				for _, e := range entries {
					c := e.Correction
					t.row(fmt.Sprint(e.Seq), e.At.Format("2006-01-02T15:04:05Z"), e.Actor, e.Action, c.ID, c.Subject.String(), string(c.State), c.Reason)
				}
			})
		},
	}
	list.Flags().Int64Var(&after, "after", 0, "sequence number after which to begin")
	list.Flags().IntVar(&limit, "limit", 100, "rows at most")
	cmd.AddCommand(list, a.auditReportCommand())
	return cmd
}

// openStore opens the store of a storage folder that is there already.
func (a *app) openStore(ctx context.Context, logger *slog.Logger) (*store.Store, error) {
	path := a.path("driftcast.db")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("nothing is stored in %s yet (run driftcast serve, or name another folder with --storage.path)", a.storagePath)
	}
	return store.Open(ctx, store.Options{Path: path, Logger: logger})
}
