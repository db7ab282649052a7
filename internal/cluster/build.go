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
	source, dir, err := module("server", "main.go")
	if err != nil {
		return Built{}, err
	}
	b := Built{Binary: filepath.Join(dir, "control-plane"), Stages: filepath.Join(dir, "stages.yaml")}
	return b, once(b.Binary, progress, func(fresh string, progress io.Writer) error {
		if _, err := goTool(ctx, source, progress, "build", "-v", "-ldflags="+linkFlags, "-o", fresh, "."); err != nil {
			return err
		}
		return collectStages(ctx, source, b.Stages) // the build has fetched kwok's module
	})
}

// BuildHelm returns Helm's own command, of the version that helm/go.mod names,
// and builds it first where the cache does not hold it: 3 minutes on two cores,
// less after Build, which shares much of Kubernetes with it.
func BuildHelm(ctx context.Context, progress io.Writer) (binary string, err error) {
	source, dir, err := module("helm")
	if err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "helm")
	return binary, once(binary, progress, func(fresh string, progress io.Writer) error {
		_, err := goTool(ctx, source, progress, "build", "-v", "-ldflags=-s -w", "-o", fresh, "helm.sh/helm/v4/cmd/helm")
		return err
	})
}

// once has build write the binary, unless it is there already or another process
// gets there first.
func once(binary string, progress io.Writer, build func(fresh string, progress io.Writer) error) error {
	if progress == nil {
		progress = io.Discard
	}
	unlock, err := lock(filepath.Join(filepath.Dir(binary), "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(binary); err == nil {
		return nil
	}
	fmt.Fprintf(progress, "building %s (minutes, once)\n", binary)
	fresh := binary + ".new" // a build that was interrupted is never taken for a whole one
	if err := build(fresh, progress); err != nil {
		return err
	}
	return os.Rename(fresh, binary)
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

// module finds one of the modules beside this package from the folder that the
// test runs in, and makes the folder in the user's cache that its binary belongs
// in: another one as soon as go.mod, go.sum or one of the files changes.
func module(name string, files ...string) (source, cache string, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	for {
		source = filepath.Join(dir, "internal", "cluster", name)
		if _, err := os.Stat(filepath.Join(source, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", "", fmt.Errorf("internal/cluster/%s is in no folder above this one: run the tests inside the repository", name)
		}
		dir = filepath.Dir(dir)
	}
	inputs := []string{filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum")}
	for _, file := range files {
		inputs = append(inputs, filepath.Join(source, file))
	}
	key, err := hash(inputs...)
	if err != nil {
		return "", "", err
	}
	if cache, err = os.UserCacheDir(); err != nil {
		return "", "", err
	}
	cache = filepath.Join(cache, "driftcast", "cluster", key)
	return source, cache, os.MkdirAll(cache, 0o755)
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
