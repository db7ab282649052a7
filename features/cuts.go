package features

// cuts are the grid steps at which a track keeps its running sums: the origins,
// and the steps after which their windows begin. Between two cuts nothing is
// stored, so that a pass over a series is little more than reading it. They are
// shared by all series of an extraction.
type cuts struct {
	steps []int32   // ascending
	rows  [][]int32 // by origin, then offset: the cut at origin−offset; -1 before the panel
	upTo  []int32   // by step: how many cuts lie at or before it
}

// newCuts returns the cuts for origins (ascending), and for windows that begin
// the given numbers of steps before them.
func newCuts(origins, offsets []int) cuts {
	if len(origins) == 0 {
		return cuts{}
	}
	c := cuts{upTo: make([]int32, origins[len(origins)-1]+1)}
	for _, i := range origins {
		for _, offset := range offsets {
			if offset <= i {
				c.upTo[i-offset] = 1
			}
		}
	}
	for i, marked := range c.upTo {
		if marked == 1 {
			c.steps = append(c.steps, int32(i))
		}
		c.upTo[i] = int32(len(c.steps))
	}
	all := make([]int32, len(origins)*len(offsets))
	for o, i := range origins {
		row := all[o*len(offsets) : (o+1)*len(offsets)]
		for k, offset := range offsets {
			row[k] = -1
			if offset <= i {
				row[k] = c.upTo[i-offset] - 1
			}
		}
		c.rows = append(c.rows, row)
	}
	return c
}
