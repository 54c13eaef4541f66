package store

import "strconv"

// Drawing says how samples were drawn.
type Drawing struct {
	Step        int    // update after which they were drawn
	Epoch       int    // epochs finished by then
	Sampler     string // its name, with the options that are not the default
	SamplerJSON string // the sampler's whole config
	Steps       int
	Guidance    float64
	Seed        uint64
	NFE         int     // evaluations of the model for each image
	Images      int     // images drawn
	Seconds     float64 // wall time for all of them
	UsedEMA     bool
}

// columns are the values in the order in which the tables have them.
func (d Drawing) columns() []any {
	return []any{d.Step, d.Epoch, d.Sampler, d.SamplerJSON, d.Steps, d.Guidance, strconv.FormatUint(d.Seed, 10), d.NFE, d.Images, d.Seconds, d.UsedEMA}
}

// fields are where columns are scanned to; finish is called after that.
func (d *Drawing) fields() (finish func() error, fields []any) {
	var seed string
	finish = func() (err error) {
		d.Seed, err = strconv.ParseUint(seed, 10, 64)
		return err
	}
	return finish, []any{&d.Step, &d.Epoch, &d.Sampler, &d.SamplerJSON, &d.Steps, &d.Guidance, &seed, &d.NFE, &d.Images, &d.Seconds, &d.UsedEMA}
}
