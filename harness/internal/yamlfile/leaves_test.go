package yamlfile

import (
	"slices"
	"testing"
)

func TestLeavesAreListedInTheirOrder(t *testing.T) {
	root, err := Mapping("b: {x: 1, y: {}}\na: [1, 2]\nsamplers:\n  - euler\n  - {name: heun, times: [0, 1]}\n")
	if err != nil {
		t.Fatal(err)
	}
	paths := func(leaves []Leaf) []string {
		var list []string
		for _, l := range leaves {
			list = append(list, l.Path)
		}
		return list
	}
	want := []string{"b.x", "b.y", "a", "samplers.0", "samplers.1.name", "samplers.1.times"}
	if got := paths(Leaves(root, IsPlain)); !slices.Equal(got, want) {
		t.Errorf("leaves are %q, want %q", got, want)
	}
	want = []string{"b.x", "a", "samplers"}
	if got := paths(Leaves(root, IsScalarOrList)); !slices.Equal(got, want) {
		t.Errorf("with lists as one value they are %q, want %q", got, want)
	}
}

func TestOnlyAMappingIsAMapping(t *testing.T) {
	for _, text := range []string{"", "- a", "a", "a: ["} {
		if _, err := Mapping(text); err == nil {
			t.Errorf("%q is taken for one", text)
		}
	}
}
