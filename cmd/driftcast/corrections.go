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
type client struct{ server, tokenFile string }

func (a *app) correctionsCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use: "corrections", Short: "List, approve, reject and revert corrections of a running server",
		Long: `Corrections go through the running server, so that no guard can be walked around. With a tokens file on the
server, name a file that holds your token with --token.file.`,
	}
	cmd.PersistentFlags().StringVar(&c.server, "server", "http://127.0.0.1:9595", "the running driftcast")
	cmd.PersistentFlags().StringVar(&c.tokenFile, "token.file", "", "file with the bearer token")
	var state string
	list := &cobra.Command{
		Use: "list", Short: "List corrections, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var page struct {
				Items []correctionView `json:"items"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, "corrections?limit=200&state="+url.QueryEscape(state), "", &page); err != nil {
				return err
			}
			return a.print(page.Items, func(t *table) {
				t.row("ID", "STATE", "POLICY", "SUBJECT", "TARGET", "RISK", "CHANGED", "REASON")
				for _, v := range page.Items {
					t.row(v.ID, v.State, v.Policy, v.Subject.ID, v.Target, v.Risk.String(), v.Changed.UTC().Format(time.RFC3339), v.Reason)
				}
			})
		},
	}
	list.Flags().StringVar(&state, "state", "", "only in this state: proposed, blocked, applied, …")
	show := &cobra.Command{
		Use: "show ID", Short: "Show one correction and what it would change", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), c, http.MethodGet, "corrections/"+url.PathEscape(args[0]), "")
		},
	}
	cmd.AddCommand(list, show)
	for _, verb := range []struct{ name, help string }{
		{"approve", "Approve a proposed correction: it is applied unless a guard now forbids it"},
		{"reject", "Reject a proposed correction"},
		{"revert", "Undo an applied correction; always allowed"},
	} {
		var reason string
		sub := &cobra.Command{
			Use: verb.name + " ID", Short: verb.help, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				body, err := json.Marshal(map[string]string{"reason": reason})
				if err != nil {
					return err
				}
				return a.decide(cmd.Context(), c, http.MethodPost, "corrections/"+url.PathEscape(args[0])+"/"+verb.name, string(body))
			},
		}
		sub.Flags().StringVar(&reason, "reason", "", "why, for the audit trail")
		cmd.AddCommand(sub)
	}
	return cmd
}

// correctionView is a correction as the API gives it.
type correctionView struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Policy  string `json:"policy"`
	Mode    string `json:"mode"`
	Target  string `json:"target"`
	Subject struct {
		ID string `json:"id"`
	} `json:"subject"`
	Risk    number    `json:"risk"`
	Reason  string    `json:"reason"`
	Plan    string    `json:"plan"`
	Actor   string    `json:"actor"`
	Changed time.Time `json:"changed"`
}

func (a *app) decide(ctx context.Context, c *client, method, path, body string) error {
	var v correctionView
	if err := c.call(ctx, method, path, body, &v); err != nil {
		return err
	}
	return a.print(v, func(t *table) {
		for _, field := range [][2]string{{"id", v.ID}, {"state", v.State}, {"reason", v.Reason}, {"policy", v.Policy + " (" + v.Mode + ")"},
			{"subject", v.Subject.ID}, {"target", v.Target}, {"risk", v.Risk.String()}, {"plan", v.Plan}, {"last by", v.Actor}} {
			t.row(field[0], strings.ReplaceAll(field[1], "\n", "\n\t"))
		}
	})
}

func (c *client) call(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.server, "/")+"/api/v1/"+strings.TrimSuffix(path, "&state="), bytes.NewBufferString(body))
	if err != nil {
		return fmt.Errorf("--server %q: %w", c.server, err)
	}
	req.Header.Set("Content-Type", "application/json")
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
