package search

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestSobolPointsAreThoseOfScipy(t *testing.T) {
	file, err := os.Open("testdata/sobol.txt") // written by testdata/sobol.py
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	points := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		index, coordinates, _ := strings.Cut(line, ":")
		var i uint32
		if _, err := fmt.Sscan(index, &i); err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(coordinates)
		if len(fields) != sobolDimensions {
			t.Fatalf("point %d has %d coordinates, want %d", i, len(fields), sobolDimensions)
		}
		for j, want := range fields {
			if got := fmt.Sprintf("%08x", sobolDigits(j, i)); got != want {
				t.Errorf("point %d has %s in dimension %d, want %s", i, got, j+1, want)
			}
		}
		points++
	}
	if points != 22 {
		t.Errorf("there are %d points to compare with", points)
	}
}

func TestEveryDimensionIsStratified(t *testing.T) {
	for _, seed := range []uint64{0, 1, 1<<63 - 1} {
		for k := range 13 {
			n := 1 << k
			seen := make([][]bool, sobolDimensions)
			for j := range seen {
				seen[j] = make([]bool, n)
			}
			for i := range n {
				for j, u := range sobolPoint(sobolDimensions, seed, uint32(i)) {
					if u < 0 || u >= 1 {
						t.Fatalf("seed %d: point %d is at %v in dimension %d", seed, i, u, j+1)
					}
					stratum := int(u * float64(n))
					if seen[j][stratum] {
						t.Fatalf("seed %d: two of the first %d points lie in stratum %d of dimension %d", seed, n, stratum, j+1)
					}
					seen[j][stratum] = true
				}
			}
		}
	}
}

func TestTheFirstTwoDimensionsAreStratifiedTogether(t *testing.T) {
	// Dimensions 1 and 2 are a (0, 2)-sequence: every box of area 2^-k holds one
	// of the first 2^k points.
	const k = 10
	for split := range k + 1 {
		seen := map[[2]int]bool{}
		for i := range 1 << k {
			p := sobolPoint(2, 5, uint32(i))
			seen[[2]int{int(p[0] * float64(int(1)<<split)), int(p[1] * float64(int(1)<<(k-split)))}] = true
		}
		if len(seen) != 1<<k {
			t.Errorf("%d of %d boxes that divide dimension 1 into %d hold a point", len(seen), 1<<k, 1<<split)
		}
	}
}
