package declared

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// Config is one entry of the list `baselines:`. Path or Git is set, never both.
type Config struct {
	Name      string         `yaml:"name"`      // in Origin, metrics and the cache's folder
	Path      string         `yaml:"path"`      // of a directory
	Git       *Git           `yaml:"git"`       // a repository
	Kustomize string         `yaml:"kustomize"` // auto (default): directories with a kustomization.yaml are built; true: Path must be one; false: never
	Namespace string         `yaml:"namespace"` // of manifests that say none; default "default"
	Poll      model.Duration `yaml:"poll"`      // default 3m
	Include   []string       `yaml:"include"`   // globs on paths below the path, ** crosses folders; none: every .yaml, .yml and .json
	Exclude   []string       `yaml:"exclude"`   // globs; what they match is not read
}

// Git is a repository and where in it to look.
type Git struct {
	URL     string         `yaml:"url"`      // https://, ssh://, git@host:path, file://
	Ref     string         `yaml:"ref"`      // branch, tag or full commit; none: the remote's HEAD
	Path    string         `yaml:"path"`     // inside the repository; none: its root
	Auth    Auth           `yaml:"auth"`     // none: anonymous
	Timeout model.Duration `yaml:"timeout"`  // of one poll; default 2m
	MaxSize int64          `yaml:"max_size"` // bytes that one revision may take on disk; default 256 MiB
}

// Auth names files, never secrets. They are read at each poll, so that a rotated
// secret is used without a restart.
type Auth struct {
	Username       string `yaml:"username"`         // none: the URL's, else git
	PasswordFile   string `yaml:"password_file"`    // a password or token that goes with Username, for https
	TokenFile      string `yaml:"token_file"`       // a bearer token, for https; most servers want theirs as a password
	SSHKeyFile     string `yaml:"ssh_key_file"`     // a private key without a passphrase; none: those of ssh-agent
	KnownHostsFile string `yaml:"known_hosts_file"` // none: SSH_KNOWN_HOSTS or ~/.ssh/known_hosts
	CAFile         string `yaml:"ca_file"`          // besides the system's, for https
}

// UnmarshalYAML sets the defaults before an entry is read.
func (c *Config) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Config
	*c = Config{}
	if err := unmarshal((*plain)(c)); err != nil {
		return err
	}
	*c = c.withDefaults()
	return nil
}

func (c Config) withDefaults() Config {
	if c.Kustomize == "" {
		c.Kustomize = "auto"
	}
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	if c.Poll == 0 {
		c.Poll = model.Duration(3 * time.Minute)
	}
	if c.Git != nil {
		g := *c.Git
		if g.Timeout == 0 {
			g.Timeout = model.Duration(2 * time.Minute)
		}
		if g.MaxSize == 0 {
			g.MaxSize = 256 << 20
		}
		c.Git = &g
	}
	return c
}

// SetDirectory makes relative paths relative to dir.
func (c *Config) SetDirectory(dir string) {
	join := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	join(&c.Path)
	if c.Git != nil {
		for _, p := range []*string{&c.Git.Auth.PasswordFile, &c.Git.Auth.TokenFile, &c.Git.Auth.SSHKeyFile, &c.Git.Auth.KnownHostsFile, &c.Git.Auth.CAFile} {
			join(p)
		}
	}
}

var (
	goodName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)
	fullCommit  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	shortCommit = regexp.MustCompile(`^[0-9a-f]*[0-9][0-9a-f]*$`)
	scpURL      = regexp.MustCompile(`^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:`)
)

// Validate says what is wrong with an entry: the key, and the remedy.
func (c *Config) Validate() error {
	if !goodName.MatchString(c.Name) {
		return fmt.Errorf("name: %q is no name of a baseline (write lower-case letters, digits and dashes, such as prod)", c.Name)
	}
	wrong := func(key, format string, args ...any) error {
		return fmt.Errorf("baseline %s: %s: %s", c.Name, key, fmt.Sprintf(format, args...))
	}
	switch {
	case c.Path == "" && c.Git == nil:
		return wrong("path", "neither path nor git is set (write path: DIRECTORY, or git: {url: …})")
	case c.Path != "" && c.Git != nil:
		return wrong("path", "path and git are both set (remove one; the folder inside a repository is git.path)")
	case c.Poll < 0 || (c.Poll > 0 && time.Duration(c.Poll) < time.Second):
		return wrong("poll", "%s is too short (write 1s or more, such as 3m)", c.Poll)
	}
	switch c.Kustomize {
	case "", "auto", "true", "false":
	default:
		return wrong("kustomize", "%q is none of auto, true and false", c.Kustomize)
	}
	for key, globs := range map[string][]string{"include": c.Include, "exclude": c.Exclude} {
		for _, g := range globs {
			if _, err := glob(g); err != nil {
				return wrong(key, "%q: %v (write a glob such as apps/**/*.yaml)", g, err)
			}
		}
	}
	if c.Git == nil {
		return nil
	}
	if key, err := c.Git.validate(); err != nil {
		return wrong("git."+key, "%v", err)
	}
	return nil
}

func (g *Git) validate() (key string, err error) {
	if g.Timeout < 0 {
		return "timeout", fmt.Errorf("%s is negative (write a duration such as 2m)", g.Timeout)
	}
	if g.MaxSize < 0 {
		return "max_size", fmt.Errorf("%d is negative (write bytes)", g.MaxSize)
	}
	if p := path.Clean("/" + g.Path); strings.Contains(g.Path, "..") && p != path.Join("/", g.Path) || strings.HasPrefix(path.Clean(g.Path), "..") {
		return "path", fmt.Errorf("%q leaves the repository (write a path below its root)", g.Path)
	}
	if shortCommit.MatchString(g.Ref) && len(g.Ref) >= 7 && len(g.Ref) < 40 {
		return "ref", fmt.Errorf("%q looks like an abbreviated commit (write all 40 digits, or refs/heads/%s if it is a branch)", g.Ref, g.Ref)
	}
	if scpURL.MatchString(g.URL) {
		return g.Auth.validate("ssh")
	}
	u, err := url.Parse(g.URL)
	if err != nil || u.Scheme == "" {
		return "url", fmt.Errorf("%q is not the URL of a repository (write https://…, ssh://… or git@host:path)", redactURL(g.URL))
	}
	if _, has := u.User.Password(); has {
		return "url", fmt.Errorf("%q holds a password, which would be logged (write it to a file and name that in auth.password_file)", redactURL(g.URL))
	}
	if u.User != nil && u.Scheme != "ssh" { // some write tokens here
		return "url", fmt.Errorf("%q holds a user (write it to auth.username, or a token to a file that auth.password_file names)", redactURL(g.URL))
	}
	switch u.Scheme {
	case "https", "ssh", "file":
	case "http":
		if ip := net.ParseIP(u.Hostname()); g.Auth.secretKey() != "" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return "url", fmt.Errorf("%q would send the password unencrypted (write https://)", g.URL)
		}
	default:
		return "url", fmt.Errorf("%q: %s is not spoken here (write https://, ssh:// or file://)", redactURL(g.URL), u.Scheme)
	}
	return g.Auth.validate(u.Scheme)
}

func (a *Auth) validate(scheme string) (key string, err error) {
	set := 0
	for _, file := range []string{a.PasswordFile, a.TokenFile, a.SSHKeyFile} {
		if file != "" {
			set++
		}
	}
	web := scheme == "https" || scheme == "http"
	switch {
	case set > 1:
		return "auth", fmt.Errorf("more than one of password_file, token_file and ssh_key_file is set (keep the one that the server wants)")
	case !web && a.PasswordFile != "":
		return "auth.password_file", fmt.Errorf("a password is of no use for %s (write ssh_key_file, or an https:// url)", scheme)
	case !web && a.TokenFile != "":
		return "auth.token_file", fmt.Errorf("a token is of no use for %s (write ssh_key_file, or an https:// url)", scheme)
	case scheme != "ssh" && a.SSHKeyFile != "":
		return "auth.ssh_key_file", fmt.Errorf("a key is of no use for %s (write password_file, or an ssh:// url)", scheme)
	case scheme != "ssh" && a.KnownHostsFile != "":
		return "auth.known_hosts_file", fmt.Errorf("host keys are of no use for %s (remove it; a private authority is ca_file)", scheme)
	case !web && a.CAFile != "":
		return "auth.ca_file", fmt.Errorf("certificates are of no use for %s (remove it; host keys are known_hosts_file)", scheme)
	}
	return "", nil
}

// redactURL is a URL without what may be a secret in it.
func redactURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		if scpURL.MatchString(text) {
			return text
		}
		return "…"
	}
	u.RawQuery, u.Fragment = "", ""
	if u.User != nil && u.Scheme != "ssh" {
		u.User = url.User("xxxxx")
	}
	return u.Redacted()
}

// glob compiles a pattern on slash-separated paths: * and ? stay within a
// folder, ** crosses folders, a pattern without a slash matches names anywhere.
func glob(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, fmt.Errorf("an empty glob matches nothing")
	}
	var b strings.Builder
	b.WriteString("^")
	if !strings.Contains(pattern, "/") {
		b.WriteString("(.*/)?")
	}
	rest := strings.TrimPrefix(pattern, "/")
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString("(.*/)?")
			rest = rest[3:]
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString("[^/]*")
			rest = rest[1:]
		case rest[0] == '?':
			b.WriteString("[^/]")
			rest = rest[1:]
		default:
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(regexp.QuoteMeta(rest[:size]))
			rest = rest[size:]
		}
	}
	b.WriteString("(/.*)?$") // a folder's name means all that is in it
	return regexp.Compile(b.String())
}
