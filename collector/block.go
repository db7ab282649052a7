package collector

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/fileutil"
	"github.com/prometheus/prometheus/tsdb/index"
)

// writeBlock writes series as a TSDB block below dir and makes sure that it is
// on disk. It sorts series. The head of the TSDB could do this too, but it
// panics where the disk is full.
func writeBlock(ctx context.Context, dir string, series []*bulkSeries, samples int) error {
	slices.SortFunc(series, func(a, b *bulkSeries) int { return labels.Compare(a.lset, b.lset) })
	id, err := ulid.New(ulid.Now(), rand.Reader)
	if err != nil {
		return err
	}
	block := filepath.Join(dir, id.String())
	if err := os.Mkdir(block, 0o777); err != nil {
		return err
	}
	meta := tsdb.BlockMeta{ULID: id, Version: 1, MinTime: math.MaxInt64, MaxTime: math.MinInt64}
	meta.Compaction.Level = 1
	meta.Compaction.Sources = []ulid.ULID{id}
	meta.Stats = tsdb.BlockStats{NumSamples: uint64(samples), NumFloatSamples: uint64(samples), NumSeries: uint64(len(series))}
	for _, s := range series {
		meta.MinTime = min(meta.MinTime, s.chunks[0].MinTime)
		meta.MaxTime = max(meta.MaxTime, s.last+1) // exclusive
		meta.Stats.NumChunks += uint64(len(s.chunks))
	}
	if err := writeChunks(ctx, filepath.Join(block, "chunks"), series); err != nil {
		return err
	}
	if err := writeIndex(ctx, filepath.Join(block, "index"), series); err != nil {
		return err
	}
	text, err := json.MarshalIndent(meta, "", "\t")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(block, "meta.json"), text); err != nil {
		return err
	}
	return syncDir(block)
}

// segmentBytes is how much of the disk is set aside for chunks at a time.
const segmentBytes = 64 << 20

// writeChunks writes the chunks and notes in each where it lies.
func writeChunks(ctx context.Context, dir string, series []*bulkSeries) error {
	w, err := chunks.NewWriter(dir, chunks.WithSegmentSize(segmentBytes))
	if err != nil {
		return err
	}
	for _, s := range series {
		if err = errors.Join(ctx.Err(), w.WriteChunks(s.chunks...)); err != nil {
			break
		}
	}
	return errors.Join(err, w.Close())
}

func writeIndex(ctx context.Context, name string, series []*bulkSeries) error {
	w, err := index.NewWriter(ctx, name)
	if err != nil {
		return err
	}
	symbols := map[string]struct{}{}
	for _, s := range series {
		s.lset.Range(func(l labels.Label) {
			symbols[l.Name], symbols[l.Value] = struct{}{}, struct{}{}
		})
	}
	sorted := make([]string, 0, len(symbols))
	for symbol := range symbols {
		sorted = append(sorted, symbol)
	}
	slices.Sort(sorted)
	for _, symbol := range sorted {
		if err := w.AddSymbol(symbol); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	for i, s := range series {
		if err := w.AddSeries(storage.SeriesRef(i), s.lset, s.chunks...); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

func writeSynced(name string, text []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := fileutil.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
