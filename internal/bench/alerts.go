package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"

	"github.com/driftcast/driftcast/features"
)

// alerts is 1 on the grid of a panel while an alert of a kind is open, and 0
// elsewhere (columns start, end, …, kind).
func alerts(path, kind string, p *features.Panel) ([]float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	zip, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	rows, err := csv.NewReader(zip).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := make([]float64, p.Len)
	found := false
	for _, row := range rows[1:] {
		if row[len(row)-1] != kind {
			continue
		}
		found = true
		start, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		end := start
		if row[1] != "" {
			if end, err = strconv.ParseInt(row[1], 10, 64); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		step := int64(p.Interval.Seconds())
		for at := max(0, (start-p.Start.Unix()+step-1)/step); at <= (end-p.Start.Unix())/step && at < int64(p.Len); at++ {
			out[at] = 1
		}
	}
	if !found {
		return nil, fmt.Errorf("%s: no alert of the kind %q", path, kind)
	}
	return out, nil
}
