package forecaster_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/forecaster"
)

// losses are n losses around a mean, the same noise for the same seed.
func losses(n int, mean, noise float64, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 0))
	out := make([]float64, n)
	for i := range out {
		out[i] = mean + noise*random.NormFloat64()
	}
	return out
}

func TestGate(t *testing.T) {
	at := func(name string, n int, mean float64) forecaster.Contender {
		return forecaster.Contender{Name: name, From: noon, Every: time.Hour, Losses: losses(n, mean, 0.1, 7)}
	}
	worse := at("hazard", 48, 0.8)
	worse.Miscalibrated = 0.1
	noisy := at("hazard", 48, 0.99)
	noisy.Losses = losses(48, 0.99, 0.5, 8)
	uneven := at("hazard", 48, 0.8)
	uneven.Parts = []forecaster.Part{{Losses: losses(48, 0.5, 0.1, 7)}, {Losses: losses(48, 1.3, 0.1, 7)}}
	crooked := at("hazard", 48, 0.8)
	crooked.Parts = []forecaster.Part{{Losses: losses(48, 0.5, 0.1, 7), Miscalibrated: 0.2}, {Losses: losses(48, 0.9, 0.1, 7)}}
	even := at(forecaster.Incumbent, 48, 1)
	even.Parts = []forecaster.Part{{Losses: losses(48, 1, 0.1, 9)}, {Losses: losses(48, 1, 0.1, 9)}}
	week := 7 * 24 * time.Hour
	parted := func(name string, hour, long float64) forecaster.Contender { // two days of origins, an hour apart
		c := at(name, 48, (hour+long)/2)
		c.Parts = []forecaster.Part{{Horizon: time.Hour, Losses: losses(48, hour, 0.1, 7)}, {Horizon: week, Losses: losses(48, long, 0.1, 7)}}
		return c
	}
	before, after := noon.Add(-time.Hour), noon.Add(100*time.Hour)
	for name, c := range map[string]struct {
		kind    string
		fitted  time.Time
		horizon time.Duration
		ranked  []forecaster.Contender
		promote bool
		says    string
	}{
		"nobody serves yet":                       {"", before, time.Hour, []forecaster.Contender{at("naive", 48, 1)}, true, "the first champion: naive"},
		"clearly better":                          {"naive", before, time.Hour, []forecaster.Contender{at("hazard", 48, 0.8), at("naive", 48, 1.1), at(forecaster.Incumbent, 48, 1)}, true, "-19.9%) over 48 origins, on origins since it was fitted, p=0.000"},
		"better, calibrated worse":                {"naive", before, time.Hour, []forecaster.Contender{worse, at(forecaster.Incumbent, 48, 1)}, false, "calibrated worse"},
		"better, worse at one horizon":            {"naive", before, time.Hour, []forecaster.Contender{uneven, even}, false, "better than the champion (naive) over all but worse at 1h"},
		"better, calibrated worse at one horizon": {"naive", before, time.Hour, []forecaster.Contender{crooked, even}, false, "over all but calibrated worse at 1h (0.200 against 0.000)"},
		"better by chance alone":                  {"naive", before, time.Hour, []forecaster.Contender{noisy, at(forecaster.Incumbent, 48, 1)}, false, "not clearly better"},
		"worse":                                   {"naive", before, time.Hour, []forecaster.Contender{at("hazard", 48, 1.2), at(forecaster.Incumbent, 48, 1)}, false, "not clearly better"},
		"all origins overlap":                     {"naive", before, 24 * time.Hour, []forecaster.Contender{at("hazard", 48, 0.8), at(forecaster.Incumbent, 48, 1)}, false, "too few independent origins"},
		"a week cannot be judged, an hour can":    {"naive", before, week, []forecaster.Contender{parted("hazard", 0.8, 1), parted(forecaster.Incumbent, 1, 1)}, true, "up to 1h: for more the history is too short"},
		"an hour is no better, a week may not be": {"naive", before, week, []forecaster.Contender{parted("hazard", 1, 0.2), parted(forecaster.Incumbent, 1, 1)}, false, "not clearly better"},
		// a champion that was fitted on the tested origins looks better than it is
		"fitted on the test, another kind": {"naive", after, time.Hour, []forecaster.Contender{at("hazard", 48, 0.8), at("naive", 48, 1), at(forecaster.Incumbent, 48, 0.1)}, true, "both fitted anew"},
		"fitted on the test, the same":     {"naive", after, time.Hour, []forecaster.Contender{at("naive", 48, 0.8), at(forecaster.Incumbent, 48, 1)}, false, "naive is the best again"},
		"a kind that is no more":           {"gone", after, time.Hour, []forecaster.Contender{at("naive", 48, 0.8), at(forecaster.Incumbent, 48, 1)}, false, "cannot be compared"},
	} {
		t.Run(name, func(t *testing.T) {
			promote, message := forecaster.Judge(c.horizon, c.kind, c.fitted, c.ranked)
			if promote != c.promote || !strings.Contains(message, c.says) {
				t.Errorf("got %v, %q; want %v, %q", promote, message, c.promote, c.says)
			}
		})
	}
}

// TestGateLetsFewPassByChance has two models that are alike: one in ten may
// pass, as the gate's level says, and not many more.
func TestGateLetsFewPassByChance(t *testing.T) {
	passed, tried := 0, 400
	for i := range tried {
		one := forecaster.Contender{Name: "hazard", From: noon, Every: time.Hour, Losses: losses(48, 1, 0.3, uint64(2*i))}
		two := forecaster.Contender{Name: forecaster.Incumbent, From: noon, Every: time.Hour, Losses: losses(48, 1, 0.3, uint64(2*i+1))}
		if promote, _ := forecaster.Judge(time.Hour, "naive", noon.Add(-time.Hour), []forecaster.Contender{one, two}); promote {
			passed++
		}
	}
	if share := float64(passed) / float64(tried); share < 0.05 || share > 0.16 {
		t.Errorf("got %.3f of them through, want about 0.1", share)
	}
}

// TestGateNeverPromotesBothWays is what a comparison must not do: prefer each
// to the other.
func TestGateNeverPromotesBothWays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(r, "origins")
		draw := func(name string) []float64 { return rapid.SliceOfN(rapid.Float64Range(0, 10), n, n).Draw(r, name) }
		a, b := draw("a"), draw("b")
		judge := func(best, rival []float64) bool {
			promote, message := forecaster.Judge(time.Hour, "naive", noon.Add(-time.Hour), []forecaster.Contender{
				{Name: "hazard", From: noon, Every: time.Hour, Losses: best}, {Name: forecaster.Incumbent, From: noon, Every: time.Hour, Losses: rival}})
			if message == "" {
				r.Fatal("a verdict without a reason")
			}
			return promote
		}
		if judge(a, b) && judge(b, a) {
			r.Fatal("each is better than the other")
		}
		if judge(a, a) {
			r.Fatal("a model is better than itself")
		}
	})
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 15 * time.Minute: "15m", 24 * time.Hour: "1d", 90 * time.Minute: "1h30m", 36 * time.Hour: "1d12h", 5 * time.Second: "5s"} {
		if got := forecaster.Short(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}
