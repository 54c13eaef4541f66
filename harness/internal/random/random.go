// Package random is the one source of random numbers: every draw is a function
// of (seed, stream, step) alone. It does not depend on the backend, on what was
// drawn before, or on whether a run was interrupted in between.
package random

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// New returns the generator of a stream at a step: ChaCha8, seeded with SHA-256
// of (seed, step, stream), so that streams and steps are independent of each
// other.
func New(seed uint64, stream string, step uint64) *rand.Rand {
	key := make([]byte, 16, 16+len(stream))
	binary.LittleEndian.PutUint64(key, seed)
	binary.LittleEndian.PutUint64(key[8:], step)
	return rand.New(rand.NewChaCha8(sha256.Sum256(append(key, stream...))))
}

// Normal fills dst with draws from N(0, 1). They are finite, always: the
// ziggurat's tail ends where float64 does.
func Normal(rng *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
	}
}
