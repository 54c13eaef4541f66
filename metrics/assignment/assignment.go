// Package assignment finds the cheapest one-to-one assignment of rows to columns, exactly: the linear sum assignment problem.
package assignment

import (
	"fmt"
	"math"
)

// Solve returns the column of each row of a cost matrix [n, n], row-major, so that every column is taken once and the sum of
// costs is least. Costs must be finite.
//
// It is the algorithm of Jonker and Volgenant 1987 (Computing 38, p. 325) for dense matrices: columns are reduced, prices
// lowered where a row has a second choice, and the rows that are then left take the shortest augmenting paths. It takes O(n³)
// steps at worst, and a few milliseconds for 256 rows of points. Equal costs give equal assignments.
func Solve[T float32 | float64](cost []T, n int) ([]int, error) {
	if n < 0 || len(cost) != n*n {
		return nil, fmt.Errorf("a cost matrix of %d rows has %d values, not %d", n, n*n, len(cost))
	}
	for i, c := range cost {
		if v := float64(c); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("the cost of row %d and column %d is %v", i/n, i%n, c)
		}
	}
	s := &solver[T]{n: n, cost: cost, column: fill(n), row: fill(n), price: make([]float64, n)}
	if n == 1 {
		return []int{0}, nil
	}
	free := s.reduceColumns()
	for range 2 {
		free = s.reduceRows(free)
	}
	s.distance, s.before, s.columns = make([]float64, n), make([]int, n), make([]int, n)
	for _, i := range free {
		s.augment(i)
	}
	return s.column, nil
}

// none is a row without a column, or a column without a row.
const none = -1

func fill(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = none
	}
	return list
}

type solver[T float32 | float64] struct {
	n      int
	cost   []T
	column []int     // of each row
	row    []int     // of each column
	price  []float64 // of each column: a row pays its cost less the column's price

	// Of a search for a path: how far each column is, the row before it, and the columns, the nearest first.
	distance []float64
	before   []int
	columns  []int
}

func (s *solver[T]) of(i int) []T { return s.cost[i*s.n : (i+1)*s.n] }

// reduceColumns gives each column, the last first, to its cheapest row, unless that has one. It returns the rows without.
func (s *solver[T]) reduceColumns() (free []int) {
	for j := range s.price {
		s.price[j] = math.Inf(1)
	}
	for i := range s.n {
		for j, c := range s.of(i) {
			if float64(c) < s.price[j] {
				s.price[j], s.row[j] = float64(c), i
			}
		}
	}
	only := make([]bool, s.n) // the row is the cheapest of one column
	for j := s.n - 1; j >= 0; j-- {
		i := s.row[j]
		if s.column[i] == none {
			s.column[i], only[i] = j, true
		} else {
			only[i], s.row[j] = false, none
		}
	}
	for i := range s.n {
		switch {
		case s.column[i] == none:
			free = append(free, i)
		case only[i]: // what it would pay elsewhere is what the column is worth to it
			least := math.Inf(1)
			for j, c := range s.of(i) {
				if j != s.column[i] {
					least = min(least, float64(c)-s.price[j])
				}
			}
			s.price[s.column[i]] -= least
		}
	}
	return free
}

// reduceRows lets each free row take its best column at the price at which its second is as good. It returns the rows that are
// free then. Rows that outbid each other in small steps would go on for long, so there are no more than n bids.
func (s *solver[T]) reduceRows(free []int) (left []int) {
	bids, most := 0, s.n
	queue := append([]int(nil), free...)
	for at := 0; at < len(queue); {
		bids++
		i := queue[at]
		at++
		best, second := 0, none
		pays, elsewhere := math.Inf(1), math.Inf(1)
		costs := s.of(i)
		price := s.price[:len(costs)]
		for j, c := range costs {
			switch v := float64(c) - price[j]; {
			case v < pays:
				best, second, pays, elsewhere = j, best, v, pays
			case v < elsewhere:
				second, elsewhere = j, v
			}
		}
		lowered := s.price[best] - (elsewhere - pays)
		lowers := lowered < s.price[best]
		again := bids < most
		if again && lowers {
			s.price[best] = lowered
		} else if again && s.row[best] != none && second != none {
			best = second
		}
		if out := s.row[best]; out != none {
			if again && lowers {
				at--
				queue[at] = out
			} else {
				left = append(left, out)
			}
		}
		s.column[i], s.row[best] = best, i
	}
	return left
}

// augment gives a free row a column, along the shortest path of rows that change theirs (Dijkstra's algorithm).
func (s *solver[T]) augment(start int) {
	for j, c := range s.of(start) {
		s.distance[j], s.before[j], s.columns[j] = float64(c)-s.price[j], start, j
	}
	end, least, ready := s.search()
	for _, j := range s.columns[:ready] {
		s.price[j] += s.distance[j] - least
	}
	for j := end; ; {
		i := s.before[j]
		s.row[j] = i
		s.column[i], j = j, s.column[i]
		if i == start {
			return
		}
	}
}

// search returns the nearest column without a row, how far it is, and how many of the columns are nearer.
func (s *solver[T]) search() (end int, least float64, ready int) {
	for low := 0; ; {
		ready = low
		high := s.nearest(low)
		least = s.distance[s.columns[low]]
		for _, j := range s.columns[low:high] {
			if s.row[j] == none {
				return j, least, ready
			}
		}
		for ; low < high; low++ {
			j := s.columns[low]
			i := s.row[j]
			costs := s.of(i)
			base := float64(costs[j]) - s.price[j] - least
			price, distance := s.price[:len(costs)], s.distance[:len(costs)]
			for k := high; k < s.n; k++ {
				to := s.columns[k]
				d := float64(costs[to]) - price[to] - base
				if d >= distance[to] {
					continue
				}
				distance[to], s.before[to] = d, i
				if d > least {
					continue
				}
				if s.row[to] == none {
					return to, least, ready
				}
				s.columns[k], s.columns[high] = s.columns[high], to
				high++
			}
		}
	}
}

// nearest brings the nearest of the columns from low on to the front of these, and returns where they end.
func (s *solver[T]) nearest(low int) (high int) {
	least := math.Inf(1)
	for k := low; k < s.n; k++ {
		j := s.columns[k]
		if d := s.distance[j]; d <= least {
			if d < least {
				least, high = d, low
			}
			s.columns[k], s.columns[high] = s.columns[high], j
			high++
		}
	}
	return high
}
