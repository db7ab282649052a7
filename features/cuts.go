package features

// cuts are the grid steps at which a track keeps its running sums: the origins,
// and the steps from which their windows begin. Between two cuts nothing is
// stored, so that a pass over a series is little more than reading it. They
// are shared by all series of an extraction.
type cuts struct {
	steps []int32 // ascending
	upTo  []int32 // by step: how many cuts lie at or before it
}

// newCuts returns the cuts for origins (ascending) and windows that begin the
// given numbers of steps before them.
func newCuts(origins, offsets []int) cuts {
	if len(origins) == 0 {
		return cuts{}
	}
	c := cuts{upTo: make([]int32, origins[len(origins)-1]+1)}
	for _, i := range origins {
		c.upTo[i] = 1
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
	return c
}
