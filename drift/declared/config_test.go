package declared_test

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/drift/declared"
)

func TestConfigNamesKeyAndRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"{name: prod, path: x}": "",
		"{name: prod, git: {url: 'https://git.example/x.git', auth: {password_file: x}}}": "",
		"{name: prod, git: {url: 'git@git.example:x.git', auth: {ssh_key_file: x}}}":      "",
		"{name: Prod, path: x}": "name: \"Prod\" is no name",
		"{name: prod}":          "baseline prod: path: neither path nor git is set (write path",
		"{name: prod, path: x, git: {url: 'https://x'}}":                                   "path and git are both set",
		"{name: prod, path: x, poll: 1ms}":                                                 "poll: 1ms is too short",
		"{name: prod, path: x, kustomize: yes please}":                                     "kustomize: \"yes please\" is none of",
		"{name: prod, path: x, exclude: ['']}":                                             "exclude: \"\": an empty glob",
		"{name: prod, git: {url: 'https://a:hunter2@x'}}":                                  "git.url: \"https://xxxxx@x\" holds a password",
		"{name: prod, git: {url: 'ftp://x'}}":                                              "git.url: \"ftp://x\": ftp is not spoken here",
		"{name: prod, git: {url: 'x'}}":                                                    "is not the URL of a repository",
		"{name: prod, git: {url: 'http://x', auth: {password_file: y}}}":                   "unencrypted",
		"{name: prod, git: {url: 'https://x', auth: {ssh_key_file: y}}}":                   "git.auth.ssh_key_file: a key is of no use",
		"{name: prod, git: {url: 'ssh://x', auth: {password_file: y}}}":                    "git.auth.password_file: a password is of no use for ssh",
		"{name: prod, git: {url: 'https://x', auth: {ssh_key_file: y, password_file: z}}}": "more than one of",
		"{name: prod, git: {url: 'https://hunter2@x', auth: {password_file: y}}}":          "git.url: \"https://xxxxx@x\" holds a user (write it to auth.username",
		"{name: prod, git: {url: 'ssh://git:hunter2@x/y'}}":                                "git.url: \"ssh://git:xxxxx@x/y\" holds a password",
		"{name: prod, git: {url: 'ssh://deploy@x/y', auth: {ssh_key_file: y}}}":            "",
		"{name: prod, git: {url: 'https://x', auth: {token_file: y, ca_file: z}}}":         "",
		"{name: prod, git: {url: 'http://x', auth: {token_file: y}}}":                      "unencrypted",
		"{name: prod, git: {url: 'https://x', auth: {token_file: y, password_file: z}}}":   "git.auth: more than one of",
		"{name: prod, git: {url: 'git@x:y', auth: {token_file: y}}}":                       "git.auth.token_file: a token is of no use for ssh",
		"{name: prod, git: {url: 'git@x:y', auth: {ca_file: y}}}":                          "git.auth.ca_file: certificates are of no use for ssh",
		"{name: prod, git: {url: 'https://x', auth: {known_hosts_file: y}}}":               "git.auth.known_hosts_file: host keys are of no use",
		"{name: prod, git: {url: 'https://x', ref: 4f2c1e0}}":                              "abbreviated commit",
		"{name: prod, git: {url: 'https://x', path: ../y}}":                                "leaves the repository",
		"{name: prod, git: {url: 'https://x', timeout: 1s, max_size: -1}}":                 "git.max_size",
	} {
		var c declared.Config
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(text, err)
		}
		err := c.Validate()
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is told: %v", err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	var list []declared.Config
	if err := yaml.Unmarshal([]byte("- {name: a, git: {url: 'https://x', auth: {password_file: p}}}\n- {name: b, path: m}"), &list); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		list[i].SetDirectory("/etc/driftcast")
	}
	a, b := list[0], list[1]
	if time.Duration(a.Poll) != 3*time.Minute || a.Kustomize != "auto" || a.Namespace != "default" || time.Duration(a.Git.Timeout) != 2*time.Minute ||
		a.Git.Auth.PasswordFile != "/etc/driftcast/p" || b.Path != "/etc/driftcast/m" {
		t.Errorf("got %+v, %+v", a, b)
	}
}

// TestTheManualIsRight reads the configurations that docs/drift.md shows.
func TestTheManualIsRight(t *testing.T) {
	text, err := os.ReadFile("../../docs/drift.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(baselines:.*?)^```").FindAllSubmatch(text, -1)
	if len(blocks) < 3 {
		t.Errorf("got %d configurations, want three", len(blocks))
	}
	for _, block := range blocks {
		var c struct {
			Baselines []declared.Config `yaml:"baselines"`
		}
		decoder := yaml.NewDecoder(bytes.NewReader(block[1]))
		decoder.KnownFields(true)
		err := decoder.Decode(&c)
		for i := range c.Baselines {
			err = errors.Join(err, c.Baselines[i].Validate())
		}
		if err != nil || len(c.Baselines) == 0 {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
}
