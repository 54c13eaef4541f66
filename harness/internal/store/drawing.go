package store

import (
	"strconv"

	"flowharness/harness/internal/record"
)

// drawingColumns are the values in the order in which the tables have them.
func drawingColumns(d record.Drawing) []any {
	return []any{d.Step, d.Epoch, d.Sampler, d.SamplerJSON, d.Steps, d.Guidance, strconv.FormatUint(d.Seed, 10), d.NFE, d.Images,
		d.Seconds, d.UsedEMA,
		d.WeightsFile, d.WeightsSHA256}
}

// drawingFields are where columns are scanned to; finish is called after that.
func drawingFields(d *record.Drawing) (finish func() error, fields []any) {
	var seed string
	finish = func() (err error) {
		d.Seed, err = strconv.ParseUint(seed, 10, 64)
		return err
	}
	return finish, []any{&d.Step, &d.Epoch, &d.Sampler, &d.SamplerJSON, &d.Steps, &d.Guidance, &seed, &d.NFE, &d.Images,
		&d.Seconds, &d.UsedEMA,
		&d.WeightsFile, &d.WeightsSHA256}
}
