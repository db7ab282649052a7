package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client speaks to a running server: corrections go through its one door.
type client struct {
	server, tokenFile string
	key               string // sent as Idempotency-Key; empty: none
}

func (a *app) correctionsCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use: "corrections", Short: "List, show, submit, approve, reject and revert corrections of a running server",
		Long: `Corrections go through the running server, so that no guard can be walked around. With a tokens file on the
server, name a file that holds your token with --token.file.`,
	}
	cmd.PersistentFlags().StringVar(&c.server, "server", "http://127.0.0.1:9595", "the running driftcast")
	cmd.PersistentFlags().StringVar(&c.tokenFile, "token.file", "", "file with the bearer token")
	cmd.AddCommand(a.correctionsList(c), a.correctionsShow(c), a.correctionsSubmit(c), a.correctionsPolicies(c))
	for _, verb := range []struct{ name, help string }{
		{"approve", "Approve a proposed correction: it is applied unless a guard now forbids it"},
		{"reject", "Reject a proposed correction"},
		{"revert", "Undo an applied correction; always allowed"},
		{"acknowledge", "Take note of who fights back against a correction, so that its object may be corrected again"},
	} {
		var reason string
		sub := &cobra.Command{
			Use: verb.name + " ID", Short: verb.help, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				body, err := json.Marshal(map[string]string{"reason": reason})
				if err != nil {
					return err
				}
				v, raw, err := c.correction(cmd.Context(), http.MethodPost, "corrections/"+url.PathEscape(args[0])+"/"+verb.name, string(body))
				if err != nil {
					return err
				}
				return a.print(raw, v.draw)
			},
		}
		sub.Flags().StringVar(&reason, "reason", "", "why, for the audit trail")
		cmd.AddCommand(sub)
	}
	return cmd
}

func (a *app) correctionsList(c *client) *cobra.Command {
	var state, policy, subject string
	list := &cobra.Command{
		Use: "list", Short: "List corrections, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"limit": {"200"}}
			for name, value := range map[string]string{"state": state, "policy": policy, "subject": subject} {
				if value != "" {
					query.Set(name, value)
				}
			}
			var page struct {
				Items []correctionView `json:"items"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, "corrections?"+query.Encode(), "", &page); err != nil {
				return err
			}
			return a.print(page.Items, func(t *table) {
				t.row("ID", "STATE", "POLICY", "SUBJECT", "TARGET", "RISK", "CHANGED", "OUTCOME", "REASON")
				for _, v := range page.Items {
					t.row(v.ID, v.State, v.Policy, v.Subject.ID, v.Target, v.Risk.String(), moment(v.Changed), v.Outcome.Verdict, v.Reason)
				}
			})
		},
	}
	list.Flags().StringVar(&state, "state", "", "only in this state: proposed, blocked, applied, …")
	list.Flags().StringVar(&policy, "policy", "", "only by this policy")
	list.Flags().StringVar(&subject, "subject", "", "only of this subject, such as node/gpu-17")
	return list
}

func (a *app) correctionsSubmit(c *client) *cobra.Command {
	var policy, subject, target, reason string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "submit --policy NAME --subject KIND/NAME", Short: "Ask for a correction by hand; guards and policy decide what becomes of it",
		Long: `The request goes through the one door: the policy's guards judge it by the newest forecast or drift of the
subject, and its mode says whether it is shown, waits for an approval or is applied. With --dry-run it is judged and
planned, and nothing is recorded or changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			request := map[string]string{"policy": policy, "subject": subject, "reason": reason}
			if target != "" {
				request["target"] = target
			}
			body, err := json.Marshal(request)
			if err != nil {
				return err
			}
			path := "corrections"
			if dryRun {
				path += "?dryRun=true"
			}
			v, raw, err := c.correction(cmd.Context(), http.MethodPost, path, string(body))
			if err != nil {
				return err
			}
			return a.print(raw, v.draw)
		},
	}
	cmd.Flags().StringVar(&policy, "policy", "", "the policy to act by")
	cmd.Flags().StringVar(&subject, "subject", "", "what to correct: node/gpu-17, workload/shop/web, …")
	cmd.Flags().StringVar(&target, "target", "", "whose risk it answers, or drift; needed where the policy has several")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit trail")
	cmd.Flags().StringVar(&c.key, "key", "", "idempotency key: the same key is never applied twice")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "judge and plan only")
	for _, name := range []string{"policy", "subject"} {
		_ = cmd.MarkFlagRequired(name) // the flag is there
	}
	return cmd
}

func (c *client) call(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.server, "/")+"/api/v1/"+path, bytes.NewBufferString(body))
	if err != nil {
		return fmt.Errorf("--server %q: %w", c.server, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	if c.tokenFile != "" {
		secret, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return fmt.Errorf("--token.file: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("nothing answers at %s (start driftcast serve, or name the server with --server): %w", c.server, err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.server, err)
	}
	if resp.StatusCode >= 300 {
		var problem struct{ Title, Detail string }
		if json.Unmarshal(text, &problem) != nil || problem.Title == "" {
			problem.Title = resp.Status
		}
		return fmt.Errorf("%s: %s", problem.Title, problem.Detail)
	}
	return json.Unmarshal(text, into)
}
