package deploy_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/deploy"
	"github.com/driftcast/driftcast/features"
)

// TestTargets parses every pack that is built into the binary, and each alone.
func TestTargets(t *testing.T) {
	names, err := fs.Glob(deploy.Targets, "targets/*.yml")
	if err != nil || len(names) == 0 {
		t.Fatalf("packs: %v, %v", names, err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		text, err := fs.ReadFile(deploy.Targets, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = text
		if _, err := features.ParseFiles(map[string][]byte{name: text}); err != nil {
			t.Errorf("alone: %v", err)
		}
	}
	if _, err := features.ParseFiles(all); err != nil {
		t.Errorf("together: %v", err)
	}
}

// TestConfigurations has the real binary check the configurations that are
// deployed, and know every flag that the manifests give it.
func TestConfigurations(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	binary := filepath.Join(t.TempDir(), "driftcast")
	build := exec.Command("go", "build", "-o", binary, "../cmd/driftcast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{"kustomize/base/driftcast.yml", "kustomize/with-corrector/driftcast.yml", "kustomize/everything/driftcast.yml"} {
		if out, err := exec.Command(binary, "check", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
	for _, o := range manifests(t, "kustomize/base") {
		for _, c := range containers(o) {
			args := append(append([]string{}, c.Args...), "--help")
			if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
				t.Errorf("driftcast %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
}

// TestDockerfile holds the image to what the manifests promise of it.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	stages := strings.Split("\n"+string(text), "\nFROM ")[1:]
	for _, s := range stages[:len(stages)-1] {
		if !regexp.MustCompile(`^--platform=\S+ \S+:\d[\w.-]* AS \w+\n`).MatchString(s) {
			t.Errorf("a stage without a version: %s", strings.SplitN(s, "\n", 2)[0])
		}
	}
	last := stages[len(stages)-1]
	for _, want := range []string{
		"scratch\n", "ca-certificates.crt", "USER 65534:65534\n", `ENTRYPOINT ["/driftcast"]`, "--chown=65534:65534 /out/data /data",
	} {
		if !strings.Contains(last, want) {
			t.Errorf("the image lacks %q", want)
		}
	}
	if regexp.MustCompile(`(?m)^RUN`).MatchString(last) {
		t.Error("the image runs something, but holds no shell")
	}
	if !bytes.Contains(text, []byte("CGO_ENABLED=0")) {
		t.Error("the binary is not static")
	}
	for _, path := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllSubmatch(text, -1) {
		for _, source := range strings.Fields(string(path[1])) {
			if _, err := os.Stat(filepath.Join("..", source)); err != nil {
				t.Errorf("copied into the image, but not there: %v", err)
			}
		}
	}
}

// exported lists the metrics that Driftcast's own code names. It reads the
// sources, because a metric without children yet is gathered from nowhere: a
// name is a literal, or a literal that ends in _ with another one of that file.
func exported(t *testing.T) func(metric string) bool {
	t.Helper()
	literal := regexp.MustCompile(`"([a-z][a-z0-9_]*)"`)
	known := map[string]bool{}
	for _, room := range []string{"alerter", "api", "cluster", "collector", "corrector", "drift", "drift/declared", "forecaster", "models", "store"} {
		files, err := filepath.Glob("../" + room + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") || !bytes.Contains(text, []byte(`"driftcast_`)) {
				continue
			}
			var prefixes, all []string
			for _, m := range literal.FindAllSubmatch(text, -1) {
				if name := string(m[1]); strings.HasPrefix(name, "driftcast_") && strings.HasSuffix(name, "_") {
					prefixes = append(prefixes, name)
				} else {
					all = append(all, name)
				}
			}
			for _, name := range all {
				known[name] = true
				for _, prefix := range prefixes {
					known[prefix+name] = true
				}
			}
		}
	}
	return func(metric string) bool {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			if name, ok := strings.CutSuffix(metric, suffix); ok && known[name] {
				return true
			}
		}
		return false
	}
}

func TestExportedKnowsTheTruth(t *testing.T) {
	known := exported(t)
	for name, want := range map[string]bool{
		"driftcast_risk_ratio": true, "driftcast_forecaster_steps_total": true, "driftcast_forecaster_step_seconds_bucket": true,
		"driftcast_alerts_sent_total": true, "driftcast_forecaster_nonsense_total": false, "driftcast_nonsense": false,
	} {
		if got := known(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func Example() {
	names, err := fs.Glob(deploy.Targets, "targets/gpu-nodes.yml")
	fmt.Println(names, err)
	// Output: [targets/gpu-nodes.yml] <nil>
}
