package shift_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/models/shift"
)

// TestTruth replays what services do, a look every five minutes (or thirty, over days), and says which
// of it is a regression. Each story is told with several seeds, and all must agree.
func TestTruth(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	if n, err := strconv.Atoi(os.Getenv("DRIFTCAST_SEEDS")); err == nil {
		seeds = uint64(n) // for whoever changes the rules
	}
	at := 2*days + 14*hours
	lately := at - 40*minutes
	for _, c := range []struct {
		name    string
		world   world
		change  func(*shift.Series)
		found   int    // regressions
		follows string // the first change it follows
		gone    bool
		shape   shift.Shape
		quiet   shift.Kind // of the last look; empty: any
		first   int        // the first look
		missed  bool       // it may be missed: noise can hide it for a day, and then it is the baseline
	}{
		{name: "nothing", world: world{n: 4 * days}, quiet: shift.Steady},
		{name: "loud noise", world: world{n: 4 * days, noise: 0.4}},
		{name: "a rollout is 30 % slower", world: world{n: at + 3*hours, shift: from(at, 0, 1.3)}, found: 1, follows: "deployment_generation", shape: shift.Step},
		{name: "12 % is found in little noise", world: world{n: at + 3*hours, noise: 0.02, shift: from(at, 0, 1.12)}, found: 1, follows: "deployment_generation", shape: shift.Step},
		{name: "5 % does not matter", world: world{n: at + 3*hours, noise: 0.005, shift: from(at, 0, 1.05)}},
		{name: "a rollout is rolled back after an hour", world: world{n: at + 3*hours, shift: from(at, at+hours, 1.5)}, found: 1, follows: "deployment_generation", gone: true},
		{name: "five slow minutes", world: world{n: at + 3*hours, shift: from(at, at+5, 5)}},
		{name: "a minute of 100 s", world: world{n: at + 3*hours, shift: from(at, at+1, 500)}},
		{name: "faster", world: world{n: at + 3*hours, shift: from(at, 0, 0.5)}},
		{name: "the load doubles", world: world{n: at + 3*hours, load: from(at, 0, 2), cost: func(x float64) float64 { return 1 + x/20 }}},
		{name: "the load doubles, as it does daily", world: world{n: at + 3*hours, load: daily(1), cost: func(x float64) float64 { return 1 + x/20 }}},
		{name: "slower under a load that varies daily", world: world{n: at + 3*hours, load: daily(1), cost: func(x float64) float64 { return 1 + x/20 },
			shift: from(at, 0, 1.4)}, found: 1, follows: "deployment_generation"},
		{name: "slower at night, below the daily peak", world: world{n: 3*days + 6*hours, shift: func(i int) float64 {
			return daily(0.8)(i) * from(3*days+2*hours, 0, 1.5)(i)
		}}, found: 1, follows: "deployment_generation"},
		{name: "a daily peak that nothing explains", world: world{n: 6 * days, shift: daily(0.8)}},
		{name: "a nightly batch of two hours", world: world{n: 6 * days, shift: func(i int) float64 { return from(3*hours, 5*hours, 2)(i % days) }}, first: days + hours},
		{name: "a slow creep over a day", world: world{n: 6 * days, shift: func(i int) float64 {
			return 1 + 0.6*math.Max(0, math.Min(1, float64(i-4*days)/float64(days)))
		}}, found: 1, shape: shift.Creep, missed: true},
		{name: "the morning of the first day", world: world{n: 14 * hours, shift: daily(0.8)}},
		{name: "p99 alone jitters", world: world{n: at + 3*hours, shift: from(at, 0, 1.5)}, change: func(s *shift.Series) {
			s.Body = world{n: len(s.Latency), seed: 99}.series().Latency
		}, quiet: shift.Tail},
		{name: "p99 and the body are slower", world: world{n: at + 3*hours, shift: from(at, 0, 1.5)}, change: func(s *shift.Series) {
			s.Body = world{n: len(s.Latency), seed: 99, shift: from(at, 0, 1.4)}.series().Latency
		}, found: 1, follows: "deployment_generation"},
		{name: "longer prompts come", world: world{n: at + 3*hours, shift: from(at, 0, 1.6)}, change: func(s *shift.Series) {
			s.Mix = make([]float64, len(s.Latency))
			for i := range s.Mix {
				s.Mix[i] = 0.2 + 0.02*math.Sin(float64(i))
				if i >= at {
					s.Mix[i] += 0.4
				}
			}
		}},
		{name: "a gap of two hours before it", world: world{n: at + 3*hours, shift: from(at-hours, 0, 1.5)}, change: gap(at-2*hours, at), found: 1, follows: "deployment_generation"},
		{name: "a gap and nothing else", world: world{n: at + 3*hours}, change: gap(at-2*hours, at), quiet: shift.Steady},
		{name: "a restart: two samples of nonsense", world: world{n: at + 3*hours}, change: func(s *shift.Series) { s.Latency[at], s.Latency[at+1] = 1e6, 0 }, quiet: shift.Steady},
		{name: "seconds become milliseconds overnight", world: world{n: at + 3*hours, shift: from(at, 0, 1000)}, quiet: shift.Unit},
		{name: "no samples at the end", world: world{n: at + 3*hours}, change: gap(at+2*hours, at+3*hours), quiet: shift.Unknown},
		{name: "a constant becomes another", world: world{n: at + 3*hours}, change: func(s *shift.Series) {
			for i := range s.Latency {
				s.Latency[i] = 0.0048 * from(at, 0, 2)(i)
			}
		}, found: 1, follows: "deployment_generation"},
	} {
		for seed := range seeds {
			t.Run(fmt.Sprint(c.name, "/", seed), func(t *testing.T) {
				t.Parallel()
				c := c
				c.world.seed = seed
				if c.first == 0 && c.world.n == at+3*hours {
					c.first = lately
				}
				s := c.world.series()
				if c.change != nil {
					c.change(&s)
				}
				changes := []shift.Change{rollout("chat", at-3), rollout("other", at-1)}
				if strings.Contains(c.name, "night") {
					changes = []shift.Change{rollout("chat", 3*days+2*hours-3)}
				}
				every := 5
				if c.world.n >= 4*days {
					every = 30
				}
				if testing.Short() {
					every = 15 * (every / 5)
				}
				tracker := &shift.Tracker{Target: "Latency"}
				told := shift.Replay(tracker, []shift.Observed{observed("chat", s)}, changes, c.first, every)
				got := tracker.Regressions()
				if c.missed && len(got) == 0 {
					return
				}
				if len(got) != c.found {
					t.Fatalf("got %d regressions, want %d: %+v\n%+v", len(got), c.found, got, shift.Detect(s, shift.Options{}))
				}
				if v := shift.Detect(s, shift.Options{}); c.quiet != "" && v.Kind != c.quiet {
					t.Errorf("got verdict %s (%s), want %s", v.Kind, v.Why, c.quiet)
				}
				if c.found == 0 {
					return
				}
				r := got[0]
				if told[0].State != shift.New || r.Confidence < 0.95 || !(r.Lower > 0 && r.Lower <= r.Effect && r.Effect <= r.Upper) {
					t.Errorf("got %+v", told[0])
				}
				if (r.State == shift.Gone) != c.gone || len(told) > 2 {
					t.Errorf("got state %s, %d news", r.State, len(told))
				}
				if c.shape != "" && r.Shape != c.shape {
					t.Errorf("got a %s, want a %s", r.Shape, c.shape)
				}
				if c.follows != "" && (len(r.Follows) != 1 || r.Follows[0].Signal != c.follows) {
					t.Errorf("follows %v, want %s of chat alone", r.Follows, c.follows)
				}
				if c.follows == "" && len(r.Follows) > 0 {
					t.Errorf("follows %v, want nothing", r.Follows)
				}
				if delay := r.Detected.Sub(r.Onset); c.shape == shift.Step && delay > 45*time.Minute {
					t.Errorf("found %s after the onset", delay)
				}
			})
		}
	}
}

func gap(from, until int) func(*shift.Series) {
	return func(s *shift.Series) {
		for i := from; i < until; i++ {
			s.Latency[i], s.Load[i] = math.NaN(), math.NaN()
		}
	}
}

// TestOneRolloutOverManyPodsIsOneRegression, told once, with all of them.
func TestOneRolloutOverManyPodsIsOneRegression(t *testing.T) {
	at := days + 10*hours
	var pods []shift.Observed
	for i := range 20 {
		w := world{n: at + 2*hours, seed: uint64(i), shift: from(at+i/4, 0, 1.5)} // five minutes from the first to the last
		pods = append(pods, observed(fmt.Sprintf("chat-7d9f8-%c", 'a'+i), w.series()))
	}
	tracker := &shift.Tracker{Target: "Latency"}
	told := shift.Replay(tracker, pods, []shift.Change{rollout("chat", at-2)}, 0, 5)
	got := tracker.Regressions()
	if len(told) != 1 || len(got) != 1 || len(got[0].Subjects) != 20 || len(got[0].Follows) != 1 {
		t.Fatalf("got %d news and %+v, want one regression of 20 pods that follows one change", len(told), got)
	}
	if off := got[0].Onset.Sub(start.Add(time.Duration(at) * time.Minute)).Abs(); off > 5*time.Minute {
		t.Errorf("the onset is %s off", off)
	}
}
