package features

import (
	"math"
	"slices"
)

// minPeers is how many subjects must have a sample at an origin for there to
// be a crowd to differ from.
const minPeers = 3

// crowd is where the subjects of a panel stand together in one signal at one
// origin: their mean, their median, and the median of their distances from it.
type crowd struct{ mean, median, mad float64 }

// crowds returns the crowd at each origin; NaN where fewer than minPeers
// subjects have a sample.
func crowds(p *Panel, signal int, origins []int) []crowd {
	subjects := len(p.Subjects)
	values := make([]float64, len(origins)*subjects) // by origin, then subject
	parallel(subjects, func(_, s int) {
		y := p.Series(signal, s)
		for o, i := range origins {
			values[o*subjects+s] = y[i]
		}
	})
	result := make([]crowd, len(origins))
	parallel(len(origins), func(_, o int) {
		all := values[o*subjects : (o+1)*subjects]
		n, sum := 0, 0.0
		for _, v := range all {
			if v-v == 0 {
				all[n] = v
				n++
				sum += v
			}
		}
		all = all[:n]
		if n < minPeers {
			result[o] = crowd{math.NaN(), math.NaN(), math.NaN()}
			return
		}
		c := crowd{mean: sum / float64(n), median: median(all)}
		for i, v := range all {
			all[i] = math.Abs(v - c.median)
		}
		c.mad = median(all)
		result[o] = c
	})
	return result
}

// z returns how many robust standard deviations v lies from the crowd's median;
// NaN where more than half the crowd agrees, and v does not.
func (c crowd) z(v float64) float64 {
	if v == c.median {
		return 0
	}
	if c.mad == 0 {
		return math.NaN()
	}
	return (v - c.median) / (1.4826 * c.mad) // the normal distribution's ratio
}

// median returns the lower median, and reorders values.
func median(values []float64) float64 {
	k := (len(values) - 1) / 2
	for lo, hi := 0, len(values)-1; lo < hi; {
		if hi-lo < 12 {
			slices.Sort(values[lo : hi+1])
			break
		}
		pivot := middle(values[lo], values[(lo+hi)/2], values[hi])
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return values[k]
		}
	}
	return values[k]
}

// middle returns the median of three values.
func middle(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }

// peerKind is a column made from a value and the crowd it stands in.
type peerKind struct {
	kind
	value func(c crowd, v float64) float64
}

// The columns of peers.
var (
	peerDifference = peerKind{
		kind{name: "peers", text: "SIGNAL less the median of its peers"},
		func(c crowd, v float64) float64 { return v - c.median },
	}
	peerScore = peerKind{
		kind{name: "peers_z", text: "distance of SIGNAL from the median of its peers, in robust standard deviations", unit: "σ"},
		crowd.z,
	}
	peerShare = peerKind{
		kind{name: "peers_true", text: "share of all subjects for which SIGNAL is true", unit: "ratio"},
		func(c crowd, _ float64) float64 { return c.mean },
	}
)
