package dataset

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"
)

// DataDirEnv names the folder to look for datasets in where data.dir is not set,
// before the user's cache.
const DataDirEnv = "HARNESS_DATA_DIR"

// bases are the folders that datasets may lie in or below. A folder that was
// asked for is the only one: a run must not come by other images than those its
// user pointed at.
func bases(dir string) []string {
	if dir != "" {
		return []string{dir}
	}
	usual := []string{cacheDir()}
	if dir = os.Getenv(DataDirEnv); dir != "" {
		usual = slices.Insert(usual, 0, dir)
	}
	return usual
}

func cacheDir() string { return filepath.Join(xdg.CacheHome, "harness", "data") }

// find returns the first folder that holds all four files. One with the files of
// another dataset is passed over.
func (s IDX) find(dir string) (place string, err error) {
	var foreign string
	var looked []string
	for _, base := range bases(dir) {
		note := ""
		for _, place := range s.places(base) {
			lacks := s.lacks(place)
			if len(lacks) == 0 {
				other := s.foreign(place)
				if other == "" {
					return place, nil
				}
				foreign = cmp.Or(foreign, fmt.Sprintf("the files in %s are those of %s, not of %s\n", place, other, s.ID))
			} else if len(lacks) < len(s.Files) && note == "" {
				note = fmt.Sprintf(" (%s lacks %s)", place, strings.Join(lacks, "; "))
			}
		}
		looked = append(looked, base+note)
	}
	return "", s.missing(foreign, looked)
}

// places are the folders below base, and base itself, that the files may be in:
// a folder of the dataset's name comes before one that may hold several datasets.
// torchvision keeps them in a folder raw.
func (s IDX) places(base string) []string {
	var list []string
	for _, name := range append([]string{s.ID}, s.Folders...) {
		list = append(list, filepath.Join(base, name), filepath.Join(base, name, "raw"))
	}
	return append(list, base, filepath.Join(base, "raw"))
}

// lacks names the files that a folder does not hold.
func (s IDX) lacks(place string) []string {
	var names []string
	for _, file := range s.Files {
		path, ok := file.in(place)
		switch {
		case !ok && path != "":
			names = append(names, file.Name+", which is empty")
		case !ok:
			names = append(names, file.Name)
		}
	}
	return names
}

// foreign names the other dataset that a folder's files are those of. The labels
// of the test split tell: they are small.
func (s IDX) foreign(place string) string {
	labels := s.Files[3]
	path, _ := labels.in(place)
	_, sum, err := unpack(path)
	if err != nil {
		return ""
	}
	if name, _, known := ownerOf(sum); known && name != s.ID && !labels.is(sum) {
		return name
	}
	return ""
}

func (s IDX) missing(foreign string, looked []string) error {
	var names []string
	for _, file := range s.Files {
		names = append(names, file.Name+"[.gz]")
	}
	return fmt.Errorf("%sits files are nowhere to be found (%s); looked in, and below,\n  %s\n"+
		"to download them, type: harness data fetch %s\nor name the folder that holds all of them with data.dir or $%s",
		foreign, strings.Join(names, ", "), strings.Join(looked, "\n  "), s.ID, DataDirEnv)
}

// in returns the path of the file in a folder: plain or gzipped, with a dot
// before idx, or in a folder of its own name, as archives have it. An empty file
// is none: its path comes back without ok where there is no other.
func (f IDXFile) in(dir string) (path string, ok bool) {
	empty := ""
	for _, name := range []string{f.Name, strings.Replace(f.Name, "-idx", ".idx", 1)} {
		for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, name+".gz"), filepath.Join(dir, name, name)} {
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			if info.Size() > 0 {
				return path, true
			}
			empty = path
		}
	}
	return empty, false
}
