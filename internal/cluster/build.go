package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// kubeVersion is the version that the built servers say they are.
const kubeVersion = "v1.37.2"

// linkFlags leave debug information out and set what `kubectl version` shows.
const linkFlags = "-s -w" +
	" -X k8s.io/component-base/version.gitVersion=" + kubeVersion +
	" -X k8s.io/component-base/version.gitMajor=1" +
	" -X k8s.io/component-base/version.gitMinor=37" +
	" -X k8s.io/client-go/pkg/version.gitVersion=" + kubeVersion

// kwokStages are the stages that we take from kwok as they are.
var kwokStages = []string{
	"node/fast/node-initialize.yaml",
	"node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"node/chaos/node-not-ready.yaml",
	"pod/fast/pod-delete.yaml",
}

// Built is the control plane as it lies in the cache.
type Built struct {
	Binary string // what server/main.go became
	Stages string // kwok's own stages that we use, in one file
}

// Build returns the control plane's binary, and builds it first where the cache
// does not hold it: 7 to 9 minutes on two cores and 4 GB of Go's build cache
// when that is cold, a minute when it is warm. Processes that need it at the same
// time wait for the first. What it does is told to progress, nil for nobody.
func Build(ctx context.Context, progress io.Writer) (Built, error) {
	if progress == nil {
		progress = io.Discard
	}
	source, err := serverSource()
	if err != nil {
		return Built{}, err
	}
	key, err := hash(filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum"), filepath.Join(source, "main.go"))
	if err != nil {
		return Built{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Built{}, err
	}
	dir := filepath.Join(cache, "driftcast", "cluster", key)
	b := Built{Binary: filepath.Join(dir, "control-plane"), Stages: filepath.Join(dir, "stages.yaml")}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Built{}, err
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return Built{}, err
	}
	defer unlock()
	if _, err := os.Stat(b.Binary); err == nil {
		return b, nil
	}
	fmt.Fprintf(progress, "building the control plane into %s (minutes, once)\n", dir)
	if err := collectStages(ctx, source, b.Stages); err != nil {
		return Built{}, err
	}
	fresh := b.Binary + ".new" // a build that was interrupted is never taken for a whole one
	if _, err := goTool(ctx, source, progress, "build", "-v", "-ldflags="+linkFlags, "-o", fresh, "."); err != nil {
		return Built{}, err
	}
	return b, os.Rename(fresh, b.Binary)
}

// collectStages copies what we take from kwok's module into one file.
func collectStages(ctx context.Context, source, into string) error {
	out, err := goTool(ctx, source, io.Discard, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok")
	if err != nil {
		return err
	}
	var all strings.Builder
	for _, name := range kwokStages {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(out), "kustomize", "stage", name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s\n---\n", text)
	}
	return os.WriteFile(into, []byte(all.String()), 0o644)
}

// goTool runs the go command in a folder. CGO_ENABLED is left to its default,
// whatever the caller's own build uses, so that one build cache serves all.
func goTool(ctx context.Context, dir string, progress io.Writer, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	for _, env := range os.Environ() {
		if !strings.HasPrefix(env, "CGO_ENABLED=") && !strings.HasPrefix(env, "GOFLAGS=") {
			cmd.Env = append(cmd.Env, env)
		}
	}
	cmd.Env = append(cmd.Env, "GOFLAGS=-buildvcs=false", "GOWORK=off")
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&said, progress)
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, said.String())
	}
	return out.String(), nil
}

// serverSource finds server/ from the folder that the test runs in.
func serverSource() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		source := filepath.Join(dir, "internal", "cluster", "server")
		if _, err := os.Stat(filepath.Join(source, "go.mod")); err == nil {
			return source, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("internal/cluster/server is in no folder above this one: run the tests inside the repository")
		}
	}
}

func hash(files ...string) (string, error) {
	sum := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(name), len(text), text)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), nil
}

// lock waits for an exclusive lock on a file and returns what lets it go.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing lets the lock go
}
