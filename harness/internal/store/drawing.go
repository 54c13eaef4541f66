package store

import (
	"encoding/json"
	"fmt"
	"strconv"

	"flowharness/harness/internal/record"
)

// drawingColumns are the values in the order in which the tables have them.
func drawingColumns(d record.Drawing) []any {
	return []any{d.Step, d.Epoch, d.Sampler, d.SamplerJSON, d.Steps, d.Guidance, strconv.FormatUint(d.Seed, 10), d.NFE, d.Images,
		d.Seconds, d.UsedEMA, d.WeightsFile, d.WeightsSHA256, asJSON(d.Warnings)}
}

// drawingFields returns what the columns are scanned into. Call finish after scanning.
func drawingFields(d *record.Drawing) (finish func() error, fields []any) {
	var seed, warnings string
	finish = func() (err error) {
		if d.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil {
			return err
		}
		var said []string
		if err := json.Unmarshal([]byte(warnings), &said); err != nil {
			return fmt.Errorf("the warnings of a drawing: %w", err)
		}
		if len(said) > 0 {
			d.Warnings = said
		}
		return nil
	}
	return finish, []any{&d.Step, &d.Epoch, &d.Sampler, &d.SamplerJSON, &d.Steps, &d.Guidance, &seed, &d.NFE, &d.Images,
		&d.Seconds, &d.UsedEMA, &d.WeightsFile, &d.WeightsSHA256, &warnings}
}
