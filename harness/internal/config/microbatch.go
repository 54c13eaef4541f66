package config

// AutoMicrobatch is the train.microbatch_size that leaves the choice to the
// program; "auto" in a file.
const AutoMicrobatch = 0

const autoMicrobatch = "auto"

// microbatch checks that a batch, or each device's part of it, is a number of
// microbatches.
func (v *validator) microbatch() {
	c := v.config
	n, batch := c.Train.MicrobatchSize, c.Train.BatchSize
	if n == AutoMicrobatch || batch < 1 {
		return
	}
	related := []string{"train.batch_size"}
	switch devices := int(c.Backend.Devices); {
	case devices > 1 && batch%devices != 0: // reported by devices
	case devices > 1 && batch/devices%n != 0:
		v.fail("train.microbatch_size", append(related, "backend.devices"),
			"a batch of %d on %d devices is %d images on each, which are no multiple of %d; set it to %d, or to auto",
			batch, devices, batch/devices, n, largestDivisor(batch/devices, n))
	case batch%n != 0:
		v.fail("train.microbatch_size", related, "a batch of %d is no multiple of %d; set it to %d, or to auto", batch, n,
			largestDivisor(batch, n))
	}
}

// largestDivisor of n that is at most limit.
func largestDivisor(n, limit int) int {
	for d := min(n, limit); d > 1; d-- {
		if n%d == 0 {
			return d
		}
	}
	return 1
}
