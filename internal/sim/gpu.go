package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// The figures of an H100 SXM.
const (
	modelName    = "NVIDIA H100 80GB HBM3"
	idlePower    = 75.0   // W
	maxPower     = 700.0  // W, the enforced limit
	fullClock    = 1980.0 // MHz
	slowdownTemp = 87.0   // °C, from which the GPU lowers its clock
	thermalTau   = 240.0  // s, heat sink and air path
	thermalStep  = 60.0   // s, the longest step of the thermal model
)

// gpu is one GPU: its physics, its health counters, and who uses it.
type gpu struct {
	node      *node
	index     int
	uuid, bus string
	rng       *rand.Rand
	owner     *pod

	resist float64 // °C/W between die and inlet air
	offset float64 // °C, its place in the air flow
	fan    float64 // factor on resist from failing fans, 1 is healthy

	demand  float64 // share of full dynamic power asked for, 0 to 1.05
	util    float64 // 0 to 1
	temp    float64 // °C
	power   float64 // W
	clock   float64 // MHz
	slow    float64 // clock share left by throttling, 1 is unthrottled
	thermal float64 // ns spent under thermal slowdown
	capped  float64 // ns spent under the power cap

	detached        bool
	xid             int // sticky
	hits            []xidHit
	sbe             float64 // single-bit ECC errors since reset
	correctable     float64 // remapped rows
	uncorrectable   float64
	pending, failed bool // row remap
	replays, crc    float64
	hidden          bool // from its exporter
	columns         [len(gpuMetrics)]*column
	xids            map[int]*column // by code; 0: none
	codes           []int           // of xids, in order of appearance
	labelled        *pod            // the pod that the columns are labelled with
	driver          string          // and the driver
}

type xidHit struct {
	code int
	at   int64
}

func newGPU(n *node, index int, rng, uuids *rand.Rand) *gpu {
	a, b := uuids.Uint64(), uuids.Uint64()
	return &gpu{
		node: n, index: index, rng: rng,
		uuid:   fmt.Sprintf("GPU-%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff),
		bus:    fmt.Sprintf("00000000:%02X:00.0", []int{0x1b, 0x43, 0x52, 0x61, 0x9d, 0xc3, 0xd1, 0xdf}[index%8]+index/8),
		resist: clamp(0.060+0.003*rng.NormFloat64(), 0.052, 0.068),
		offset: float64(index%4) * 1.3,
		fan:    1, temp: 30, slow: 1, clock: fullClock, power: idlePower,
		xids: map[int]*column{},
	}
}

// speed is the share of its full rate at which the GPU works, 0 to 1.
func (g *gpu) speed() float64 { return math.Pow(g.slow, 0.8) }

// step lets seconds pass: power from load and clock, temperature as a
// first-order lag towards inlet + R·P, clock lowered in proportion to the
// degrees above the slowdown temperature.
func (g *gpu) step(seconds float64) {
	demand := clamp(g.demand+0.01*g.rng.NormFloat64(), 0, 1.05)
	pieces := math.Ceil(seconds / thermalStep)
	dt := seconds / pieces
	keep := math.Exp(-dt / thermalTau)
	for range int(pieces) {
		slow := clamp(1-0.03*(g.temp-slowdownTemp), 0.4, 1)
		if slow < 1 {
			g.thermal += dt * 1e9
		}
		want := idlePower + (maxPower-idlePower)*demand*slow*slow
		if want > maxPower {
			g.capped += dt * 1e9 * (want - maxPower) / (0.05 * maxPower)
			slow *= math.Sqrt((maxPower - idlePower) / (want - idlePower))
			want = maxPower
		}
		g.power, g.slow, g.clock = want, slow, fullClock*slow
		if demand < 0.02 {
			g.clock = 345 // idle clock; speed matters to nobody then
		}
		goal := g.node.rack.inlet + g.offset + g.resist*g.fan*g.power
		g.temp = goal + (g.temp-goal)*keep
	}
}

// load is the share of its dynamic power that the GPU draws, 0 to 1.
func (g *gpu) load() float64 { return (g.power - idlePower) / (maxPower - idlePower) }

// fail records an XID.
func (g *gpu) fail(code int, at int64) {
	g.xid = code
	g.hits = append(g.hits, xidHit{code, at})
}

// reset is what a GPU reset or a reboot does: remaps take effect, volatile
// counters and the sticky XID start again.
func (g *gpu) reset() {
	g.xid, g.pending, g.detached, g.hidden = 0, false, false, false
	g.sbe, g.replays, g.crc, g.thermal, g.capped = 0, 0, 0, 0, 0
}

// replace puts another GPU's health in its place.
func (g *gpu) replace() {
	g.reset()
	g.correctable, g.uncorrectable, g.failed, g.fan = 0, 0, false, 1
}
