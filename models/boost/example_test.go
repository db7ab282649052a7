package boost_test

import (
	"context"
	"fmt"

	"github.com/driftcast/driftcast/models/boost"
)

func Example() {
	// Labels are 1 where the first column is above 5.
	d := boost.Data{Columns: 2}
	var y []float64
	for i := range 200 {
		d.X = append(d.X, float64(i%10), float64(i%7))
		y = append(y, float64(i%10/6))
	}
	e, err := boost.FitLogistic(context.Background(), d, y, nil, nil, boost.Options{Trees: 20, Rate: 0.3})
	if err != nil {
		fmt.Println(err)
		return
	}
	var out [1]float64
	var phi [2]float64
	e.Add([]float64{8, 3}, out[:])
	expected := e.Explain([]float64{8, 3}, 0, phi[:])
	fmt.Printf("log-odds %.1f = expected %.1f + first column %.1f + second column %.1f\n", out[0], expected, phi[0], phi[1])
	// Output: log-odds 6.7 = expected -1.5 + first column 8.2 + second column 0.0
}
