package config

import "strconv"

// Devices is a number of devices that a run trains on: at least 1, or
// [AllDevices].
type Devices int

// AllDevices stands for as many devices as the backend has; "all" in a file.
const AllDevices Devices = -1

const allDevices = "all"

// IsZero leaves the default out of what is written and hashed: a config that
// trains on one device means what it did before there was a choice.
func (d Devices) IsZero() bool { return d == 1 }

func (d Devices) String() string {
	if d == AllDevices {
		return allDevices
	}
	return strconv.Itoa(int(d))
}

// MarshalYAML writes a number, or "all".
func (d Devices) MarshalYAML() (any, error) {
	if d == AllDevices {
		return allDevices, nil
	}
	return int(d), nil
}

// MarshalJSON does the same.
func (d Devices) MarshalJSON() ([]byte, error) {
	if d == AllDevices {
		return []byte(`"` + allDevices + `"`), nil
	}
	return []byte(d.String()), nil
}

// devices checks what can be known before a backend is opened.
func (v *validator) devices() {
	c := v.config
	n := int(c.Backend.Devices)
	if n <= 1 {
		return // one, or as many as there are
	}
	if c.Backend.Name == "go" {
		v.fail("backend.devices", []string{"backend.name"},
			"the go backend computes on one device, got %d; set backend.devices to 1, or backend.name to xla:cpu or xla:cuda", n)
		return
	}
	if size := c.Train.BatchSize; size%n != 0 {
		v.fail("backend.devices", []string{"train.batch_size"},
			"a batch of %d cannot be split evenly over %d devices; set train.batch_size to a multiple of %d", size, n, n)
	}
}
