package search

import (
	"math/bits"
	"sync"

	"flowharness/harness/internal/random"
)

// sobolBits is how many binary digits a coordinate has, and an index at most.
const sobolBits = 32

// sobolPoint is point i of a Sobol' sequence in up to [sobolDimensions]
// dimensions, in the order of the Gray code of i (Antonov and Saleev, USSR
// Computational Mathematics and Mathematical Physics 19, 1979): every coordinate
// of the points from 0 to 2^k - 1 lies in another one of the 2^k intervals of
// width 2^-k.
//
// The seed shifts the points by exclusive or, digit by digit, which keeps that
// property and moves point 0 away from the corner. Seed 0 shifts them too.
func sobolPoint(dimensions int, seed uint64, i uint32) []float64 {
	shift := random.New(seed, "search/sobol", 0)
	point := make([]float64, dimensions)
	for j := range point {
		point[j] = float64(sobolDigits(j, i)^shift.Uint32()) / (1 << sobolBits)
	}
	return point
}

// sobolDigits are the digits of coordinate j of the unshifted point i, the
// first one highest.
func sobolDigits(j int, i uint32) uint32 {
	directions := &sobolDirections()[j]
	var x uint32
	for gray := i ^ i>>1; gray != 0; gray &= gray - 1 {
		x ^= directions[bits.TrailingZeros32(gray)]
	}
	return x
}

// sobolDirections computes the direction numbers v_k = m_k / 2^k of every
// dimension, as digits, by the recurrence of Joe and Kuo (2008):
//
//	m_k = 2·a_1·m_(k-1) ⊕ 2²·a_2·m_(k-2) ⊕ … ⊕ 2^s·m_(k-s) ⊕ m_(k-s)
var sobolDirections = sync.OnceValue(func() [][sobolBits]uint32 {
	all := make([][sobolBits]uint32, sobolDimensions)
	for k := range sobolBits {
		all[0][k] = 1 << (sobolBits - 1 - k) // van der Corput's sequence
	}
	for j, p := range joeKuo {
		v := &all[j+1]
		s := len(p.m)
		for k := range sobolBits {
			if k < s {
				v[k] = p.m[k] << (sobolBits - 1 - k)
				continue
			}
			v[k] = v[k-s] ^ v[k-s]>>s
			for l := 1; l < s; l++ {
				if p.a>>(s-1-l)&1 == 1 {
					v[k] ^= v[k-l]
				}
			}
		}
	}
	return all
})
