package api

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
)

// Options are what a Server needs. The rooms and functions without "nil:" are
// required.
type Options struct {
	Forecasts   Forecasts
	Runs        Runs
	Corrections Corrections
	Audit       Audit
	History     History
	Models      Models
	Promoter    Promoter
	Retrainer   Retrainer
	Explainer   Explainer
	Corrector   Corrector
	Decider     Decider
	KillSwitch  KillSwitch

	Acknowledger Acknowledger

	Shifts Shifts // nil: none
	Future Future // nil: nothing is answered under /prometheus

	Drift     Drift     // nil: no cluster is compared; the status says so
	Episodes  Episodes  // nil: none
	Changes   Changes   // nil: no cluster is watched
	Baselines Baselines // nil: none
	Policies  Policies  // nil: none

	Targets func() []features.Target
	Signals func() []collector.Signal
	Status  func() forecaster.Status
	Ready   func() error // nil: ready at once; its error says what is waited for
	Reload  func() error // nil: nothing to reload but the tokens

	ListenAddress   string         // host:port; default 127.0.0.1:9595
	WebConfigFile   string         // of the exporter-toolkit; empty: plain HTTP
	ExternalURL     string         // where people reach the server; empty: as they address it
	RoutePrefix     string         // of every route; default: the path of ExternalURL
	EnableLifecycle bool           // POST /-/reload
	EnablePprof     bool           // /debug/pprof
	TokensFile      string         // see ReadTokens; empty: no tokens, see the package comment
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For names the client; default: nobody's

	RateLimit float64       // requests a second and client; default 100; negative: no limit
	RateBurst int           // default 2 s of RateLimit
	BodyLimit int64         // bytes; default 1 MiB
	Timeout   time.Duration // of a request, streams apart; default 30 s
	Heartbeat time.Duration // of streams; default 15 s
	CacheFor  time.Duration // how long an answer about forecasts may be repeated without a Step; default 5 s; negative: never

	UI        fs.FS  // the built page; nil: the embedded one
	Version   string // shown in the status
	Simulated bool   // the data comes from the simulator

	Logger     *slog.Logger          // nil: slog.Default
	Registerer prometheus.Registerer // nil: no metrics of its own
	Gatherer   prometheus.Gatherer   // what /metrics shows; nil: no /metrics
	Now        func() time.Time      // the service's clock, which may be simulated; nil: time.Now
}

func (o *Options) setDefaults() {
	setDefault(&o.ListenAddress, "127.0.0.1:9595")
	setDefault(&o.RateLimit, 100)
	setDefault(&o.RateBurst, int(2*o.RateLimit)+1)
	setDefault(&o.BodyLimit, 1<<20)
	setDefault(&o.Timeout, 30*time.Second)
	setDefault(&o.Heartbeat, 15*time.Second)
	setDefault(&o.CacheFor, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = o.Logger.With("component", "api")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Reload == nil {
		o.Reload = func() error { return nil }
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate checks the options and settles what depends on several of them.
func (o *Options) validate() error {
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Forecasts", o.Forecasts == nil}, {"Runs", o.Runs == nil}, {"Corrections", o.Corrections == nil},
		{"Audit", o.Audit == nil}, {"History", o.History == nil}, {"Models", o.Models == nil},
		{"Promoter", o.Promoter == nil}, {"Retrainer", o.Retrainer == nil}, {"Explainer", o.Explainer == nil}, {"Corrector", o.Corrector == nil}, {"Decider", o.Decider == nil},
		{"KillSwitch", o.KillSwitch == nil}, {"Acknowledger", o.Acknowledger == nil}, {"Targets", o.Targets == nil}, {"Signals", o.Signals == nil},
		{"Status", o.Status == nil},
	} {
		if need.missing {
			return fmt.Errorf("api: Options.%s is required", need.name)
		}
	}
	if _, _, err := net.SplitHostPort(o.ListenAddress); err != nil {
		return fmt.Errorf("web.listen-address %q: want host:port: %w", o.ListenAddress, err)
	}
	if o.ExternalURL != "" {
		u, err := url.Parse(o.ExternalURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("web.external-url %q: want http(s)://host[:port][/path]", o.ExternalURL)
		}
		if o.RoutePrefix == "" {
			o.RoutePrefix = u.Path
		}
	}
	if o.RoutePrefix = strings.Trim(o.RoutePrefix, "/"); o.RoutePrefix != "" {
		o.RoutePrefix = "/" + o.RoutePrefix
	}
	if strings.ContainsAny(o.RoutePrefix, "?#%\"'<> ") {
		return fmt.Errorf("web.route-prefix %q: want a plain path such as /driftcast", o.RoutePrefix)
	}
	if o.BodyLimit < 0 || o.Timeout < 0 || o.Heartbeat < 0 {
		return errors.New("api: BodyLimit, Timeout and Heartbeat cannot be negative")
	}
	return nil
}
