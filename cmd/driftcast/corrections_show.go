package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// correctionView is what people are shown of a correction as the API gives it.
type correctionView struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Policy  string `json:"policy"`
	Mode    string `json:"mode"`
	Target  string `json:"target"`
	Subject struct {
		ID string `json:"id"`
	} `json:"subject"`
	Risk      number    `json:"risk"`
	Reason    string    `json:"reason"`
	Plan      string    `json:"plan"`
	Diff      string    `json:"diff"`
	Revision  string    `json:"revision"`
	Contested string    `json:"contested"`
	Actor     string    `json:"actor"`
	Changed   time.Time `json:"changed"`
	Drift     *struct {
		Kinds    []string `json:"kinds"`
		Paths    []string `json:"paths"`
		By       string   `json:"by"`
		Source   string   `json:"source"`
		Revision string   `json:"revision"`
	} `json:"drift,omitempty"`
	Guards []struct {
		Guard  string `json:"guard"`
		Passed bool   `json:"passed"`
		Says   string `json:"says"`
	} `json:"guards"`
	Outcome struct {
		Verdict string `json:"verdict"`
		Says    string `json:"says"`
	} `json:"outcome,omitempty"`
}

// draw shows what it would change, why it stands where it stands, and what each
// guard said.
func (v correctionView) draw(t *table) {
	fields := [][2]string{{"id", v.ID}, {"state", v.State}, {"reason", v.Reason}, {"policy", v.Policy + " (" + v.Mode + ")"},
		{"subject", v.Subject.ID}, {"target", v.Target}, {"risk", v.Risk.String()}, {"plan", v.Plan}, {"diff", v.Diff}, {"revision", v.Revision}}
	if d := v.Drift; d != nil {
		fields = append(fields, [2]string{"drift", strings.Join(d.Kinds, ", ") + " " + strings.Join(d.Paths, ", ")},
			[2]string{"declared by", strings.TrimSpace(d.Source + " " + d.Revision)}, [2]string{"changed by", d.By})
	}
	fields = append(fields, [2]string{"contested by", v.Contested}, [2]string{"last by", v.Actor})
	if v.Outcome.Verdict != "" {
		fields = append(fields, [2]string{"outcome", v.Outcome.Verdict + ": " + v.Outcome.Says})
	}
	for _, field := range fields {
		if field[1] != "" {
			t.row(field[0], strings.ReplaceAll(field[1], "\n", "\n\t"))
		}
	}
	if len(v.Guards) > 0 {
		t.row()
		t.row("GUARD", "", "SAYS")
	}
	for _, g := range v.Guards {
		t.row(g.Guard, map[bool]string{true: "yes", false: "no"}[g.Passed], g.Says)
	}
}

// moment is a time as people read it; "-" where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// correction asks for one, and returns it as people are shown it and whole.
func (c *client) correction(ctx context.Context, method, path, body string) (v correctionView, raw json.RawMessage, err error) {
	if err := c.call(ctx, method, path, body, &raw); err != nil {
		return v, nil, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, nil, fmt.Errorf("read the answer of %s: %w", c.server, err)
	}
	return v, raw, nil
}

// auditView is an entry of the audit trail as the API gives it.
type auditView struct {
	Seq        int64     `json:"seq"`
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	Action     string    `json:"action"`
	Reason     string    `json:"reason"`
	Correction struct {
		State string `json:"state"`
	} `json:"correction"`
}

func (a *app) correctionsShow(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one correction: what it would change, what each guard said, its outcome and its audit trail", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, raw, err := c.correction(cmd.Context(), http.MethodGet, "corrections/"+url.PathEscape(args[0]), "")
			if err != nil {
				return err
			}
			trail, err := c.trail(cmd.Context(), v.ID)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"correction": raw, "audit": trail}, func(t *table) {
				v.draw(t)
				t.row()
				t.row("SEQ", "AT", "BY", "DID", "STATE", "REASON")
				for _, e := range trail {
					t.row(fmt.Sprint(e.Seq), moment(e.At), e.Actor, e.Action, e.Correction.State, e.Reason)
				}
			})
		},
	}
}

// trail is what the audit trail says of one correction, oldest first.
func (c *client) trail(ctx context.Context, id string) ([]auditView, error) {
	all := []auditView{}
	for after := int64(0); ; {
		var page struct {
			Items     []auditView `json:"items"`
			NextAfter int64       `json:"nextAfter"`
		}
		if err := c.call(ctx, http.MethodGet, fmt.Sprintf("audit?correction=%s&limit=1000&after=%d", url.QueryEscape(id), after), "", &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextAfter <= after {
			return all, nil
		}
		after = page.NextAfter
	}
}

func (a *app) correctionsPolicies(c *client) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use: "policies", Aliases: []string{"outcomes"}, Short: "The policies, and how what they did came out", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "policies"
			if since != "" {
				at, err := parseTime("since", since)
				if err != nil {
					return err
				}
				path += "?since=" + url.QueryEscape(at.Format(time.RFC3339))
			}
			var raw json.RawMessage
			if err := c.call(cmd.Context(), http.MethodGet, path, "", &raw); err != nil {
				return err
			}
			var page struct {
				Items []struct {
					Name     string   `json:"name"`
					Actuator string   `json:"actuator"`
					Mode     string   `json:"mode"`
					Targets  []string `json:"targets"`
					Drifts   []string `json:"drifts"`
					Score    struct {
						Text    string `json:"text"`
						Waiting int    `json:"waiting"`
					} `json:"score"`
				} `json:"items"`
			}
			if err := json.Unmarshal(raw, &page); err != nil {
				return fmt.Errorf("read the answer of %s: %w", c.server, err)
			}
			return a.print(raw, func(t *table) {
				t.row("POLICY", "ACTUATOR", "MODE", "ANSWERS", "WAITING", "OUTCOMES")
				for _, p := range page.Items {
					answers := strings.Join(append(p.Targets, p.Drifts...), ", ")
					t.row(p.Name, p.Actuator, p.Mode, answers, fmt.Sprint(p.Score.Waiting), strings.TrimPrefix(p.Score.Text, p.Name+": "))
				}
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "count what was proposed from then on; default the last 30 days")
	return cmd
}
