package boost

import "math"

// weighted is a value with a weight above 0.
type weighted struct{ value, weight float64 }

// quantile returns the value with the share level of the weight below it: the
// minimiser of the pinball loss, halfway where a stretch of values is. It
// reorders v (at least one). Quickselect: linear time on average.
func quantile(v []weighted, level float64) float64 {
	total := 0.0
	for _, x := range v {
		total += x.weight
	}
	target := level * total
	slack := 1e-9 * total // what adding up may lose
	below := 0.0          // weight left of lo
	for lo, hi := 0, len(v); ; {
		pivot := median(v[lo].value, v[(lo+hi)/2].value, v[hi-1].value)
		less, more := lo, hi
		under, at := 0.0, 0.0
		for i := lo; i < more; {
			switch x := v[i]; {
			case x.value < pivot:
				under += x.weight
				v[i], v[less] = v[less], x
				less++
				i++
			case x.value > pivot:
				more--
				v[i], v[more] = v[more], x
			default:
				at += x.weight
				i++
			}
		}
		switch {
		case less > lo && below+under >= target-slack:
			hi = less
		case more < hi && below+under+at < target-slack:
			below += under + at
			lo = more
		case below+under+at > target+slack || more == len(v):
			return pivot
		default:
			next := math.Inf(1)
			for _, x := range v[more:] {
				next = min(next, x.value)
			}
			return pivot + (next-pivot)/2
		}
	}
}

func median(a, b, c float64) float64 {
	return max(min(a, b), min(max(a, b), c))
}
