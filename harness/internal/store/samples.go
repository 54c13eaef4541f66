package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/record"
)

// SampleRecord is a grid of images to look at, drawn with one sampler, number of steps and guidance
// scale.
type SampleRecord struct {
	record.Drawing
	PNG []byte // the grid
}

// Sample is a recorded sample. Its PNG is left out: see [Store.Image].
type Sample struct {
	SampleRecord
	ID          int64
	ImageSHA256 string
	CreatedAt   time.Time
}

const (
	queryInsertImage  = `INSERT INTO images (sha256, png) VALUES (?, ?) ON CONFLICT DO NOTHING`
	queryInsertSample = `INSERT INTO samples (run_id, step, epoch, sampler, sampler_json, steps, guidance, seed, nfe, images, seconds,
		used_ema,
		weights_file, weights_sha256, warnings, image_sha256, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	querySamples = `SELECT id, step, epoch, sampler, sampler_json, steps, guidance, seed, nfe, images, seconds, used_ema,
		weights_file, weights_sha256, warnings, image_sha256, created_at
		FROM samples WHERE run_id = ? ORDER BY step, id`
	queryImage = `SELECT png FROM images WHERE sha256 = ?`
)

// ErrNoPicture says that the store has no picture with a given hash.
var ErrNoPicture = fault.New(fault.NotFound, "no picture")

// AddSample records a sample of a run. A picture that the store already has is not stored a second
// time.
func (s *Store) AddSample(ctx context.Context, runID string, r SampleRecord) error {
	const op = "recording a sample"
	if len(r.PNG) == 0 {
		return fmt.Errorf("%s: it has no picture", op)
	}
	sum := sha256.Sum256(r.PNG)
	hash := hex.EncodeToString(sum[:])
	return s.inTx(ctx, op, func(tx *sql.Tx) error {
		if err := mustExist(ctx, tx, runID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, queryInsertImage, hash, r.PNG); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, queryInsertSample, slices.Concat([]any{runID}, drawingColumns(r.Drawing), []any{hash,
			toMilliseconds(time.Now())})...)
		return err
	})
}

// Samples returns the samples of a run, ordered by step and then by time of recording.
func (s *Store) Samples(ctx context.Context, runID string) ([]Sample, error) {
	const op = "reading the samples of a run"
	rows, err := s.read.QueryContext(ctx, querySamples, runID)
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	var list []Sample
	for rows.Next() {
		var r Sample
		var created milliseconds
		finish, fields := drawingFields(&r.Drawing)
		err := rows.Scan(slices.Concat([]any{&r.ID}, fields, []any{&r.ImageSHA256, &created})...)
		if err == nil {
			err = finish()
		}
		if err != nil {
			return nil, s.failure(op, err)
		}
		r.CreatedAt = created.time()
		list = append(list, r)
	}
	return list, s.failure(op, rows.Err())
}

// Image returns the PNG with the given SHA-256, in hexadecimal.
func (s *Store) Image(ctx context.Context, sha256 string) ([]byte, error) {
	var png []byte
	err := s.read.QueryRowContext(ctx, queryImage, sha256).Scan(&png)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("the store %s has %w %s", s.Path(), ErrNoPicture, sha256)
	}
	return png, s.failure("reading a picture", err)
}
