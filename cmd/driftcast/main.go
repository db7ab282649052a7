// Command driftcast forecasts infrastructure drift and latency regressions of
// GPU workloads on Kubernetes, and corrects the cluster before it breaks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/prometheus/common/promslog"
	"github.com/spf13/cobra"
)

var version = "dev" // set by the linker

// The exit codes of every command.
const (
	exitClean = 0
	exitFound = 1 // a risk or a drift was found, or a training did not end well
	exitError = 2
)

// errFound ends a command with exitFound: it ran well and found something.
var errFound = errors.New("found")

// app is what every command shares.
type app struct {
	configFile  string
	storagePath string
	output      string
	logLevel    string
	logFormat   string
	out, err    io.Writer
	in          io.Reader
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it; the tests call it too. args[0] is
// what the program was called by.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: out, err: errs}
	root := a.root()
	name := calledAs(args[0])
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	root.SetArgs(args[1:])
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return exitClean
	case errors.Is(err, errFound):
		return exitFound
	default:
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return exitError
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "driftcast",
		Short: "Forecast infrastructure drift and latency regressions of GPU workloads on Kubernetes",
		Long: `Driftcast learns from the Prometheus you already have what will drift or slow down next, where, how likely,
and why. It warns the Alertmanager you already have, keeps the score of its own forecasts, and recommends a
correction. It changes nothing unless a policy of yours says so.

Start with "driftcast demo" (no cluster needed), or "driftcast serve --config.file driftcast.yml".
Exit codes: 0 clean, 1 a risk was found, 2 an error.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config.file", "", "configuration file (none: embedded defaults)")
	flags.StringVar(&a.storagePath, "storage.path", "./data", "folder of history, forecasts, models and audit trail")
	flags.StringVarP(&a.output, "output", "o", "table", "output: table, json or yaml")
	flags.StringVar(&a.logLevel, "log.level", "info", "lowest level logged: debug, info, warn or error")
	flags.StringVar(&a.logFormat, "log.format", "logfmt", "log format: logfmt or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkOutput() }
	root.AddCommand(a.serveCommand(), a.demoCommand(), a.checkCommand(), a.importCommand(), a.queryCommand(),
		a.backtestCommand(), a.trainCommand(), a.forecastCommand(), a.regressionsCommand(), a.shiftsCommand(), a.scoresCommand(), a.modelsCommand(), a.correctionsCommand(), a.driftCommand(), a.baselineCommand(),
		a.auditCommand(), a.versionCommand())
	return root
}

// logger logs to standard error, so that -o json stays clean.
func (a *app) logger() (*slog.Logger, error) {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	if err := level.Set(a.logLevel); err != nil {
		return nil, fmt.Errorf("--log.level: %w", err)
	}
	if err := format.Set(a.logFormat); err != nil {
		return nil, fmt.Errorf("--log.format: %w", err)
	}
	return promslog.New(&promslog.Config{Level: level, Format: format, Writer: a.err}), nil
}

// path returns a path inside the storage folder.
func (a *app) path(name string) string { return filepath.Join(a.storagePath, name) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print(map[string]string{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH},
				func(t *table) {
					t.row("driftcast", version)
					t.row("go", runtime.Version())
					t.row("platform", runtime.GOOS+"/"+runtime.GOARCH)
				})
		},
	}
}
