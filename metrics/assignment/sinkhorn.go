package assignment

import (
	"fmt"
	"math"
)

// sinkhornTolerance is how far the sums of a plan's rows may be from 1/n, on average, as a part of it.
const sinkhornTolerance = 1e-3

// sinkhornRounds is the most that are taken.
const sinkhornRounds = 1000

// Sinkhorn returns the plan [n, n], row-major, that transports n equal weights to n at the least sum of costs plus reg times
// its negative entropy, by the algorithm of Sinkhorn and Knopp (Cuturi 2013, arXiv:1306.0895). Its columns sum to 1/n; its
// rows do within a thousandth, or as far as 1000 rounds bring them. reg has the unit of the costs and must be so large that
// exp(-cost/reg), once each row and column has been lowered to a least cost of 0, is no row or column of zeros.
func Sinkhorn(cost []float64, n int, reg float64) ([]float64, error) {
	if n < 1 || len(cost) != n*n {
		return nil, fmt.Errorf("a cost matrix of %d rows has %d values, not %d", n, n*n, len(cost))
	}
	if !(reg > 0) || math.IsInf(reg, 0) {
		return nil, fmt.Errorf("the regularisation must be a number above 0, is %v", reg)
	}
	plan := make([]float64, n*n)
	lower(plan, cost, n)
	for i, c := range plan {
		if math.IsNaN(c) || math.IsInf(c, 0) {
			return nil, fmt.Errorf("the cost of row %d and column %d is %v", i/n, i%n, cost[i])
		}
		plan[i] = math.Exp(-c / reg)
	}
	u, v, sums := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range u {
		u[i], v[i] = 1, 1
	}
	for range sinkhornRounds {
		off := 0.0
		for i := range n {
			var sum float64
			for j, k := range plan[i*n : (i+1)*n] {
				sum += k * v[j]
			}
			off += math.Abs(u[i]*sum*float64(n) - 1)
			u[i] = 1 / (sum * float64(n))
		}
		if off < sinkhornTolerance*float64(n) {
			break
		}
		columnSums(sums, plan, u, n)
		for j := range v {
			v[j] = 1 / (sums[j] * float64(n))
		}
	}
	columnSums(sums, plan, u, n)
	for i := range n {
		for j := range n {
			plan[i*n+j] *= u[i] / (sums[j] * float64(n))
		}
	}
	for _, p := range plan {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return nil, fmt.Errorf("a regularisation of %v is too small for these costs", reg)
		}
	}
	return plan, nil
}

// lower writes costs from which the least of each row, and then of each column, has been taken: the plan is the same.
func lower(dst, cost []float64, n int) {
	for i := range n {
		row := cost[i*n : (i+1)*n]
		least := math.Inf(1)
		for _, c := range row {
			least = min(least, c)
		}
		for j, c := range row {
			dst[i*n+j] = c - least
		}
	}
	for j := range n {
		least := math.Inf(1)
		for i := range n {
			least = min(least, dst[i*n+j])
		}
		for i := range n {
			dst[i*n+j] -= least
		}
	}
}

// columnSums are those of the plan whose rows are weighted by u.
func columnSums(sums, plan, u []float64, n int) {
	clear(sums)
	for i := range n {
		for j, k := range plan[i*n : (i+1)*n] {
			sums[j] += u[i] * k
		}
	}
}
